"""Log to the screen and to a file; outside text is escaped, so that it cannot forge a line."""

from __future__ import annotations

import errno
import io
import logging
import sys
import textwrap
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from facekit.base.appending import open_own
from facekit.base.contract import FacekitError
from facekit.base.text import visible
from facekit.cli.streams import Talk

Say = Callable[[str], None]


@contextmanager
def logging_to(say: Say, log_file: Path | None, level: int) -> Iterator[None]:
    """Show what facekit logs from a level on, and other libraries' warnings; write facekit's own to a file.

    Raises FacekitError where the file cannot be written.
    """
    facekit, root = logging.getLogger("facekit"), logging.getLogger()
    notices, others = _Notices(say, level), _Notices(say, logging.WARNING)
    handlers = [notices, *([_file_handler(log_file)] if log_file is not None else [])]
    before = facekit.level, facekit.propagate
    facekit.setLevel(logging.DEBUG)
    facekit.propagate = False
    root.addHandler(others)
    for handler in handlers:
        facekit.addHandler(handler)
    try:
        yield
    finally:
        facekit.level, facekit.propagate = before
        root.removeHandler(others)
        for handler in handlers:
            facekit.removeHandler(handler)
            handler.close()


def show_traceback(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Be a `sys.excepthook`: print the traceback of a bug, whose message may hold text from outside."""
    Talk(sys.stderr).write("".join(map(_escaped, traceback.format_exception(kind, error, trace))))


class _Notices(logging.Handler):
    """Shows log records as lines above the bars."""

    def __init__(self, say: Say, level: int) -> None:
        super().__init__(level)
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        mark = "warning: " if record.levelno >= logging.WARNING else ""
        self._say(f"{mark}{record.getMessage()}")


class _Lines(logging.Formatter):
    """Formats a record as one line, and a traceback as indented lines below it."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        return visible(super().formatMessage(record))

    def formatException(self, ei: logging._SysExcInfoType | tuple[None, None, None]) -> str:
        return textwrap.indent("".join(map(_escaped, traceback.format_exception(*ei))), "    ")


class _FileHandler(logging.FileHandler):
    """Appends to a regular file, and not through a link: a folder from a stranger may hold one."""

    def _open(self) -> io.TextIOWrapper:
        file = open_own(Path(self.baseFilename))
        return io.TextIOWrapper(io.BufferedWriter(file), encoding=self.encoding, errors=self.errors)


def _file_handler(path: Path) -> logging.Handler:
    try:
        handler = _FileHandler(path, encoding="utf-8")
    except OSError as error:
        why = "it is a symbolic link" if error.errno == errno.ELOOP else error.strerror
        raise FacekitError(f"--log-file {path}: {why}; choose a file that can be written") from None
    handler.setFormatter(_Lines("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    return handler


def _escaped(part: str) -> str:
    """Escape a part of a traceback: a frame, or a message, whose further lines are indented so that none is forged."""
    indent = "" if part.startswith("  File ") else "    "
    return f"\n{indent}".join(visible(line) for line in part.rstrip("\n").split("\n")) + "\n"
