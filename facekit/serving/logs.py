"""One JSON line for each request, and for what happens to the server: no names, no pictures, nothing that was sent."""

from __future__ import annotations

import json
import logging
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from facekit.base.clock import now

log = logging.getLogger("facekit.serving.log")


_OTHERS = ("facekit", "uvicorn", "python_multipart")
"""Loggers that may name people, or repeat what was sent."""


_UNTIL_THE_END = ExitStack()


def begin() -> None:
    """Write lines to stderr, and nothing else that is logged, until the process ends."""
    _UNTIL_THE_END.enter_context(writing())


@contextmanager
def writing() -> Iterator[None]:
    """Write lines to stderr, and nothing else that is logged, while a server answers."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    before = {name: logging.getLogger(name).level for name in _OTHERS}
    for name in _OTHERS:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
    try:
        yield
    finally:
        log.removeHandler(handler)
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)


def write(event: str, **fields: object) -> None:
    """Write one line."""
    log.info(json.dumps({"at": now("milliseconds"), "event": event, "worker": os.getpid(), **fields}))


def write_fault(event: str, error: BaseException, **fields: object) -> None:
    """Write where an exception was raised; not its message, which may hold a name."""
    frames = traceback.extract_tb(error.__traceback__)
    where = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    write(event, error=type(error).__name__, frames=where, **fields)
