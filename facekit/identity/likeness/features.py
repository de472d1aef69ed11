"""Local features of a picture (SIFT, Lowe 2004), and where one picture appears in another according to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from facekit.base.images import Gray

Floats = NDArray[np.float32]
Places = NDArray[np.intp]
Warp = NDArray[np.float32]
"""Takes a point of one picture to the other, shape (2, 3)."""

CONTRAST = 0.02
"""Least contrast of a feature, half of OpenCV's: faces are smooth."""

OFFSET = np.float32(0.25)
"""From OpenCV's points, a quarter of a pixel too far right and down, to distances from the picture's corner."""

UNIT = 400.0
"""What a descriptor's 1.0 is stored as: few values are above 0.6, and they are clipped."""

RATIO = 0.9
"""Greatest distance of a match, as a share of the distance to the second best."""

ALIKE = 0.6
"""Least cosine of two descriptors that match."""

TURN = np.deg2rad(30)
SCALE = 5.0
"""Greatest turn and change of scale between two pictures."""

NEAR = 3.0
"""Pixels, of the coarser picture, within which a match agrees with a placing."""

MIRROR = np.arange(128).reshape(4, 4, 8)[::-1][:, :, -np.arange(8) % 8].ravel()
"""Where the numbers of a descriptor are in that of the mirrored patch."""


@dataclass(frozen=True)
class Features:
    """Features of a picture, the largest first: points in its pixels, sizes, angles in radians, descriptors.

    Shapes (n, 2), (n,), (n,) and (n, 128).
    """

    points: Floats
    sizes: Floats
    angles: Floats
    descriptors: NDArray[np.uint8]

    def __len__(self) -> int:
        """How many there are."""
        return len(self.points)

    def mirrored(self, width: int) -> Features:
        """Return the features of the picture's mirror image: the same patches, seen from behind."""
        points = self.points.copy()
        points[:, 0] = width - 1 - points[:, 0]
        return Features(points, self.sizes, np.float32(np.pi) - self.angles, self.descriptors[:, MIRROR])


class Placing(NamedTuple):
    """Where features say that a picture lies in another: the warp, and how many matches agree with it."""

    warp: Warp
    agree: int


def features(grey: Gray, count: int, scale: float) -> Features:
    """Return up to `count` features of grey pixels; points and sizes are multiplied by `scale`.

    Half are the largest, which outlive blur, noise and shrinking; half the clearest, which may be a small part's own.
    """
    found, rows = _finder(count).detectAndCompute(grey, None)
    if rows is None:
        rows = np.zeros((0, 128), np.float32)
    sizes = np.array([one.size for one in found], np.float32)
    # The rest of the order is for ties: it must not hang on how OpenCV's threads ran.
    points = np.array([one.pt for one in found], np.float32).reshape(-1, 2)
    angles = np.deg2rad(np.array([one.angle for one in found], np.float32))
    clear = np.array([-one.response for one in found], np.float32)
    large, small = (np.lexsort((angles, points[:, 1], points[:, 0], by)) for by in (-sizes, clear))
    best = np.array(list(dict.fromkeys([*large[: count // 2], *small]))[:count], np.intp)
    rows = np.sqrt(rows[best] / np.maximum(rows[best].sum(axis=1, keepdims=True), 1e-6))
    stored = np.minimum(np.rint(rows * UNIT), 255).astype(np.uint8)
    return Features(
        (points[best] + OFFSET) * np.float32(scale) - np.float32(0.5),
        sizes[best] * np.float32(scale),
        angles[best],
        stored,
    )


def _finder(count: int) -> Any:
    return cv2.SIFT_create(nfeatures=3 * count, contrastThreshold=CONTRAST)  # type: ignore[attr-defined]


def matches(a: Features, b: Features) -> Places:
    """Return pairs of features that are each other's nearest, and nearer than the second, shape (n, 2)."""
    if len(a) < 2 or len(b) < 2:
        return np.zeros((0, 2), np.intp)
    cosines = cv2.gemm(_unit(a.descriptors), _unit(b.descriptors), 1, None, 0, flags=cv2.GEMM_2_T)
    rows = np.arange(len(a))
    nearest = cosines.argmax(axis=1)
    top = cosines[rows, nearest]
    mutual = cosines.argmax(axis=0)[nearest] == rows
    cosines[rows, nearest] = -1
    apart = (1 - top) < RATIO**2 * (1 - cosines.max(axis=1))
    good = mutual & apart & (top > ALIKE)
    return np.stack([rows[good], nearest[good]], axis=1)


def place(a: Features, b: Features, pairs: Places) -> Placing | None:
    """Return the similarity transform from a to b that most matches agree with; None without matches.

    Each match says where b lies by itself, as features have a size and an angle, so all are tried, and none by chance.
    """
    one, other = pairs[:, 0], pairs[:, 1]
    scale = b.sizes[other] / a.sizes[one]
    turn = (b.angles[other] - a.angles[one] + np.pi) % (2 * np.pi) - np.pi
    able = (np.abs(turn) < TURN) & (np.abs(np.log(scale)) < np.log(SCALE))
    if not able.any():
        return None
    start, end, scale, turn = a.points[one[able]], b.points[other[able]], scale[able], turn[able]
    linear = scale[:, None, None] * _turned(turn)
    shift = end - np.einsum("nij,nj->ni", linear, start)
    apart = np.linalg.norm(np.einsum("nij,kj->nki", linear, start) + shift[:, None] - end, axis=2)
    near = (apart < NEAR * np.maximum(1, scale)[:, None]) & (np.abs(np.log(scale / scale[:, None])) < np.log(1.6))
    best = int(near.sum(axis=1).argmax())
    warp = np.hstack([linear[best], shift[best][:, None]]).astype(np.float32)
    return _refitted(start, end, near[best], warp)


def _refitted(start: Floats, end: Floats, near: NDArray[np.bool_], warp: Warp) -> Placing:
    """Fit the transform to all that agree, twice, as long as no fewer agree."""
    for _ in range(2):
        fitted = similarity(start[near], end[near]) if near.sum() >= 3 else None
        if fitted is None:
            break
        apart = np.linalg.norm(start @ fitted[:, :2].T + fitted[:, 2] - end, axis=1)
        agree = apart < NEAR * max(1.0, float(np.hypot(fitted[0, 0], fitted[1, 0])))
        if agree.sum() < near.sum():
            break
        near, warp = agree, fitted
    return Placing(warp, int(near.sum()))


def similarity(start: Floats, end: Floats) -> Warp | None:
    """Return the similarity transform that takes points to others with the least squares; None for a single place."""
    middle, aim = start.mean(axis=0), end.mean(axis=0)
    x, y = start - middle, end - aim
    spread = float((x * x).sum())
    if spread < 1e-3:
        return None
    along = float((x * y).sum()) / spread
    across = float((x[:, 0] * y[:, 1] - x[:, 1] * y[:, 0]).sum()) / spread
    linear = np.array([[along, -across], [across, along]])
    return np.hstack([linear, (aim - linear @ middle)[:, None]]).astype(np.float32)


def _turned(angles: Floats) -> Floats:
    cos, sin = np.cos(angles), np.sin(angles)
    return np.stack([np.stack([cos, -sin], axis=1), np.stack([sin, cos], axis=1)], axis=1)


def _unit(descriptors: NDArray[np.uint8]) -> Floats:
    rows = descriptors.astype(np.float32)
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1), np.float32)
