"""Ask an exported model with nothing of facekit: the runtime of its format, NumPy and Pillow.

    python ask.py model.onnx face.png [face.png …]
    python ask.py model.tflite face.png
    python ask.py model.pt2 face.png
    python ask.py repository/people/1 face.png

The last is a version of a SavedModel. The pictures are faces, cut as `crop` in the file says.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

Ask = Callable[[np.ndarray], np.ndarray]
"""Faces, uint8 of shape (n, side, side, 3), to probabilities, shape (n, labels)."""


def onnx(file: Path) -> tuple[str, Ask]:
    """Return what an ONNX file says of itself, as JSON, and what asks it."""
    import onnxruntime

    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    said = session.get_modelmeta().custom_metadata_map["facekit"]
    return said, lambda faces: session.run(["probabilities"], {"faces": faces})[0]


def litert(file: Path) -> tuple[str, Ask]:
    """Return the same of a LiteRT file, which takes one face at a time."""
    from ai_edge_litert import schema_py_generated as schema
    from ai_edge_litert.interpreter import Interpreter

    model = schema.Model.GetRootAs(file.read_bytes(), 0)
    entries = {entry.Name(): entry for entry in map(model.Metadata, range(model.MetadataLength()))}
    said = model.Buffers(entries[b"facekit"].Buffer()).DataAsNumpy().tobytes().decode()
    interpreter = Interpreter(model_path=str(file))
    ask = interpreter.get_signature_runner("serving_default")
    return said, lambda faces: np.concatenate([ask(faces=face[None])["probabilities"] for face in faces])


def saved_model(version: Path) -> tuple[str, Ask]:
    """Return the same of a SavedModel."""
    import tensorflow

    said = (version / "assets.extra" / "facekit.json").read_text()
    model = tensorflow.saved_model.load(str(version))
    ask = model.signatures["serving_default"]
    return said, lambda faces: ask(faces=tensorflow.constant(faces))["probabilities"].numpy()


def pytorch(file: Path) -> tuple[str, Ask]:
    """Return the same of PyTorch's exported program."""
    import torch

    more = {"facekit": ""}
    model = torch.export.load(file, extra_files=more).module()
    return more["facekit"], lambda faces: model(torch.from_numpy(faces))["probabilities"].detach().numpy()


FORMATS = {".onnx": onnx, ".tflite": litert, ".pt2": pytorch, "": saved_model}


def opened(model: Path) -> tuple[dict[str, Any], Ask]:
    """Return what an exported model says of itself, and what asks it."""
    said, ask = FORMATS[model.suffix](model)
    return json.loads(said), ask


def main() -> None:
    """Print the most likely label of each face."""
    model, *files = map(Path, sys.argv[1:])
    about, ask = opened(model)
    side = about["preprocessing"]["side"]
    faces = np.stack([np.asarray(Image.open(file).convert("RGB").resize((side, side))) for file in files])
    scores = np.log(np.maximum(ask(faces), 1e-30)) / about["temperature"]
    sure = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    for file, row in zip(files, sure, strict=True):
        print(f"{file}: {about['labels'][row.argmax()]} ({row.max():.2f})")


if __name__ == "__main__":
    main()
