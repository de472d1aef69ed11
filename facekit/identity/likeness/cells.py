"""Whether two aligned pictures agree, cell by cell.

What lies over a photo (a text, a logo) spoils some cells and leaves the others as they were; two photos of one person
agree in few. So the share of cells that agree decides, never one number for the whole. Only the middle band of detail
is compared: light and colour change the coarse, noise and compression the fine.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from facekit.base.images import Gray

Floats = NDArray[np.float32]

CELL = 8
"""Side of a cell, in pixels of the coarser picture."""

FINE, COARSE = 1.0, 4.0
"""Deviations of the blurs whose difference is compared, in pixels of the coarser picture."""

TEXTURE = 2.0
"""Least variance of a cell that shows something; of the other picture's cell a quarter is enough."""

CLIPPED = 0.2
"""Greatest share of black and white pixels in a cell that is compared."""

AGREES, EXACT = 0.85, 0.95
"""Least correlation of two cells that agree, and of two that do so exactly."""


class Agreement(NamedTuple):
    """How two pictures agree where both show something."""

    share: float
    """Of the cells with texture, those that agree."""
    exact: float
    """Those that agree exactly."""
    cells: int
    """Cells with texture that both show."""
    overlap: float
    """Of one picture, what the other shows too: the more of the two, as one may be a part of the other."""
    apart: float
    """How much sharper, or noisier, one of the two is, as a logarithm."""


NOTHING = Agreement(0.0, 0.0, 0, 0.0, 0.0)


def agreement(a: Gray, b: Gray, warp: NDArray[np.float32]) -> Agreement:
    """Return how `a` agrees with the finer picture `b`, which `warp` takes its points to."""
    height, width = a.shape
    flags = cv2.WARP_INVERSE_MAP
    over = cv2.warpAffine(
        smoothed(b, warp), warp, (width, height), flags=flags | cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    shown = cv2.warpAffine(np.ones(b.shape, np.float32), warp, (width, height), flags=flags | cv2.INTER_NEAREST)
    inside = _means(cv2.erode(shown, np.ones((7, 7), np.uint8))) > 0.9
    first, second = a.astype(np.float32), np.asarray(over, np.float32)
    inside &= (_means(_clipped(first)) < CLIPPED) & (_means(_clipped(second)) < CLIPPED)
    (one, fine), (other, their_fine) = _bands(first), _bands(second)
    mean, their = _means(one), _means(other)
    variance, theirs = _means(one * one) - mean * mean, _means(other * other) - their * their
    common = _means(one * other) - mean * their
    textured = inside & (variance > TEXTURE) & (theirs > TEXTURE / 4)
    if not textured.any():
        return NOTHING
    found = common[textured] / np.sqrt(variance[textured] * theirs[textured])
    area = inside.sum() * CELL**2
    theirs_too = area * abs(np.linalg.det(warp[:, :2].astype(np.float64))) / b.size
    spans = min(max(area / a.size, theirs_too), 1.0)
    share, exact = (float((found > bound).mean()) for bound in (AGREES, EXACT))
    apart = abs(_sharpness(fine, textured, variance) - _sharpness(their_fine, textured, theirs))
    return Agreement(share, exact, int(textured.sum()), float(spans), apart)


def smoothed(finer: Gray, warp: NDArray[np.float32]) -> Floats:
    """Return a picture without the detail that is lost where a pixel of the other covers several of its own."""
    scale = float(np.sqrt(abs(np.linalg.det(warp[:, :2].astype(np.float64)))))
    pixels = finer.astype(np.float32)
    if scale < 1.15:
        return pixels
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), 0.5 * np.sqrt(scale * scale - 1)), np.float32)


def _clipped(pixels: Floats) -> Floats:
    """Return where pixels are black or white: nothing can be said of what was there."""
    return np.asarray((pixels < 3) | (pixels > 252), np.float32)


def _sharpness(fine: Floats, textured: NDArray[np.bool_], variance: Floats) -> float:
    """Return the logarithm of how much of the texture is finer than what is compared."""
    return float(np.log(_means(fine * fine)[textured].sum() + 0.1) - np.log(variance[textured].sum() + 0.1))


def _bands(pixels: Floats) -> tuple[Floats, Floats]:
    """Return the detail of a picture that is compared, and what is finer than it."""
    soft = cv2.GaussianBlur(pixels, (0, 0), FINE)
    return np.asarray(soft - cv2.GaussianBlur(pixels, (0, 0), COARSE), np.float32), np.asarray(
        pixels - soft, np.float32
    )


def _means(pixels: Floats) -> Floats:
    """Return the mean of each cell of which more than half is in the picture; the rest of it is mirrored."""
    height, width = pixels.shape
    down, across = (max(1, (side + CELL // 2 - 1) // CELL) for side in (height, width))
    more = max(0, down * CELL - height), max(0, across * CELL - width)
    if any(more):
        pixels = np.asarray(cv2.copyMakeBorder(pixels, 0, more[0], 0, more[1], cv2.BORDER_REFLECT_101), np.float32)
    whole = pixels[: down * CELL, : across * CELL]
    return np.asarray(cv2.resize(whole, (across, down), interpolation=cv2.INTER_AREA), np.float32)
