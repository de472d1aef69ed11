"""Options of `facekit export`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from facekit.base.reporting import Report
from facekit.options.base import Aside, Limits, Options, OutputPath, Short
from facekit.options.common import RunFolder
from facekit.options.following import PHOTOS, command

Format = Literal["onnx", "litert", "litert-int8", "savedmodel", "torch"]


@dataclass(frozen=True, kw_only=True)
class Export(Options):
    """Export a trained model for other programs: ONNX, LiteRT, TensorFlow Serving, Triton or PyTorch."""

    group = "use"
    after = "predict"
    counts = False
    in_recipes = True

    run: RunFolder
    output: Annotated[
        Path,
        "File to write: `.onnx`, `.tflite` or `.pt2`. For a SavedModel, and for ONNX as Triton reads it, the model's "
        "folder in a model repository: each export adds a version.",
        Short("-o"),
        Aside(),
        OutputPath(piped=True),
    ]
    format: Annotated[Format, "What to write: `litert-int8` is a quarter of the size, and a little less accurate."] = (
        "onnx"
    )
    known_faces: Annotated[
        bool,
        "Put the known faces in, which `unknown` is decided by. They are biometric templates of the people that the "
        "model was trained on.",
    ] = True
    count: Annotated[
        int,
        "How many of the run's own pictures to compare the answers on, and to calibrate litert-int8 with.",
        Limits(1, 10_000),
    ] = 200

    def next_command(self, report: Report) -> str | None:
        """Return the command that names faces by the file; nothing after a format that facekit does not read."""
        return command("predict", self.output, PHOTOS) if self.format == "onnx" else None
