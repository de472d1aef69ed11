"""Read a file line by line as bytes: lines have a maximum length, and an incomplete last line is dropped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from facekit.base.errors import FacekitError
from facekit.base.opening import open_regular, reading

_MAX_BLANK = 10_000
"""Blank lines in a file of lines: facekit writes none, and an editor a few."""


def whole_lines(path: Path, limit: int) -> Iterator[tuple[int, bytes]]:
    """Yield number and bytes of each line that is not blank, without a last one that no newline ends."""
    try:
        with reading(path), open_regular(path) as file:
            blank = 0
            for number, line in enumerate(iter(lambda: file.readline(limit + 1), b""), 1):
                if not line.endswith(b"\n"):
                    _check_length(path, number, line, limit)
                    return
                if not line.isspace():
                    yield number, line
                    continue
                blank += 1
                if blank > _MAX_BLANK:
                    raise FacekitError(f"{path} holds more than {_MAX_BLANK} blank lines; delete them")
    except (FileNotFoundError, NotADirectoryError):
        return


def _check_length(path: Path, number: int, line: bytes, limit: int) -> None:
    if len(line) > limit:
        raise FacekitError(f"{path}, line {number} has more than {limit} bytes; fix or delete that line")


def end_of_lines(file: BinaryIO, size: int, step: int = 1 << 16) -> int:
    """Return the place behind the last newline, read from the end backwards."""
    place = size
    while place:
        before = max(0, place - step)
        file.seek(before)
        found = file.read(place - before).rfind(b"\n")
        if found >= 0:
            return before + found + 1
        place = before
    return 0
