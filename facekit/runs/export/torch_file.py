"""Write PyTorch's exported program, `.pt2`, which took the place of TorchScript."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from facekit.base import plain, plugins, scratch
from facekit.base.contract import FacekitError
from facekit.networks.backend import Model, engine, keras
from facekit.runs.export import placing
from facekit.runs.export.about import PROBABILITIES, ExportInfo
from facekit.runs.export.model import ABOUT, written
from facekit.runs.export.network import converting, quietly
from facekit.runs.export.session import BATCH, Inputs, Rows
from facekit.runs.known_faces import KnownVectors

_WHAT = "export --format torch"
_MOST = 1024
"""Faces in a batch that the program takes; it says so, because PyTorch wants to know."""


@dataclass(frozen=True)
class Torch:
    """A network as an exported program."""

    program: Any

    @classmethod
    def of(cls, model: Model) -> Torch:
        """Convert a network. Raises FacekitError without PyTorch, and where Keras computes with something else."""
        torch = plugins.need("torch", _WHAT, "torch")
        if engine() != "torch":
            raise FacekitError(
                f"PyTorch's format is written where PyTorch computes, and KERAS_BACKEND is {engine()}; type "
                "KERAS_BACKEND=torch before the command"
            )
        if find_spec("keras.src.export.torch") is None:
            raise FacekitError(
                f"Keras {keras.__version__} does not write PyTorch's format yet; pip install -U 'keras>=3.15'"
            )
        with scratch.private_folder() as folder, converting(folder):
            file = folder / "model.pt2"
            shapes = {0: torch.export.Dim("n", min=1, max=_MOST)}
            model.export(str(file), format="torch", verbose=False, dynamic_shapes=shapes)
            return cls(torch.export.load(file))

    def answers(self, inputs: Inputs) -> Rows:
        """Return the probabilities that PyTorch gives from the file."""
        torch = plugins.need("torch", _WHAT, "torch")
        ask = self.program.module()
        with torch.no_grad():
            parts = [inputs[start : start + BATCH] for start in range(0, len(inputs), BATCH)]
            return np.concatenate([np.asarray(ask(torch.from_numpy(part))[PROBABILITIES].cpu()) for part in parts])

    def write(self, output: Path, about: ExportInfo, known: KnownVectors | None) -> Path:
        """Write the file with what it says of itself, and return it. Raises FacekitError on a full disk."""
        torch = plugins.need("torch", _WHAT, "torch")
        data = io.BytesIO()
        with quietly():
            torch.export.save(self.program, data, extra_files=written(about, known))
        placing.write_file(output, data.getvalue())
        return output


def read(file: Path) -> ExportInfo | None:
    """Return what a file says of itself; None of one that facekit did not export."""
    try:
        with zipfile.ZipFile(file) as archive:
            entry = next(one for one in archive.infolist() if one.filename.endswith(f"/extra/{ABOUT}"))
            return plain.parse(archive.read(entry).decode(), ExportInfo) if entry.file_size < _LARGEST else None
    except (OSError, ValueError, StopIteration, zipfile.BadZipFile, RuntimeError):
        return None


_LARGEST = 16 << 20
"""Bytes of what a file says of itself."""
