"""The formats: what each needs, how a run is converted to it, and how what was written before is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from facekit.base import plugins
from facekit.base.contract import FacekitError, Image
from facekit.commands.export import onnx
from facekit.commands.export.subject import Subject
from facekit.options.export import Format
from facekit.runs.export.about import ExportInfo
from facekit.runs.export.session import Inputs, Rows
from facekit.runs.known_faces import KnownVectors

EXPORT, TORCH = "export", "torch"
"""Extras that bring what formats need."""


class Converted(Protocol):
    """A run in another format."""

    def answers(self, inputs: Inputs) -> Rows:
        """Return the probabilities that it gives."""
        ...

    def write(self, output: Path, about: ExportInfo, known: KnownVectors | None) -> Path:
        """Write it whole or not at all; return the file or the version. Raises FacekitError."""
        ...


@dataclass(frozen=True)
class Way:
    """How a format is written and read."""

    packages: tuple[str, ...]
    """What is needed beside Keras."""
    extra: str
    """What brings it."""
    convert: Callable[[Subject, ExportInfo, Sequence[Image]], Converted]
    """The faces are to calibrate with, where weights become whole numbers."""
    read: Callable[[Path], ExportInfo | None]
    """What a file or a version says of itself; None of one that facekit did not export."""
    exact: bool = True
    """Whether the answers are the run's own but for the order of additions."""


def way(written: Format, subject: Subject) -> Way:
    """Return how a format is written.

    Raises FacekitError for a package that is missing, and for a run that cannot be written so.
    """
    if written != "onnx" and not subject.is_keras:
        raise FacekitError(
            f"{subject.run.folder} is a linear head on {subject.backbone}, which is no Keras network and cannot become "
            f"{written}; give --format onnx, or train a network: facekit train FACES -o RUN --network NAME"
        )
    one = _WAYS[written]
    for package in one.packages:
        plugins.need(package, f"export --format {written}", one.extra)
    return one


def _keras(part: str, calibrated: bool = False) -> Callable[[Subject, ExportInfo, Sequence[Image]], Converted]:
    """Return what converts a Keras network; Keras is loaded when it does."""

    def convert(subject: Subject, about: ExportInfo, faces: Sequence[Image]) -> Converted:
        kind: Any = plugins.resolve(f"facekit.runs.export.{part}", f"export --format {about.format}")
        made: Converted = kind.of(subject.keras, faces) if calibrated else kind.of(subject.keras)
        return made

    return convert


def _reader(module: str) -> Callable[[Path], ExportInfo | None]:
    def read(place: Path) -> ExportInfo | None:
        found: ExportInfo | None = plugins.resolve(f"facekit.runs.export.{module}:read", "export")(place)
        return found

    return read


def _onnx(subject: Subject, about: ExportInfo, faces: Sequence[Image]) -> Converted:
    return onnx.Onnx.of(subject, about)


_LITERT = ("tensorflow", "ai_edge_litert")

_WAYS: Mapping[Format, Way] = {
    "onnx": Way(("onnx", "onnxruntime"), EXPORT, _onnx, onnx.read),
    "litert": Way(_LITERT, EXPORT, _keras("litert_file:LiteRt"), _reader("litert_file")),
    "litert-int8": Way(_LITERT, EXPORT, _keras("litert_file:LiteRt", True), _reader("litert_file"), exact=False),
    "savedmodel": Way(("tensorflow",), EXPORT, _keras("saved_model:SavedModel"), _reader("saved_model")),
    "torch": Way(("torch",), TORCH, _keras("torch_file:Torch"), _reader("torch_file")),
}
