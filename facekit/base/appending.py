"""Append lines to files. A file with other hard links is first replaced by a copy of its own."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import BinaryIO

from facekit.base.lines import end_of_lines
from facekit.base.opening import guarded, open_append, open_new, open_regular, reading

_MOST_AT_ONCE = 1 << 20


def append_line(path: Path, line: str, alone: bool = False) -> None:
    """Add one line. Raises FacekitError when the disk is full, and for a symbolic link.

    `alone` is for a file that several processes append to: it waits for the others, and cuts off what a kill left
    of a last line.
    """
    with guarded(path), open_own(path, alone) as file:
        if alone:
            drop_torn_line(path)
        write_all(file, line.encode() + b"\n")


def drop_torn_line(path: Path) -> None:
    """Cut off what a kill left of a last line, so that the next one does not continue it."""
    try:
        with reading(path), open_regular(path, follow=False) as file:
            size = file.seek(0, os.SEEK_END)
            whole = end_of_lines(file, size)
    except (FileNotFoundError, NotADirectoryError):
        return
    if whole < size:
        with guarded(path), open_own(path) as file:
            file.truncate(whole)


def write_all(file: BinaryIO, data: bytes) -> None:
    """Write all bytes: a disk that fills up takes the first part without an error, and refuses the next."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


def open_own(path: Path, alone: bool = False) -> FileIO:
    """Open a file for appending that no other name leads to: one of a stranger's may lead to the user's.

    `alone` waits for the lock that other processes have on it. Raises OSError.
    """
    while True:
        file = open_append(path)
        if alone:
            fcntl.flock(file, fcntl.LOCK_EX)
        here = os.fstat(file.fileno())
        if _is(path, here):  # else another process has replaced it since: what is left under one name may be the user's
            if here.st_nlink == 1:
                return file
            _unshare(path)
        file.close()


def _is(path: Path, here: os.stat_result) -> bool:
    try:
        return os.path.samestat(path.lstat(), here)
    except FileNotFoundError:
        return False


def _unshare(path: Path) -> None:
    """Put a copy of a file in its place."""
    part = path.with_name(f".{path.name}.part")
    try:
        with open_regular(path, follow=False) as old, open_new(part) as new:
            while data := old.read(_MOST_AT_ONCE):
                write_all(new, data)
        part.replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            part.unlink()
        raise
