"""Turn and scale a face so that its landmarks are where a face network expects them."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from facekit.base.contract import Image, Points

DLIB: Points = (
    (0.739712, 0.308999),
    (0.597374, 0.319312),
    (0.247050, 0.309152),
    (0.389390, 0.319376),
    (0.493408, 0.585198),
)
"""Where dlib's mean face has its five landmarks, as shares of the picture's side, at its network's margin.

The outer and inner corner of the eye at the picture's right, those of the eye at its left, and under the nose.
"""

SFACE: Points = (
    (0.341916, 0.461574),
    (0.656534, 0.459834),
    (0.500225, 0.640505),
    (0.370976, 0.824692),
    (0.631517, 0.823250),
)
"""Where SFace and the ArcFace family want eyes, tip of the nose and corners of the mouth, the picture's left first."""

FIVE: Points = (
    (0.318220, 0.314264),
    (0.668543, 0.314156),
    (0.493450, 0.514416),
    (0.348466, 0.718748),
    (0.638575, 0.718658),
)
"""The points of `SFACE` in the frame of `DLIB`: a face aligned by either has its eyes at the same places."""

Matrix = NDArray[np.float64]
"""A similarity, shape (2, 3): it turns, scales and moves, and never shears."""


def similarity(source: Points, target: Points) -> Matrix:
    """Return the similarity that brings the points of `source` nearest to those of `target`, by least squares."""
    # As complex numbers, a turn and a scaling are one factor; for so few points plain Python is faster than NumPy.
    a, b = ([complex(x, y) for x, y in points] for points in (source, target))
    middle_a, middle_b = sum(a) / len(a), sum(b) / len(b)
    over = sum((p - middle_a).conjugate() * (q - middle_b) for p, q in zip(a, b, strict=True))
    turn = over / sum(abs(p - middle_a) ** 2 for p in a)
    move = middle_b - turn * middle_a
    return np.array([[turn.real, -turn.imag, move.real], [turn.imag, turn.real, move.imag]])


def moved(points: Points, matrix: Matrix) -> Points:
    """Return the points moved by a similarity."""
    places = np.asarray(points) @ matrix[:, :2].T + matrix[:, 2]
    return tuple((float(x), float(y)) for x, y in places)


def scale_of(matrix: Matrix) -> float:
    """Return the factor by which a similarity scales."""
    return float(np.hypot(matrix[0, 0], matrix[1, 0]))


def align(image: Image, points: Points, side: int, template: Points = DLIB, margin: float = 0.0) -> Image:
    """Return the face, shape (side, side, 3), with its landmarks at the template's; outside the photo it is black.

    `points` are pixels of the photo in the order of the template. `margin` leaves space around the face, as
    `crop` does: the template then fills the middle side / (1 + margin) of the picture.
    """
    # A pixel's coordinates are those of its middle: the first lies half a pixel inside the picture's edge.
    wanted = tuple((_inside(x, margin) * side - 0.5, _inside(y, margin) * side - 0.5) for x, y in template)
    return _warp(image, similarity(wanted, points), side)


def _inside(share: float, margin: float) -> float:
    return 0.5 + (share - 0.5) / (1 + margin)


def _warp(image: Image, back: Matrix, side: int) -> Image:
    """Return the square whose pixels lie in the photo where `back` says."""
    region, back = _region(image, back, side)
    shrink = min(int(scale_of(back)), *region.shape[:2])
    if shrink > 1:  # fewer samples than pixels would pick some and skip the rest
        height, width = region.shape[0] // shrink, region.shape[1] // shrink
        # Whole blocks of pixels alone: OpenCV is many times as fast with those.
        blocks = region[: height * shrink, : width * shrink]
        region = np.asarray(cv2.resize(blocks, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        back = back / shrink
        back[:, 2] += (1 / shrink - 1) / 2
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(region, back, (side, side), flags=flags), np.uint8)


def _region(image: Image, back: Matrix, side: int) -> tuple[Image, Matrix]:
    """Cut out the part of a photo that the square reaches, so that a large photo costs no more than a small one."""
    corners = np.array([[0, 0], [side, 0], [0, side], [side, side]]) @ back[:, :2].T + back[:, 2]
    room = 2 + scale_of(back)
    height, width = image.shape[:2]
    left, top = np.clip(np.floor(corners.min(0) - room).astype(int), 0, [width - 1, height - 1])
    right, bottom = np.clip(np.ceil(corners.max(0) + room).astype(int), [left + 1, top + 1], [width, height])
    return image[top:bottom, left:right], back - np.array([[0, 0, left], [0, 0, top]])
