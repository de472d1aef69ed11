"""A model that was exported from a run, as one ONNX file: it answers as the run does, without Keras.

Such a file may come from a stranger. It is read whole, its graph is checked before anything runs it, and what it says
of itself is held against limits as a run's `model.json` is.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from facekit.base import plain
from facekit.base.contract import FacekitError
from facekit.base.files import json_bytes, read_bytes
from facekit.base.opening import is_there
from facekit.runs import run as runs
from facekit.runs.export import graph
from facekit.runs.export.about import OWN, ExportInfo
from facekit.runs.export.session import Session
from facekit.runs.known_faces import KnownVectors
from facekit.runs.run import MODEL, Run

ABOUT, KNOWN, CLASSES = "facekit", "facekit.known_faces", "facekit.known_classes"
"""Keys of what a file says of itself: JSON; embeddings, and the numbers of their labels, both in base 64."""

MODEL_FILE, TRITON = "model.onnx", "config.pbtxt"
"""What Triton calls a model, and the description beside its versions."""

MAX_FILE = (2 << 30) - 1
"""Bytes of a protocol buffer."""

_AGAIN = "export it again: facekit export RUN --format onnx -o FILE.onnx"

_OTHER = {b"TFL3": "a LiteRT file, which is for phones", b"PK\3\4": "a zip, as PyTorch's exported models are"}


@dataclass(frozen=True)
class Exported(Run):
    """A model in a file; `folder` is the file's path."""

    about: ExportInfo
    data: bytes
    known: KnownVectors | None

    @property
    def embeds_itself(self) -> bool:
        """Whether the model's second output is the embedding that its known faces were embedded by."""
        return self.about.backbone is not None and self.about.backbone.name == OWN

    @cached_property
    def session(self) -> Session:
        """What runs the model. Raises FacekitError without ONNX Runtime, and for a graph that it does not run."""
        return Session(self.data, self.about, str(self.folder))


def open_model(path: Path) -> Run:
    """Read a trained run, or a model that was exported from one: an ONNX file, or the folder that Triton reads.

    Raises FacekitError for what is neither.
    """
    if is_there(path):
        return load(path)
    if (path / TRITON).is_file() and not (path / MODEL).exists():
        return load(_newest(path))
    return runs.load(path)


def load(file: Path) -> Exported:
    """Read an exported ONNX file. Raises FacekitError for another file, and for one that could do harm."""
    data = read_bytes(file, MAX_FILE)
    kind = next((kind for start, kind in _OTHER.items() if start in (data[:4], data[4:8])), None)
    if kind is not None:
        raise FacekitError(f"{file} is {kind}; facekit answers from ONNX files: facekit export RUN -o FILE.onnx")
    try:
        said = graph.metadata(data)
        if ABOUT not in said:
            raise ValueError("it does not say what facekit needs to know")
        about = plain.parse(said[ABOUT], ExportInfo)
        known = _known(about, said)
    except ValueError as error:  # also of text that is not UTF-8
        raise FacekitError(f"{file} is not a model that facekit exported ({error}); {_AGAIN}") from None
    return Exported(file, about.model(), about, data, known)


def written(about: ExportInfo, known: KnownVectors | None) -> dict[str, str]:
    """Return what a file says of itself, as `load` reads it."""
    said = {ABOUT: json_bytes(about.to_json()).decode()}
    if known is not None:
        said[KNOWN] = base64.b64encode(np.asarray(known.vectors, "<f4").tobytes()).decode()
        said[CLASSES] = base64.b64encode(np.asarray(known.classes, "<i4").tobytes()).decode()
    return said


def _known(about: ExportInfo, said: dict[str, str]) -> KnownVectors | None:
    """Return the known faces of a file. Raises ValueError for what no export writes."""
    if not about.known_faces or about.open_set is None:
        return None
    faces, dimensions = about.known_faces, about.open_set.embedder.dimensions
    vectors = _numbers(said.get(KNOWN, ""), "<f4", (faces, dimensions))
    classes = _numbers(said.get(CLASSES, ""), "<i4", (faces,))
    if not (np.isfinite(vectors).all() and classes.min() >= 0 and classes.max() < len(about.labels)):
        raise ValueError("its known faces are not those of its labels")
    return KnownVectors(vectors.astype(np.float32), classes.astype(np.int32))


def _numbers(text: str, kind: str, shape: tuple[int, ...]) -> np.ndarray:
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError("its known faces cannot be read") from None
    if len(data) != 4 * int(np.prod(shape, dtype=object)):
        raise ValueError("it has another number of known faces than it says")
    return np.frombuffer(data, kind).reshape(shape)


def _newest(folder: Path) -> Path:
    """Return the newest version in a folder as Triton reads it. Raises FacekitError where there is none."""
    numbers = sorted(int(entry.name) for entry in folder.iterdir() if entry.name.isdecimal())
    files = [file for number in reversed(numbers) if (file := folder / str(number) / MODEL_FILE).is_file()]
    if not files:
        raise FacekitError(f"{folder} has a {TRITON} and no {MODEL_FILE} in a folder with a number; {_AGAIN}")
    return files[0]
