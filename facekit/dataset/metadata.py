"""`metadata.jsonl` and `metadata.csv`, which describe the pictures in their folder.

They are read as the ImageFolder of Hugging Face's `datasets` reads them: a line a picture, whose `file_name` is a path
below the file's own folder. What is in `label` is the picture's label, else the folder that it lies in; other columns
become its targets. A line may come from a stranger, so a path leads nowhere but down.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from facekit.base import plain
from facekit.base.contract import FacekitError
from facekit.base.files import read_text
from facekit.base.opening import is_there
from facekit.base.rows import numbered, slashes
from facekit.base.text import counted, lines
from facekit.dataset.records import is_name, shown

FILES = ("metadata.jsonl", "metadata.csv")

GONE = "listed in metadata, but missing"

_FILE, _LABEL = "file_name", "label"

_LONGEST = 1000
"""Characters of a value that becomes a target; captions may be long, and nothing is grouped by them."""

_MOST = 64
"""Columns that become targets."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Described:
    """A picture that a line describes: its path below the metadata's folder, and what the line says."""

    path: str
    label: str | None
    targets: Mapping[str, str]


def find(folder: Path) -> Path | None:
    """Return the metadata of a folder; None where it has none."""
    return next((folder / name for name in FILES if is_there(folder / name)), None)


def read(file: Path) -> list[Described] | None:
    """Return the pictures that metadata describes, in its order; None for a file that describes something else.

    Raises FacekitError, which names the line, for one that is broken
    and for a path that leads out of the folder.
    """
    rows = list(_lines(file) if file.suffix == ".jsonl" else _rows(file))
    if rows and all(_FILE not in row for _, row in rows):
        log.info("%s has no column %s and is ignored", file, _FILE)
        return None
    found = [_described(file, line, row) for line, row in rows]
    return list({one.path: one for one in found}.values())


def without_gone(file: Path, described: Sequence[Described], left: Counter[str]) -> list[Described]:
    """Return the pictures that are there; the others are counted in `left`, and the first of them named."""
    there = [one for one in described if is_there(file.parent / one.path)]
    if len(there) < len(described):
        known = {one.path for one in there}
        gone = [one.path for one in described if one.path not in known]
        what = counted(len(gone), "picture that is", "pictures that are")
        log.warning("%s lists %s missing (the first: %s)", file, what, gone[0])
        left[GONE] += len(gone)
    return there


def _described(file: Path, line: int, row: Mapping[str, object]) -> Described:
    path = row.get(_FILE)
    if not isinstance(path, str) or not path:
        raise FacekitError(f"{file}, line {line} has no {_FILE}; fix or delete that line")
    path = slashes(path.removeprefix("./"), file.parent)
    if not all(map(is_name, path.split("/"))):
        raise FacekitError(
            f"{file}, line {line} names {shown(path)}, which is not a picture below its folder; fix that line"
        )
    said = {name: text for name, value in row.items() if name != _FILE and (text := _text(value))}
    label = said.pop(_LABEL, None)
    return Described(path, label, dict(list(said.items())[:_MOST]))


def _text(value: object) -> str:
    """Return a value as the text of a target; empty for lists and objects, and for text that is too long."""
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value).strip() if isinstance(value, str | int | float) else ""
    return text if len(text) <= _LONGEST else ""


def _lines(file: Path) -> Iterator[tuple[int, Mapping[str, object]]]:
    for number, line in lines(read_text(file)):
        try:
            yield number, plain.parse(line, dict[str, object])
        except ValueError as error:
            raise FacekitError(f"{file}, line {number} is not valid JSON ({error}); fix that line") from None


def _rows(file: Path) -> Iterator[tuple[int, Mapping[str, object]]]:
    rows = numbered(file, read_text(file))
    columns = [name.strip() for name in next(rows, (0, []))[1]]
    for number, row in rows:
        yield number, {name: value.strip() for name, value in zip(columns, row, strict=False) if name}
