"""Run an exported model under ONNX Runtime, in a limited amount of memory."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facekit.base import plugins
from facekit.base.contract import FacekitError
from facekit.runs.export.about import FACES, PROBABILITIES, VECTORS, ExportInfo

BATCH = 16
"""Faces in a network at once: more are no faster, and take more memory."""

MOST_MEMORY = 4 << 30
"""Bytes that the tensors of all exported models of a process may take: a graph of a stranger could ask for any."""

Rows = NDArray[np.float32]
"""Probabilities, shape (n, labels)."""

Inputs = NDArray[Any]
"""Faces, uint8 of shape (n, side, side, 3); or embeddings, float32 of shape (n, dimensions)."""


class Session:
    """An exported model, ready to run on one thread. Several threads may use it at the same time."""

    def __init__(self, data: bytes, about: ExportInfo, what: str) -> None:
        """Load it. Raises FacekitError, which names `what`, for a graph that does not fit what the file says of it."""
        self._about, self._what = about, what
        runtime = plugins.need("onnxruntime", "an exported model", "onnx")
        self._errors = _errors(runtime)
        _limit_memory()
        options = runtime.SessionOptions()
        # facekit has its own workers: more threads in each would only compete with them.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4  # what it would write to the terminal is raised too
        options.add_session_config_entry("session.use_env_allocators", "1")
        try:
            # Else it would say so on stdout, which is for data, and try the same again.
            self._session = runtime.InferenceSession(
                data, options, providers=["CPUExecutionProvider"], enable_fallback=False
            )
        except self._errors as error:
            raise self._refused(error) from None
        self._check_shapes()

    def run(self, batch: NDArray[Any]) -> tuple[Rows, Rows | None]:
        """Return the probabilities, shape (n, labels), and the embeddings where the model gives them.

        Raises FacekitError for a graph that cannot be computed.
        """
        parts = [self._run(batch[start : start + BATCH]) for start in range(0, len(batch), BATCH)]
        rows = np.concatenate([part[0] for part in parts])
        return rows, np.concatenate([part[1] for part in parts]) if self._about.embeds else None

    def _run(self, batch: NDArray[Any]) -> list[Rows]:
        try:
            found: list[Rows] = self._session.run(self._outputs(), {self._about.preprocessing.input: batch})
        except self._errors as error:
            raise self._refused(error) from None
        if any(len(one) != len(batch) for one in found):
            raise self._refused("it gives another number of answers than it was asked for")
        return found

    def _outputs(self) -> list[str]:
        return [PROBABILITIES, VECTORS] if self._about.embeds else [PROBABILITIES]

    def _check_shapes(self) -> None:
        about, seen = self._about, self._about.preprocessing
        dimensions = about.backbone.dimensions if about.backbone else 0
        given = ("tensor(uint8)", [seen.side, seen.side, 3]) if seen.input == FACES else (_FLOATS, [dimensions])
        wanted = {seen.input: given, PROBABILITIES: (_FLOATS, [about.outputs])}
        if about.embeds:
            wanted[VECTORS] = (_FLOATS, [dimensions])
        ends = (*self._session.get_inputs(), *self._session.get_outputs())
        if {one.name: (one.type, list(one.shape[1:])) for one in ends} != wanted:
            raise self._refused("its inputs and outputs are others than it says")

    def _refused(self, reason: object) -> FacekitError:
        text = " ".join(str(reason).split())[:200]
        return FacekitError(f"{self._what} cannot be run by ONNX Runtime ({text}); export the model again")


_FLOATS = "tensor(float)"


def _errors(runtime: Any) -> tuple[type[Exception], ...]:
    """Return what ONNX Runtime raises: its own errors, RuntimeError where memory ran out, ValueError for bad text."""
    own = vars(runtime.capi.onnxruntime_pybind11_state).values()
    return (RuntimeError, ValueError, *(one for one in own if isinstance(one, type) and issubclass(one, Exception)))


@cache
def _limit_memory() -> None:
    """Give exported models one store of memory with an end to it, for as long as this process lives."""
    runtime = plugins.need("onnxruntime", "an exported model", "onnx")
    about = runtime.OrtMemoryInfo("Cpu", runtime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, runtime.OrtMemType.DEFAULT)
    # It grows by what is asked for: by default it doubles each time, and keeps what it has.
    runtime.create_and_register_allocator(
        about, runtime.OrtArenaCfg({"max_mem": MOST_MEMORY, "arena_extend_strategy": 1})
    )
