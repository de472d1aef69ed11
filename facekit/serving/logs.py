"""One JSON line for each request, and for what happens to the server: no names, no pictures, nothing that was sent."""

from __future__ import annotations

import json
import logging
import os
import sys
import traceback
from datetime import UTC, datetime

log = logging.getLogger("facekit.serving.log")


def begin() -> None:
    """Write lines to stderr. What else facekit logs may name people, and is not written while a server answers."""
    if not log.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(message)s"))
        log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False


def write(event: str, **fields: object) -> None:
    """Write one line."""
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    log.info(json.dumps({"at": at, "event": event, "worker": os.getpid(), **fields}))


def write_fault(event: str, error: BaseException, **fields: object) -> None:
    """Write where an exception was raised; not its message, which may hold a name."""
    frames = traceback.extract_tb(error.__traceback__)
    where = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    write(event, error=type(error).__name__, frames=where, **fields)
