"""Write files so that a kill does not damage them, and read files that cannot be trusted.

Writing puts bytes in place first and appends the line that names them last; a torn last line is dropped. Reading takes
regular files only, up to a size, and turns whatever is wrong with one into a single line that names file, line and
field.
"""

from __future__ import annotations

import csv
import fcntl
import filecmp
import hashlib
import io
import os
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypeVar

from facekit.base import plain, text
from facekit.base.appending import append_line as append_line
from facekit.base.appending import drop_torn_line as drop_torn_line
from facekit.base.appending import write_all
from facekit.base.errors import FacekitError
from facekit.base.lines import whole_lines
from facekit.base.memory import uncollected
from facekit.base.opening import guarded as guarded
from facekit.base.opening import open_new, open_regular, reading

T = TypeVar("T")

Cell = str | int | float | None
"""A cell of a table; None is an empty one."""

MAX_FILE = 16 << 20
"""Bytes of a JSON or TOML file, where nothing else is said."""

MAX_TEXT = 256 << 20
"""Bytes of a list or a table that a person wrote, where nothing else is said."""

MAX_LINE = 1 << 20
"""Bytes of a line."""

_LONG_KEY = re.compile(rb"""(?<![\w"'-])(?:(?:[\w-]+|"[^"\n]*"|'[^'\n]*')[ \t]*\.[ \t]*){100}""")
"""A dotted key of TOML that no person writes."""


def read_bytes(path: Path, limit: int, follow: bool = True) -> bytes:
    """Return the bytes of a regular file of at most `limit` bytes; `follow` says whether links are followed.

    Raises FileNotFoundError, and FacekitError for anything else that stands in the way.
    """
    with reading(path), open_regular(path, follow) as file:
        size = os.fstat(file.fileno()).st_size
        if size > limit:
            raise FacekitError(f"{path} has {size} bytes, more than the limit of {limit}; give another file")
        return file.read(size)


def read_text(path: Path, limit: int = MAX_TEXT) -> str:
    """Return a text file in UTF-8, with or without a byte-order mark.

    Raises FileNotFoundError, and FacekitError for anything else that stands in the way.
    """
    data = read_bytes(path, limit)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FacekitError(f"{path} is not UTF-8 text; save it as UTF-8") from None


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a regular file, which is never in memory as a whole.

    Raises FileNotFoundError, and FacekitError for anything else that stands in the way.
    """
    with reading(path), open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_json(path: Path, kind: type[T], limit: int = MAX_FILE, hint: str = "fix it, or make it again") -> T:
    """Return a JSON file as a value of that type. Fields that the type does not have are ignored.

    Raises FileNotFoundError, and FacekitError, which ends in `hint`, for a file that is not of that type.
    """
    data = read_bytes(path, limit)
    try:
        return plain.parse(data.decode(), kind)
    except (ValueError, FacekitError) as error:  # the latter of options, which check themselves
        raise FacekitError(f"{path} is not in facekit's format ({error}); {hint}") from None


def write_json(path: Path, value: object) -> None:
    """Write a value as indented JSON, whole or not at all: dataclasses, mappings, lists, NumPy values.

    NaN becomes null. Raises FacekitError when the disk is full.
    """
    replace_file(path, json_bytes(value))


def json_bytes(value: object) -> bytes:
    """Return a value as the bytes of an indented JSON file."""
    return (plain.dump(value, indent=2) + "\n").encode()


def read_toml(path: Path, kind: type[T], hint: str = "fix it", limit: int = MAX_FILE) -> T:
    """Return a TOML file as a value of that type, for example `dict[str, object]`.

    Raises FileNotFoundError, and FacekitError, which ends in `hint`, for a file that is not of that type.
    """
    data = read_bytes(path, limit)
    try:
        if _LONG_KEY.search(data):  # the parser's time grows with the square of a key's length
            raise ValueError("a key of more than 100 parts")
        return plain.convert(tomllib.loads(data.decode()), kind)
    except (ValueError, RecursionError) as error:
        why = "nested too deeply" if isinstance(error, RecursionError) else plain.reason(error)
        raise FacekitError(f"{path} is not valid TOML ({why}); {hint}") from None


def read_lines(path: Path, kind: type[T], check: Callable[[T], None] | None = None, limit: int = MAX_LINE) -> list[T]:
    """Return each line of a file of JSON lines as a value of that type; no file is no lines.

    `check` raises ValueError for a value that must not be there. A torn last line is dropped. Raises FacekitError,
    which names line and field, for any other that is broken, or has more than `limit` bytes.
    """
    with uncollected():
        return list(iterate_lines(path, kind, check, limit))


def iterate_lines(
    path: Path, kind: type[T], check: Callable[[T], None] | None = None, limit: int = MAX_LINE
) -> Iterator[T]:
    """Yield what `read_lines` returns, one line at a time."""
    for number, line in whole_lines(path, limit):
        try:
            value = plain.parse_line(line, kind)
            if check is not None:
                check(value)
            yield value
        except ValueError as error:
            raise FacekitError(
                f"{path}, line {number} is not in facekit's format ({error}); fix or delete that line"
            ) from None


def replace_file(path: Path, data: bytes, private: bool = False) -> None:
    """Write a file whole or not at all; a `private` one only its owner may read. Raises FacekitError on a full disk."""
    with _replacing(path, private) as file:
        write_all(file, data)


def replace_lines(path: Path, lines: Iterable[str]) -> None:
    """Write a file of lines whole or not at all, one at a time: there may be more than fit into memory."""
    with _replacing(path) as file, io.BufferedWriter(file) as buffer:
        buffer.writelines(line.encode() + b"\n" for line in lines)


def delete(path: Path) -> None:
    """Delete a file, if it is there; of a link the link. Raises FacekitError for a folder in its place."""
    with guarded(path):
        path.unlink(missing_ok=True)


def version(file: Path | None) -> str:
    """Return what changes when a file does, for addresses that may be kept for ever; empty for no file."""
    try:
        found = file.stat() if file else None
    except OSError:
        return ""
    return f"{found.st_mtime_ns:x}-{found.st_size:x}" if found else ""


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    """Write a table as CSV, whole or not at all. Raises FacekitError when the disk is full."""
    replace_file(path, text.encode(csv_text(header, rows)))


def csv_text(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """Return a table as CSV in which no spreadsheet takes a cell of text for a formula."""
    return "".join(map(_csv_row, (header, *rows)))


def _csv_row(cells: Sequence[Cell]) -> str:
    out = io.StringIO(newline="")
    # With an end of line of "\n" alone, the writer leaves a "\r" unquoted, which readers take for the end of a row.
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([text.csv_cell(cell) if isinstance(cell, str) else cell for cell in cells])
    return out.getvalue().removesuffix("\r\n") + "\n"


@contextmanager
def locked(folder: Path, wait: bool = False) -> Iterator[None]:
    """Hold the system's lock on a folder, which leaves no file behind and dies with its holder.

    Raises FacekitError where another process has it, unless it is to `wait`.
    """
    with guarded(folder):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _lock(handle, folder, wait)
        yield
    finally:
        os.close(handle)


def check_ours(folder: Path, command: str, is_ours: bool, hint: str = "choose another folder") -> None:
    """Refuse to write into a folder that holds something, unless the command made it. Hidden files do not count."""
    if not is_ours and folder.is_dir() and any(not entry.name.startswith(".") for entry in folder.iterdir()):
        raise FacekitError(f"{folder} is not empty and was not made by `{command}`; {hint}")


def inside(root: Path, relative: str) -> Path:
    """Return where a path that was read from a file leads, once no link takes it out of `root`.

    Raises FacekitError for an absolute path, and for one that leaves the root by `..` or by a link.
    """
    path = root / relative
    try:
        leaves = not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root))
    except ValueError:  # a NUL
        leaves = True
    if leaves or Path(relative).is_absolute():
        raise FacekitError(f"{text.visible(relative)!r} points outside {root}; delete the entry that names it")
    return path


def _lock(handle: int, folder: Path, wait: bool) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        raise FacekitError(
            f"another facekit process is writing {folder}; wait for it to end, or choose another folder"
        ) from None


@contextmanager
def _replacing(path: Path, private: bool = False) -> Iterator[BinaryIO]:
    """Yield a file to write, which then takes the place of another, unless that holds the same already."""
    temporary = path.with_name(f".{path.name}.part")
    with guarded(path):
        try:
            with open_new(temporary) as file:
                if private:
                    os.fchmod(file.fileno(), 0o600)  # before it holds anything
                yield file
            if not path.is_symlink() and path.exists() and filecmp.cmp(temporary, path, shallow=False):
                temporary.unlink()
            else:
                temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
