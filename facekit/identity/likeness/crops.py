"""Whether one picture is a crop of the other, or both are of one photo: found by its middle, then laid over it.

A hash fails for pictures cropped by a fifth, and warping alone does not find the place. So the middle of one is
looked for in the other at several scales, mirrored too, and only what both show is compared.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from facekit.base.images import Gray
from facekit.identity.likeness.fingerprints import SIDE
from facekit.identity.likeness.proof import EDGE, REPEAT, SAME_PHOTO, Bound, Warp, align, correlation, detail, in_order

SCALES = tuple(2.0 ** (step / 6) for step in range(-4, 5))
"""Sizes of one picture in the other that are tried: from 0.63 to 1.6, near enough for the warp to find the rest."""

MIDDLE = 32
"""Side of the middle that is looked for, of 64."""

FOUND = 0.8
"""Least correlation of the middle where it is found: a turn of 8 degrees leaves 0.81 or more."""

SHARED = 0.25
"""Least share of a picture that the other shows too."""


class Place(NamedTuple):
    """Where the middle of `a` was found in `b`, and how well it fits."""

    fit: float
    warp: Warp
    a: Gray
    b: Gray


def judge(one: Gray, other: Gray) -> bool | None:
    """Return whether two pictures, one perhaps cropped or mirrored, are a repeat; None where they are not one photo."""
    a, b = in_order(one, other, False)
    flipped = np.ascontiguousarray(b[:, ::-1])
    # Both ways: the middle of a crop is in the whole picture, but not the reverse.
    place = max((_find(*pair) for pair in ((a, b), (b, a), (a, flipped), (flipped, a))), key=lambda found: found.fit)
    if place.fit < FOUND:
        return None
    warp = align(place.a, place.b, place.warp, rounds=60)
    if warp is None:
        return None
    left = _where_both(place.a, place.b, warp)
    return REPEAT.reached_by(left) if SAME_PHOTO.reached_by(left) else None


def _find(a: Gray, b: Gray) -> Place:
    edge = (SIDE - MIDDLE) // 2
    middle = a[edge:-edge, edge:-edge]
    best = Place(-1.0, np.eye(2, 3, dtype=np.float32), a, b)
    if middle.std() < 1:
        return best
    for scale in SCALES:
        side = round(SIDE * scale)
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        fits = cv2.matchTemplate(cv2.resize(b, (side, side), interpolation=how), middle, cv2.TM_CCOEFF_NORMED)
        _, fit, _, (x, y) = cv2.minMaxLoc(fits)
        if fit > best.fit:
            warp = np.array([[1, 0, x - edge], [0, 1, y - edge]], np.float32) / scale
            best = Place(fit, warp, a, b)
    return best


def _where_both(a: Gray, b: Gray, warp: Warp) -> Bound:
    """Return how a and the warped b correlate where both show something; 0 where that is too little."""
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    over = cv2.warpAffine(b, warp, (SIDE, SIDE), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    inside = cv2.warpAffine(np.ones_like(b), warp, (SIDE, SIDE), flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP)
    inside = cv2.erode(cv2.copyMakeBorder(inside, 1, 1, 1, 1, cv2.BORDER_CONSTANT), np.ones((2 * EDGE + 1,) * 2))
    shown = inside[1:-1, 1:-1] > 0
    if shown.mean() < SHARED:
        return Bound(0.0, 0.0)
    first, second = a.astype(np.float32), np.asarray(over, np.float32)
    whole, fine = (first, second), (detail(first), detail(second))
    return Bound(*(correlation(one[shown], other[shown]) for one, other in (whole, fine)))
