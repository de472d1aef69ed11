"""Write SavedModel, as a version in the folder that TensorFlow Serving reads."""

from __future__ import annotations

import weakref
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from facekit.base import plugins, scratch
from facekit.base.contract import FacekitError
from facekit.base.files import read_json, write_json
from facekit.networks.backend import Model, engine
from facekit.runs.export import placing, triton
from facekit.runs.export.about import FACES, PROBABILITIES, ExportInfo
from facekit.runs.export.network import converting, quietly
from facekit.runs.export.session import BATCH, Inputs, Rows
from facekit.runs.known_faces import KnownVectors
from facekit.runs.run import GALLERY

EXTRA = "assets.extra"
"""The folder of a SavedModel for what other programs keep in it."""

_WHAT = "export --format savedmodel"
_ABOUT = "facekit.json"


@dataclass(frozen=True)
class SavedModel:
    """A network as a SavedModel, in a temporary folder that lives as long as this does."""

    place: Path

    @classmethod
    def of(cls, model: Model) -> SavedModel:
        """Convert a network. Raises FacekitError where Keras computes with something else than TensorFlow."""
        if engine() != "tensorflow":
            raise FacekitError(
                f"a SavedModel is written from TensorFlow, and KERAS_BACKEND is {engine()}; set it to tensorflow"
            )
        with ExitStack() as stack:
            folder = stack.enter_context(scratch.private_folder())
            made = cls(folder / "model")
            with converting(folder):
                model.export(str(made.place), format="tf_saved_model", verbose=False)
            weakref.finalize(made, stack.pop_all().close)
        return made

    def answers(self, inputs: Inputs) -> Rows:
        """Return the probabilities that TensorFlow gives from the files."""
        tensorflow = plugins.need("tensorflow", _WHAT)
        with quietly():
            ask = tensorflow.saved_model.load(str(self.place)).signatures["serving_default"]
            parts = [inputs[start : start + BATCH] for start in range(0, len(inputs), BATCH)]
            return np.concatenate([ask(**{FACES: tensorflow.constant(part)})[PROBABILITIES].numpy() for part in parts])

    def write(self, output: Path, about: ExportInfo, known: KnownVectors | None) -> Path:
        """Add a version to the model's folder, and return it. Raises FacekitError on a full disk."""

        def fill(folder: Path) -> None:
            placing.copy(self.place, folder)
            extra = folder / EXTRA
            extra.mkdir(exist_ok=True)
            write_json(extra / _ABOUT, about.to_json())
            if known is not None:
                known.write(extra / GALLERY)
            (extra / placing.LABELS).write_text(triton.labels(about), encoding="utf-8")

        return placing.add_version(output, {}, fill)


def read(version: Path) -> ExportInfo | None:
    """Return what a version says of itself; None of one that facekit did not export."""
    try:
        return read_json(version / EXTRA / _ABOUT, ExportInfo)
    except (FacekitError, OSError):
        return None
