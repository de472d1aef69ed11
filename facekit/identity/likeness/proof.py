"""Laying one picture over another, and saying whether they are one photo."""

from __future__ import annotations

from typing import Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from facekit.base import images
from facekit.base.images import Gray
from facekit.identity.likeness.fingerprints import SIDE, Floats

COARSE = 0.8
"""Least correlation at 32 pixels, over shifts of a tenth, at which a pair is laid over one another."""

EDGE = 5
"""Pixels at the edge that are not compared: a warp brings in nothing there."""

Warp = NDArray[np.float32]

Reason = Literal["photo", "burst"]


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


class Bound(NamedTuple):
    """Least correlation of two aligned pictures, and of what a blur takes from them."""

    whole: float
    fine: float

    def reached_by(self, found: Bound) -> bool:
        """Whether two pictures correlate at least so."""
        return found.whole >= self.whole and found.fine >= self.fine


EQUAL = Bound(0.999, 0.99)
REPEAT = Bound(0.995, 0.975)
SAME_PHOTO = Bound(0.992, 0.92)


def judge(one: Gray, other: Gray, mirrored: bool = False) -> bool | None:
    """Return whether two pictures that a hash finds near are a repeat, or None where they are not one photo."""
    a, b = in_order(one, other, mirrored)
    if np.array_equal(a, b) or REPEAT.reached_by(likeness(a, b)):
        return True
    if min(_coarse(a, b), _coarse(b, a)) < COARSE:
        return None
    left = _aligned(a, b)
    return REPEAT.reached_by(left) if SAME_PHOTO.reached_by(left) else None


def in_order(one: Gray, other: Gray, mirrored: bool) -> tuple[Gray, Gray]:
    """Return two pictures in an order of their own: a warped onto b is not quite b warped onto a."""
    a, b = sorted((one, other), key=lambda pixels: pixels.tobytes())
    return a, np.ascontiguousarray(b[:, ::-1]) if mirrored else b


def likeness(a: Gray, b: Gray) -> Bound:
    """Return how two pictures correlate as they are, whole and in fine structure."""
    first, second = a.astype(np.float32), b.astype(np.float32)
    pairs = ((first, second), (detail(first), detail(second)))
    return Bound(*(correlation(_inner(one), _inner(other)) for one, other in pairs))


def align(a: Gray, b: Gray, start: Warp, rounds: int = 30) -> Warp | None:
    """Return the affine warp that lays b over a, or None where nothing does: these are not one photo."""
    stop = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, rounds, 1e-3)
    try:
        _, warp = cv2.findTransformECC(a, b, start.copy(), cv2.MOTION_AFFINE, stop, np.empty(0, np.uint8), 3)
    except cv2.error:  # it says so when nothing converges
        return None
    return np.asarray(warp, np.float32)


def warped(b: Gray, warp: Warp) -> Gray:
    """Return b laid over what it was aligned to."""
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(b, warp, (SIDE, SIDE), flags=flags), np.uint8)


def detail(pixels: Floats) -> Floats:
    """Return what a blur takes from a picture: its fine structure."""
    return np.asarray(pixels - cv2.GaussianBlur(pixels, (0, 0), 4), np.float32)


def correlation(a: Floats, b: Floats) -> float:
    """Return Pearson's, 0 where one of the two is flat."""
    a, b = a - a.mean(), b - b.mean()
    length = float(np.sqrt(np.dot(a, a) * np.dot(b, b)))
    return float(np.dot(a, b)) / length if length > 1e-3 else 0.0


def _inner(pixels: Floats) -> Floats:
    return pixels[EDGE:-EDGE, EDGE:-EDGE].ravel()


def _aligned(a: Gray, b: Gray) -> Bound:
    warp = align(a, b, np.eye(2, 3, dtype=np.float32))
    return Bound(0.0, 0.0) if warp is None else likeness(a, warped(b, warp))


def _coarse(a: Gray, b: Gray) -> float:
    """Return the best correlation of the middle of one picture anywhere in the other, at 32 pixels."""
    small, edge = images.thumbnail(a), 3
    middle = small[edge:-edge, edge:-edge]
    return float(cv2.matchTemplate(images.thumbnail(b), middle, cv2.TM_CCOEFF_NORMED).max())
