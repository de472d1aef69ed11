"""YuNet (Wu, Peng, Yu 2023), a small network that OpenCV runs: faces of any pose, with five points each."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from facekit.base import images, weights
from facekit.base.contract import Box, Face, Image
from facekit.faces.detectors.boxes import largest_first
from facekit.options.crop import FaceCrop

_OVERLAP = 0.3
_MOST = 5000
_LEAST = 64
"""Least width and height that the network is given: at 32 pixels OpenCV 4.14 reads memory that nothing wrote,
and finds faces there one time and none the next."""

_NO_CONFIG = np.empty(0, np.uint8)

Rows = NDArray[np.float64]
"""A face a row: box, five points, score."""

SCORE = 0.7
"""Least score of a face: on real photos the network finds nothing at .6 that is no face, but many far too blurred."""


class YuNet:
    """The network on a scaled-down picture. `score` is its own, up to 1.

    Not thread-safe: one that threads share gives wrong boxes. OpenCV runs its 8-bit weights as they are.

    `points` are the eyes, the tip of the nose and the corners of the mouth, the left one in the picture first.
    """

    def __init__(self, min_size: int = 40, longest: int = 640, score: float = SCORE) -> None:
        """Load the weights. Raises FacekitError where the extra `faces` is not installed."""
        network = np.frombuffer(weights.load("yunet"), np.uint8)
        self._network = cv2.FaceDetectorYN.create("onnx", network, _NO_CONFIG, (320, 320), score, _OVERLAP, _MOST)
        self._min_size, self._longest = min_size, longest

    def detect(self, image: Image) -> list[Face]:
        """Return the faces of an RGB picture, largest first."""
        small, scale = images.shrink(image, self._longest)
        padded = _padded(images.as_bgr(small))
        self._network.setInputSize((padded.shape[1], padded.shape[0]))
        _, rows = self._network.detect(padded)
        faces = [_face(row, scale) for row in _sane(rows, small)]
        return largest_first(face for face in faces if max(face.box.w, face.box.h) >= self._min_size)


def build(crop: FaceCrop) -> YuNet:
    """Return the detector for the crop options."""
    return YuNet(crop.min_size, crop.detect_at)


def _padded(picture: Image) -> Image:
    """Return a picture with black to its right and below, where it is too small for the network."""
    height, width = picture.shape[:2]
    below, right = max(0, _LEAST - height), max(0, _LEAST - width)
    if not (below or right):
        return picture
    return np.asarray(cv2.copyMakeBorder(picture, 0, below, 0, right, cv2.BORDER_CONSTANT), np.uint8)


def _sane(rows: Rows | None, image: Image) -> Rows:
    """Drop boxes that are no boxes: in a picture of a few pixels by thousands the network's numbers overflow."""
    if rows is None:
        return np.empty((0, 15))
    height, width = image.shape[:2]
    wide = np.asarray(rows, np.float64)
    wide = wide[np.isfinite(wide).all(1)]
    middles, sides = wide[:, :2] + wide[:, 2:4] / 2, wide[:, 2:4]
    in_it = ((middles >= 0) & (middles < (width, height)) & (sides >= 1) & (sides <= 2 * max(width, height))).all(1)
    return np.asarray(wide[in_it], np.float64)


def _face(row: Rows, scale: float) -> Face:
    box = Box(*(round(v / scale) for v in row[:4].tolist()))
    points = tuple((float(x / scale), float(y / scale)) for x, y in row[4:14].reshape(5, 2))
    return Face(box, round(float(row[14]), 3), points)
