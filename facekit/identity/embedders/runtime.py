"""Networks under ONNX Runtime, on one thread each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facekit.base import plugins
from facekit.base.contract import Image
from facekit.base.onnx import providers

_BATCH = 16
"""Faces in a network at once: more are no faster, and take 10 to 16 MB of memory each."""


def session(model: bytes, side: int, dimensions: int, what: str) -> Any:
    """Return what runs a model of uint8 faces (n, side, side, 3) to float32 vectors (n, dimensions).

    None for a model of other shapes, and for bytes that are none. Raises FacekitError, which names `what` needs it,
    without ONNX Runtime.
    """
    runtime = plugins.need("onnxruntime", what)
    options = runtime.SessionOptions()
    # facekit has its own workers: more threads in each would only compete with them.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    errors = runtime.capi.onnxruntime_pybind11_state
    try:
        found = runtime.InferenceSession(model, options, providers=providers(runtime))
    except (errors.Fail, errors.InvalidArgument, errors.InvalidGraph, errors.InvalidProtobuf, errors.NotImplemented):
        return None
    shapes = [one.shape for one in (*found.get_inputs(), *found.get_outputs())]
    return found if shapes == [["n", side, side, 3], ["n", dimensions]] else None


def embed(network: Any, faces: Sequence[Image], dimensions: int) -> NDArray[np.float32]:
    """Return the vectors of faces, shape (faces, dimensions), however many these are."""
    found = np.empty((len(faces), dimensions), np.float32)
    for start in range(0, len(faces), _BATCH):
        some = slice(start, start + _BATCH)
        (found[some],) = network.run(None, {"faces": np.stack(faces[some])})
    return found
