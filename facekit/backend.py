"""Keras, loaded without the chatter of the engine under it."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

QUIET = "TF_CPP_MIN_LOG_LEVEL"


@contextmanager
def hushed() -> Iterator[None]:
    """Keep file descriptor 2 from the terminal for a while; what it held is shown when the work fails.

    TensorFlow's C++ code writes there before any setting of its own takes hold, also about oneDNN being
    on; turning oneDNN off would quieten it at half the training speed.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as scratch:
        os.dup2(scratch.fileno(), 2)
        failed = True
        try:
            yield
            failed = False
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            if failed:
                scratch.seek(0)
                os.write(2, scratch.read())


def _load() -> Any:
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
