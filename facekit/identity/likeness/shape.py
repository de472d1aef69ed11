"""The coarse shape of a picture: edge directions in 6x6 cells (after Dalal and Triggs 2005)."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from facekit.base.images import Gray

CELLS = 6
WAYS = 8
SIDE = 48
LENGTH = CELLS * CELLS * WAYS

Floats = NDArray[np.float32]

_ROW, _COLUMN = np.mgrid[:SIDE, :SIDE]


def shape(grey: Gray) -> Floats:
    """Return the shape of grey pixels, a vector of length 1, or 0 for a flat picture.

    Each pixel's slope counts beside those around it, so that light and contrast hardly matter.
    """
    pixels = cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    pixels = cv2.GaussianBlur(pixels, (0, 0), 1.0)
    right, down = cv2.Sobel(pixels, cv2.CV_32F, 1, 0), cv2.Sobel(pixels, cv2.CV_32F, 0, 1)
    strength = np.hypot(right, down)
    strength /= np.sqrt(cv2.GaussianBlur(strength * strength, (0, 0), 6) + 20)
    way = np.arctan2(down, right) * (WAYS / (2 * np.pi)) % WAYS
    lower = np.floor(way).astype(np.intp)
    share = strength * (way - lower)
    planes = np.zeros((SIDE, SIDE, WAYS), np.float32)
    planes[_ROW, _COLUMN, lower % WAYS] = strength - share
    planes[_ROW, _COLUMN, (lower + 1) % WAYS] += share
    planes = cv2.GaussianBlur(planes, (0, 0), SIDE / CELLS / 2)
    cells = cv2.resize(planes, (CELLS, CELLS), interpolation=cv2.INTER_AREA)
    cells -= cells.mean(axis=(0, 1))
    length = float(np.linalg.norm(cells))
    return np.asarray(cells.ravel() / length if length > 0.05 else np.zeros(LENGTH), np.float32)


def mirrored(shapes: Floats) -> Floats:
    """Return the shapes of the mirror images of pictures, shape (pictures, LENGTH)."""
    cells = shapes.reshape(-1, CELLS, CELLS, WAYS)[:, :, ::-1]
    return np.ascontiguousarray(cells[..., (WAYS // 2 - np.arange(WAYS)) % WAYS].reshape(shapes.shape))
