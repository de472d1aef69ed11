"""ONNX: one file, or a version in a folder as Triton reads it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from facekit.base.contract import FacekitError
from facekit.commands.export.subject import Subject
from facekit.runs.export import model, onnx_file, placing, triton
from facekit.runs.export.about import ExportInfo
from facekit.runs.export.session import Inputs, Rows, Session
from facekit.runs.known_faces import KnownVectors


@dataclass(frozen=True)
class Onnx:
    """A run as an ONNX file."""

    data: bytes
    about: ExportInfo

    @classmethod
    def of(cls, subject: Subject, about: ExportInfo) -> Onnx:
        """Convert a run. Raises FacekitError for a package that is missing."""
        if subject.is_keras:
            return cls(onnx_file.of_keras(subject.keras), about)
        if subject.graph is not None:
            return cls(onnx_file.of_head(subject.graph.data, subject.head, subject.graph.mirrored), about)
        return cls(onnx_file.of_head_alone(subject.head), about)

    def answers(self, inputs: Inputs) -> Rows:
        """Return the probabilities that ONNX Runtime gives."""
        return Session(self.data, self.about, "the exported model").run(inputs)[0]

    def write(self, output: Path, about: ExportInfo, known: KnownVectors | None) -> Path:
        """Write the file, and return it; it has been read as `predict` reads it. Raises FacekitError."""
        data = onnx_file.with_metadata(self.data, model.written(about, known))
        if not placing.is_folder(output, "onnx"):
            placing.write_file(output, data)
            return output

        def fill(folder: Path) -> None:
            placing.write_file(folder / model.MODEL_FILE, data)

        name = output.resolve().name
        return placing.add_version(output, triton.beside(name, about), fill) / model.MODEL_FILE


def read(place: Path) -> ExportInfo | None:
    """Return what a file, or a version in a folder, says of itself; None of one that facekit did not export."""
    try:
        return model.load(place / model.MODEL_FILE if place.is_dir() else place).about
    except (FacekitError, FileNotFoundError):
        return None
