"""YuNet (Wu, Peng, Yu 2023), a small network that OpenCV runs: faces of any pose, with five points each."""

from __future__ import annotations

import cv2
import numpy as np

from facekit.base import images, weights
from facekit.base.contract import Box, Face, Image
from facekit.faces.detectors.boxes import largest_first
from facekit.options.crop import FaceCrop

_OVERLAP = 0.3
_MOST = 5000

SCORE = 0.7
"""Least score of a face: on real photos the network finds nothing at .6 that is no face, but many far too blurred."""


class YuNet:
    """The network on a scaled-down picture. `score` is its own, up to 1.

    `points` are the eyes, the tip of the nose and the corners of the mouth, the left one in the picture first.
    """

    def __init__(self, min_size: int = 40, longest: int = 640, score: float = SCORE) -> None:
        """Load the weights. Raises FacekitError where they can neither be found nor fetched."""
        file = weights.path("yunet")
        self._network = cv2.FaceDetectorYN.create(str(file), "", (320, 320), score, _OVERLAP, _MOST)
        self._min_size, self._longest = min_size, longest

    def detect(self, image: Image) -> list[Face]:
        """Return the faces of an RGB picture, largest first."""
        small, scale = images.shrink(image, self._longest)
        self._network.setInputSize((small.shape[1], small.shape[0]))
        _, rows = self._network.detect(images.as_bgr(small))
        faces = [_face(row, scale) for row in ([] if rows is None else np.asarray(rows, np.float64))]
        return largest_first(face for face in faces if max(face.box.w, face.box.h) >= self._min_size)


def build(crop: FaceCrop) -> YuNet:
    """Return the detector for the crop options."""
    return YuNet(crop.min_size, crop.detect_at)


def _face(row: np.ndarray[tuple[int], np.dtype[np.float64]], scale: float) -> Face:
    box = Box(*(round(v / scale) for v in row[:4].tolist()))
    points = tuple((float(x / scale), float(y / scale)) for x, y in row[4:14].reshape(5, 2))
    return Face(box, round(float(row[14]), 3), points)
