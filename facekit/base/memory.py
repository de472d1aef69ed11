"""What keeps the memory of long lists cheap."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Let Python look for no unreachable objects while many are made that stay.

    It would look through all of them again and again: a quarter of the time in which a million records are read.
    """
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()
