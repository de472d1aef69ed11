"""Write LiteRT, formerly TensorFlow Lite: what phones and small devices run, also with weights of eight bits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from facekit.base import plain, plugins, scratch
from facekit.base.contract import FacekitError, Image
from facekit.base.files import read_bytes
from facekit.networks.backend import Model, engine
from facekit.runs.export import placing
from facekit.runs.export.about import FACES, ExportInfo
from facekit.runs.export.model import ABOUT, MAX_FILE, written
from facekit.runs.export.network import converting, quietly
from facekit.runs.export.session import Inputs, Rows
from facekit.runs.known_faces import KnownVectors

_WHAT = "export --format litert"
_OUTPUT = "probabilities"
_SIGNATURE = "serving_default"


@dataclass(frozen=True)
class LiteRt:
    """A network as a LiteRT file."""

    data: bytes

    @classmethod
    def of(cls, model: Model, calibration: Sequence[Image] = ()) -> LiteRt:
        """Convert a network; with faces to calibrate with, to whole numbers of eight bits.

        Raises FacekitError for a package that is missing, and where Keras computes with something else than TensorFlow.
        """
        if engine() != "tensorflow":
            raise FacekitError(
                f"LiteRT is written from TensorFlow, and KERAS_BACKEND is {engine()}; set it to tensorflow"
            )
        plugins.need("ai_edge_litert", _WHAT)
        settings = _whole_numbers(calibration) if calibration else {}
        with scratch.private_folder() as folder, converting(folder):
            file = folder / "model.tflite"
            model.export(str(file), format="litert", verbose=False, **settings)
            return cls(file.read_bytes())

    def answers(self, inputs: Inputs) -> Rows:
        """Return the probabilities that the LiteRT interpreter gives, face by face, as a phone asks it."""
        interpreter = plugins.need("ai_edge_litert.interpreter", _WHAT)
        with quietly():
            runner = interpreter.Interpreter(model_content=self.data, num_threads=1)
            ask = runner.get_signature_runner(_SIGNATURE)
            return np.concatenate([ask(**{FACES: one[None]})[_OUTPUT] for one in inputs])

    def write(self, output: Path, about: ExportInfo, known: KnownVectors | None) -> Path:
        """Write the file with what it says of itself, and return it. Raises FacekitError on a full disk."""
        placing.write_file(output, _with_metadata(self.data, written(about, known)))
        return output


def read(file: Path) -> ExportInfo | None:
    """Return what a LiteRT file says of itself; None of one that facekit did not export."""
    schema = plugins.need("ai_edge_litert.schema_py_generated", _WHAT)
    try:
        data = read_bytes(file, MAX_FILE)
        if data[4:8] != b"TFL3":
            return None
        model = schema.Model.GetRootAs(data, 0)
        for place in range(model.MetadataLength()):
            one = model.Metadata(place)
            if one.Name() == ABOUT.encode():
                return plain.parse(model.Buffers(one.Buffer()).DataAsNumpy().tobytes().decode(), ExportInfo)
    except Exception:  # noqa: BLE001 - the library reads places that a damaged file names, and raises anything
        return None
    return None


def _whole_numbers(calibration: Sequence[Image]) -> Mapping[str, Any]:
    """Return the converter's settings for weights and sums of eight bits; the faces show how large these become."""
    tensorflow = plugins.need("tensorflow", _WHAT)

    def faces() -> Iterator[Mapping[str, Any]]:
        for face in calibration:
            yield {FACES: face[None]}

    return {
        "optimizations": [tensorflow.lite.Optimize.DEFAULT],
        "representative_dataset": faces,
        "target_spec": {"supported_ops": [tensorflow.lite.OpsSet.TFLITE_BUILTINS_INT8]},
    }


def _with_metadata(data: bytes, said: Mapping[str, str]) -> bytes:
    schema, buffers = plugins.need("ai_edge_litert.schema_py_generated", _WHAT), plugins.need("flatbuffers", _WHAT)
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(bytearray(data), 0))
    model.metadata = model.metadata or []
    for name, text in said.items():
        buffer, entry = schema.BufferT(), schema.MetadataT()
        buffer.data = np.frombuffer(text.encode(), np.uint8)
        entry.name, entry.buffer = name, len(model.buffers)
        model.buffers.append(buffer)
        model.metadata.append(entry)
    builder = _aligned(buffers)(len(data))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _aligned(buffers: Any) -> Any:
    """Return a builder that puts weights where a device may read them: the library's own forgets their alignment."""

    class Builder(buffers.Builder):  # type: ignore[misc]
        def CreateNumpyVector(self, x: np.ndarray) -> int:  # noqa: N802 - the library's name
            if x.itemsize == 1:
                self.Prep(_ALIGNED, x.nbytes)
            return int(super().CreateNumpyVector(x))

    return Builder


_ALIGNED = 16
"""Bytes: `force_align` of `Buffer` in TensorFlow Lite's schema."""
