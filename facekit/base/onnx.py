"""What ONNX Runtime computes embeddings on: the CPU, unless a GPU is asked for."""

from __future__ import annotations

import os
from typing import Any

from facekit.base.errors import FacekitError

GPU = "FACEKIT_GPU"
"""Environment variable: 1 computes on an NVIDIA GPU."""

_CUDA, _CPU = "CUDAExecutionProvider", "CPUExecutionProvider"


def providers(runtime: Any) -> list[Any]:
    """Return what a session of ONNX Runtime may compute on. Raises FacekitError for a GPU that it cannot use."""
    if os.environ.get(GPU) != "1":
        return [_CPU]
    if _CUDA not in runtime.get_available_providers():
        raise FacekitError(
            f"{GPU} is 1, and the ONNX Runtime here knows no GPU; install onnxruntime-gpu in its place, or unset {GPU}"
        )
    # Galleries are enrolled on any machine: embeddings in the short numbers of tensor cores would differ from theirs.
    return [(_CUDA, {"use_tf32": "0"}), _CPU]
