"""stdout and stderr: output that arrives or raises an error, and messages that never fail."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any, TextIO, cast

from facekit.base.errors import FacekitError


class ReaderGone(Exception):  # noqa: N818 - no fault of anybody's
    """The reader of stdout has closed it."""


class Unwritable(FacekitError):
    """stdout cannot be written: it is closed, or its disk is full. `why` says which."""

    def __init__(self, why: str, instead: str = "send it to a file or a pipe that takes it") -> None:
        super().__init__(f"{why}, and this command prints to it; {instead}")
        self.why = why


class _Stream:
    """What facekit's two streams share. Each text is written at once, so that nothing is left to fail at exit."""

    def __init__(self, stream: TextIO | None) -> None:
        """Write to a stream; Python has None for one that was closed when it started."""
        self.open = stream is not None
        self._stream = stream if stream is not None else StringIO()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def flush(self) -> None:
        """Do nothing: all is written."""

    def _write(self, written: str) -> None:
        """Write text. Raises OSError, and ValueError where Python's own stream is closed."""
        try:
            handle = self._stream.fileno()
        except OSError:  # no file: a program that runs facekit in its own process put it there
            try:
                self._stream.write(written)
            except UnicodeEncodeError:  # a path that is not UTF-8, and no bytes to write it in
                from facekit.base import text

                self._stream.write(text.visible(written.rstrip("\n")) + "\n")
            return
        self._stream.flush()
        data = memoryview(self._encoded(written))
        while data:
            try:
                data = data[os.write(handle, data) :]
            except BlockingIOError:  # another program that shares the pipe made it so
                import select

                select.select([], [handle], [])

    def _encoded(self, written: str) -> bytes:
        """Return text in the stream's encoding. A path that is not UTF-8 is written as the disk has it."""
        try:
            return written.encode(self._stream.encoding, self._stream.errors or "strict")
        except UnicodeEncodeError:
            from facekit.base import text

            return text.encode(written)


class Output(_Stream):
    """stdout, which belongs to the user: what is written arrives, or an exception says why not."""

    @classmethod
    def now(cls) -> Output:
        """Return what stands for stdout at the moment."""
        return sys.stdout if isinstance(sys.stdout, cls) else cls(sys.stdout)

    @property
    def piped(self) -> bool:
        """Whether another program reads it."""
        try:
            return stat.S_ISFIFO(os.fstat(self.fileno()).st_mode)
        except (OSError, ValueError):  # no file, or closed
            return False

    def write(self, written: str) -> int:
        """Write text. Raises ReaderGone, and Unwritable where stdout is closed or its disk full."""
        if not self.open:
            raise Unwritable("stdout is closed")
        try:
            self._write(written)
        except BrokenPipeError:
            raise ReaderGone from None
        except OSError as error:
            raise Unwritable(f"stdout cannot be written ({error.strerror})") from None
        return len(written)

    def line(self, line: str) -> None:
        """Write one line of data. Raises as `write` does."""
        self.write(f"{line}\n")


class Talk(_Stream):
    """stderr, which is for people. Nobody may be listening: a stage goes on all the same."""

    def write(self, written: str) -> int:
        """Write text, if that can be done."""
        try:
            self._write(written)
        except (OSError, ValueError):
            self._stream = StringIO()
        return len(written)


@contextmanager
def safe_streams() -> Iterator[None]:
    """Put facekit's own streams in place of stdout and stderr for a while.

    A closed stdin, stdout or stderr stays closed to Python; the system gets /dev/null in its place, so that no file
    that is opened later receives what a library prints.
    """
    _fill_closed()
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = cast(TextIO, Output(sys.stdout)), cast(TextIO, Talk(sys.stderr))
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def _fill_closed() -> None:
    while (handle := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(handle, True)
    os.close(handle)
