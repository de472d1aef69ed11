"""Align one picture with another, and decide whether they show one photo."""

from __future__ import annotations

from typing import Literal, NamedTuple

import cv2
import numpy as np

from facekit.base.images import Gray
from facekit.identity.likeness import cells
from facekit.identity.likeness.cells import Agreement
from facekit.identity.likeness.features import Floats, Warp, matches, place
from facekit.identity.likeness.fingerprints import Fingerprint

Reason = Literal["photo", "burst"]

EQUAL_SIDE, EQUAL_WHOLE, EQUAL_FINE, EDGE = 64, 0.999, 0.99, 5
"""Least correlations, whole and fine, of pictures that no eye can tell apart, at 64 pixels without their edge."""

BLUR = 1.2
"""What is smoothed before two pictures are laid over one another, in pixels."""

ROUNDS = ((2, 12), (1, 6), (1, 20))
"""The fine alignment: pictures are this many times smaller, for so many steps. Most that are one photo need few."""

PROMISING = 0.35
"""Least share of cells that agree after the first steps at full size, for the last to be taken."""

STRETCH = 1.25
"""Greatest ratio of the stretches of a warp in its two directions."""

AGREE = 6
"""Least number of features that agree on where one picture lies in the other, for it to be tried."""

SAME_SHAPE = 0.75
"""Least cosine of the shapes of two pictures that may have the same frame."""

PLACED, FRAMED = 0.3, 0.1
"""Least share of cells that agree before the fine alignment, for it to be tried: placed by features or by frame."""

CELLS, OVERLAP = 12, 0.15
"""Least number of cells with texture that both show, and least share of one picture that the other shows."""


SAME = (0.88, 0.5)
"""Least shares of cells that agree, and that agree exactly, of two photos of a burst."""

COVERED, REST, EXACT_CELLS, FEW = 0.46, 0.85, 40, 0.75
"""Under a text or a logo few cells agree, but those exactly: least share of them, of those that agree at all, and least
number; where there are few cells, the least share of them instead. The frames of a burst agree, but less exactly."""

WORSE = 0.7
"""How much sharper, or noisier, one of two must be to excuse that fewer cells agree. Frames of one camera are not."""

WRITTEN = (0.3, 0.67)
"""A text makes one of two sharper. Least shares then, as of `COVERED` and `REST`."""

EXCUSED, SPOILT = (0.65, 0.1), (1.2, 0.55, 0.1)
"""Least shares of cells that agree, and agree exactly, of a blurred or noisy one; before them, how much worse one is
of which less is asked. Pictures that differ so much in sharpness, and are not one photo, agree in a third at most."""

SURE = 0.9
"""Least share of cells that agree exactly for the same picture again; frames of a burst seldom reach it."""


class Proof(NamedTuple):
    """Two pictures, by position, that show one photo.

    A `repeat` is the same picture again; without it they are still too alike for both sides of a split.
    Where `equal`, no eye could tell them apart: then the first represents the second in all other proofs.
    The `reason` says whether they are one photo or two of a burst, taken seconds apart; a burst is never a repeat.
    """

    first: int
    second: int
    repeat: bool
    equal: bool = False
    reason: Reason = "photo"


def compare(one: Fingerprint, other: Fingerprint, mirrored: bool = False) -> Agreement:
    """Return how two pictures, one perhaps mirrored, agree where they are laid over one another as well as can be.

    Features say where one lies in the other. Where they do not, two of one shape may have the same frame.
    """
    a, b = sorted((one, other), key=lambda seen: seen.pixels.tobytes())
    b = b.flipped() if mirrored else b
    placed = place(a.features, b.features, matches(a.features, b.features))
    found = cells.NOTHING
    if placed is not None and placed.agree >= AGREE:
        found = _aligned(a.pixels, b.pixels, placed.warp, PLACED)
    if found.exact < COVERED and np.dot(a.shape.astype(np.float32), b.shape.astype(np.float32)) >= SAME_SHAPE:
        (height, width), (tall, wide) = a.pixels.shape, b.pixels.shape
        whole = np.array([[wide / width, 0, 0], [0, tall / height, 0]], np.float32)
        found = max(found, _aligned(a.pixels, b.pixels, whole, FRAMED), key=_weight)
    return found


def verdict(found: Agreement) -> tuple[bool, Reason] | None:
    """Return whether pictures that agree so are a repeat, and why they belong together; None where they do not."""
    if found.cells < CELLS or found.overlap < OVERLAP:
        return None
    worse = found.apart >= WORSE
    excused = worse and _reaches(found, *EXCUSED)
    if found.exact >= SURE or excused:
        return True, "photo"
    least = EXACT_CELLS / found.cells
    covered = found.exact >= max(COVERED, REST * found.share, min(least, FEW))
    written = worse and found.exact >= max(WRITTEN[0], WRITTEN[1] * found.share, least)
    spoilt = found.apart >= SPOILT[0] and _reaches(found, *SPOILT[1:])
    if covered or written or spoilt:
        return False, "photo"
    return (False, "burst") if _reaches(found, *SAME) else None


def _reaches(found: Agreement, share: float, exact: float) -> bool:
    return found.share >= share and found.exact >= exact


def equal(one: Fingerprint, other: Fingerprint) -> bool:
    """Whether no eye could tell two pictures apart."""
    a, b = (_small(seen.pixels) for seen in (one, other))
    whole, fine = correlation(_inner(a), _inner(b)), correlation(_inner(detail(a)), _inner(detail(b)))
    return whole >= EQUAL_WHOLE and fine >= EQUAL_FINE


def detail(pixels: Floats) -> Floats:
    """Return what a blur takes from a picture: its fine structure."""
    return np.asarray(pixels - cv2.GaussianBlur(pixels, (0, 0), 4), np.float32)


def correlation(a: Floats, b: Floats) -> float:
    """Return Pearson's, 0 where one of the two is flat."""
    a, b = a - a.mean(), b - b.mean()
    length = float(np.sqrt(np.dot(a, a) * np.dot(b, b)))
    return float(np.dot(a, b)) / length if length > 1e-3 else 0.0


def _small(pixels: Gray) -> Floats:
    square = cv2.resize(pixels, (EQUAL_SIDE, EQUAL_SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(square, (0, 0), 1.0), np.float32)


def _inner(pixels: Floats) -> Floats:
    return pixels[EDGE:-EDGE, EDGE:-EDGE].ravel()


def _weight(found: Agreement) -> float:
    return (found.share + found.exact) * min(1.0, found.cells / 30)


def _aligned(a: Gray, b: Gray, warp: Warp, hope: float) -> Agreement:
    """Compare two pictures in the frame of the coarser, aligned from a first guess that agrees in `hope` at least."""
    if np.linalg.det(warp[:, :2]) < 1:
        a, b, warp = b, a, np.asarray(cv2.invertAffineTransform(warp), np.float32)
    found = cells.agreement(a, b, warp)
    if found.share < hope:
        return found
    for shrink, rounds in ROUNDS:
        better = None if found.exact >= SURE else _refined(a, b, warp, rounds, shrink)
        if better is not None:
            warp = better
            if shrink == 1:
                found = max(found, cells.agreement(a, b, warp), key=_weight)
        if shrink == 1 and (better is None or found.share < PROMISING):
            break
    return found


def _refined(a: Gray, b: Gray, start: Warp, rounds: int, shrink: int) -> Warp | None:
    """Return the affine warp that lays b over a (ECC, Evangelidis and Psarakis 2008), or None where nothing does."""
    stop = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, rounds, 1e-4)
    one, other = (_shrunk(_soft(pixels), shrink) for pixels in (a.astype(np.float32), cells.smoothed(b, start)))
    middle = (shrink - 1) / 2  # of the pixels that become one
    shift = start[:, :2].sum(axis=1) * middle - middle
    begin = np.column_stack([start[:, :2], (start[:, 2] + shift) / shrink]).astype(np.float32)
    try:
        _, warp = cv2.findTransformECC(one, other, begin, cv2.MOTION_AFFINE, stop, np.empty(0, np.uint8), 3)
    except cv2.error:  # it says so when nothing converges
        return None
    least, most = sorted(np.linalg.svd(warp[:, :2].astype(np.float64), compute_uv=False))
    if most >= STRETCH * least:
        return None
    warp[:, 2] = warp[:, 2] * shrink - warp[:, :2].sum(axis=1) * middle + middle
    return np.asarray(warp, np.float32)


def _soft(pixels: Floats) -> Floats:
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), BLUR), np.float32)


def _shrunk(pixels: Floats, shrink: int) -> Floats:
    """Return a picture that many times smaller, without the rows and columns that are left over."""
    if shrink == 1:
        return pixels
    height, width = (side // shrink for side in pixels.shape)
    whole = pixels[: height * shrink, : width * shrink]
    return np.asarray(cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA), np.float32)
