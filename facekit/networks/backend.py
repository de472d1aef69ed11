"""Load Keras without the log output of its backend."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from facekit.base import plugins
from facekit.base.contract import FacekitError

__all__ = [
    "QUIET",
    "Layer",
    "Model",
    "Tensor",
    "accelerated",
    "ahead",
    "compute_alike",
    "computing",
    "device",
    "engine",
    "hushed",
    "keras",
]

log = logging.getLogger(__name__)

QUIET = "TF_CPP_MIN_LOG_LEVEL"


@contextmanager
def hushed() -> Iterator[None]:
    """Keep file descriptor 2 from the terminal for a while; what it held is shown when the work fails.

    Ctrl-C is no failure, and a FacekitError explains itself. TensorFlow's C++ code writes there before any setting of
    its own takes hold, also about oneDNN being on; turning oneDNN off would quieten it at half the training speed.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    with _aside() as scratch:
        os.dup2(scratch.fileno(), 2)
        failed = True
        try:
            yield
            failed = False
        except (KeyboardInterrupt, FacekitError):
            failed = False
            raise
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            if failed:
                scratch.seek(0)
                os.write(2, scratch.read())


def _aside() -> IO[bytes]:
    try:
        return tempfile.TemporaryFile()
    except OSError:  # a full disk, which the work itself will say
        return Path(os.devnull).open("r+b")


def _load() -> Any:
    if "keras" not in sys.modules and find_spec("keras") is not None:
        log.info("loading Keras, which takes some seconds …")
    if QUIET in os.environ:  # who sets it wants to see what it lets through
        import keras

        return keras
    os.environ[QUIET] = "2"
    # Its warnings are advice to the author of a training loop, such as that a function was traced again.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    with hushed():
        import keras

        keras.ops.zeros(1)  # engines look for accelerators at the first tensor, and say so
    return keras


keras: Any = _load()

if TYPE_CHECKING:  # for annotations: Keras has no types to check them with
    from keras import KerasTensor as Tensor
    from keras import Layer, Model
else:
    Tensor, Layer, Model = keras.KerasTensor, keras.Layer, keras.Model


def engine() -> str:
    """Return what computes under Keras: tensorflow, jax or torch, as KERAS_BACKEND says."""
    return str(keras.backend.backend())


@cache
def device() -> str:
    """Return what computes, as the engine calls it: `cuda:0`, `TFRT_CPU_0`, `…/device:GPU:0`."""
    return str(keras.ops.zeros(1).device)  # the one place where all three engines say it


def accelerated() -> bool:
    """Return whether an accelerator computes, not the cores."""
    return "cpu" not in device().lower()


def ahead(batch: tuple[NDArray[Any], ...]) -> tuple[Any, ...]:
    """Send a batch to the accelerator where Keras itself would wait for that, and return it.

    On PyTorch Keras copies a batch from memory that the system may move, which waits until all steps before it are
    over. TensorFlow and JAX fetch the next batch while they compute.
    """
    if engine() != "torch" or not device().startswith("cuda"):
        return batch
    torch = plugins.need("torch", "training")
    return tuple(
        torch.from_numpy(np.ascontiguousarray(part)).pin_memory().to(device(), non_blocking=True) for part in batch
    )


@contextmanager
def computing(precision: str) -> Iterator[None]:
    """Let the layers that are made meanwhile compute with that precision; their weights stay float32.

    `auto` is mixed_bfloat16 where it gains: on an accelerator. Cores are slower with it.
    """
    if precision == "auto":
        precision = "mixed_bfloat16" if accelerated() else "float32"
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def compute_alike() -> None:
    """Compute so that the same work gives the same bits, for as long as this process lives."""
    if engine() == "tensorflow":
        plugins.need("tensorflow", "--deterministic").config.experimental.enable_op_determinism()
    elif engine() == "torch":
        plugins.need("torch", "--deterministic").use_deterministic_algorithms(True)
