"""SFace (Zhong 2021): OpenCV's own face network, aligned by YuNet's five points. Both weights are fetched once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from facekit.base import images, weights
from facekit.base.contract import BadImage, Box, Face, Image, Points
from facekit.faces import alignment
from facekit.faces.detectors.boxes import overlap
from facekit.faces.detectors.yunet import YuNet
from facekit.faces.landmarks import NO_FACE

SIDE = 112

_MARGIN = 1.0
"""Space around the box that YuNet sees, as a share of its side: it needs the whole head."""

_SEARCHED_AT = 320

_MIN_OVERLAP = 0.1
"""Overlap with the box below which a face is a different one: YuNet's boxes are narrow and tall."""


class SFace:
    """The network, run by OpenCV. Not thread-safe."""

    name: str = "sface"
    metric: Literal["euclidean", "cosine"] = "cosine"
    threshold: float = 0.637
    """One minus the cosine of .363 that OpenCV's documentation gives for LFW."""
    dimensions: int = 128
    licence: str = weights.PINS["sface"].licence
    accuracy: str = "99.40% on LFW (OpenCV zoo)"
    files: ClassVar[tuple[str, ...]] = ("sface", "yunet")
    """The weights that it needs."""

    def __init__(self) -> None:
        """Load the weights. Raises FacekitError where they can neither be found nor fetched."""
        self._network = cv2.FaceRecognizerSF.create(str(weights.path("sface")), "")
        self._finder = YuNet(min_size=1, longest=_SEARCHED_AT)
        self.version = f"{weights.PINS['sface'].sha256[:12]}.1"

    def align(self, image: Image, box: Box | None = None) -> Image:
        """Return the face at 112x112. Raises BadImage where YuNet sees none in the box, or at all."""
        return alignment.align(image, self._points(image, box), SIDE, alignment.SFACE)

    def embed(self, faces: Sequence[Image]) -> NDArray[np.float32]:
        """Return the vectors of aligned faces, shape (faces, 128)."""
        vectors = [self._network.feature(images.as_bgr(face)).ravel() for face in faces]
        return np.asarray(vectors, np.float32).reshape(-1, self.dimensions)

    def _points(self, image: Image, box: Box | None) -> Points:
        around = images.square(box, _MARGIN) if box else images.whole(image)
        inside = box._replace(x=box.x - around.x, y=box.y - around.y) if box else around
        found = self._finder.detect(images.cut(image, around))
        face = max(found, key=lambda face: overlap(face.box, inside), default=None)
        if face is None or face.points is None or (box and overlap(face.box, inside) < _MIN_OVERLAP):
            raise BadImage(NO_FACE)
        return _moved(face, around)


def _moved(face: Face, by: Box) -> Points:
    return tuple((x + by.x, y + by.y) for x, y in face.points or ())
