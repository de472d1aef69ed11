"""Files of JSON lines that survive a kill: bytes first, line last, a torn line is dropped."""

from __future__ import annotations

import errno
import filecmp
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from facekit.base.contract import FacekitError

T = TypeVar("T")

_FULL = {errno.ENOSPC, errno.EFBIG, errno.EDQUOT}


def read_lines(path: Path, parse: Callable[[str], T]) -> list[T]:
    """Parse each whole line; no file is no lines. Raises FacekitError for a whole line that is broken."""
    if not path.exists():
        return []
    whole, _, _ = path.read_bytes().rpartition(b"\n")
    values = []
    for number, line in enumerate(whole.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            values.append(parse(line.decode()))
        except (ValueError, KeyError, TypeError) as error:
            raise FacekitError(
                f"{path}, line {number} is not what facekit writes ({error}); mend or delete that line"
            ) from None
    return values


def append_line(path: Path, line: str) -> None:
    """Add one line in one write. Raises FacekitError when the disk is full."""
    rest = line.encode() + b"\n"
    with guarded(path), path.open("ab", buffering=0) as file:
        while rest:  # a disk that fills up takes the first part without an error, and refuses the next
            rest = rest[file.write(rest) :]


def drop_torn_line(path: Path) -> None:
    """Cut off what a kill left of a last line, so that the next one does not continue it."""
    if path.exists():
        data = path.read_bytes()
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            os.truncate(path, whole)


def replace_file(path: Path, data: bytes) -> None:
    """Write a file whole or not at all. Raises FacekitError when the disk is full."""
    with _replacing(path) as temporary:
        temporary.write_bytes(data)


def replace_lines(path: Path, lines: Iterable[str]) -> None:
    """Write a file of lines whole or not at all, a line at a time: there may be more than fit into memory."""
    with _replacing(path) as temporary, temporary.open("wb") as file:
        file.writelines(line.encode() + b"\n" for line in lines)


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """Yield a file to write, which then takes the place of another, unless that holds the same already."""
    temporary = path.with_name(f".{path.name}.part")
    with guarded(path):
        try:
            yield temporary
            if path.exists() and filecmp.cmp(temporary, path, shallow=False):
                temporary.unlink()
            else:
                temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


class guarded:  # noqa: N801 - reads as a verb in a `with`
    """Turn the operating system's refusals to write into the user's error."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Raise FacekitError for a full disk or a place that cannot be written."""
        if not isinstance(error, OSError):
            return
        if error.errno in _FULL:
            raise FacekitError(
                f"no space left to write {self.path}; free some and run the same command again"
            ) from error
        if isinstance(error, PermissionError) or error.errno == errno.EROFS:
            raise FacekitError(f"{self.path} may not be written; choose another folder") from error
        raise FacekitError(f"{self.path} cannot be written ({error.strerror}); choose another folder") from error
