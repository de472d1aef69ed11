"""What names a person and stays, because facekit did not write it: folders of photos, and texts."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from facekit.base.text import counted
from facekit.dataset.pictures import is_picture
from facekit.options.galleries import is_database
from facekit.removal.kinds.texts import plain, says_name
from facekit.removal.survey import MOST_DEEP, Place
from facekit.removal.targets import Targets

_TEXTS = (".csv", ".json", ".jsonl", ".ndjson", ".tsv", ".txt")
"""How files end that are looked into: lists of names, and answers that were sent to a file."""

_LARGEST = 100_000_000
"""Bytes of the largest of them that is read."""


@dataclass(frozen=True)
class Untouched:
    """Something that stays."""

    path: str
    count: int
    unit: tuple[str, str]
    """What is counted, one and several."""

    def __str__(self) -> str:
        """Return the line that a person reads."""
        return f"not touched: {self.path} ({counted(self.count, *self.unit)})"


def untouched(roots: Sequence[str], places: Sequence[Place], targets: Targets, but: Path) -> list[Untouched]:
    """Return the folders of pictures that are called by a name that goes, and the texts that say one.

    Nothing hidden or in a folder that facekit wrote is among them, and nothing in `but`, the folder of the receipts.
    """
    if not targets.names:
        return []
    ours = {place.path for place in places} | {but.resolve()}
    folders = sorted({Path(root).resolve() for root in roots if not is_database(root)})
    found = {one.path: one for folder in folders for one in _below(folder, ours, targets)}
    return sorted(found.values(), key=lambda one: one.path)


def _below(folder: Path, ours: set[Path], targets: Targets, depth: int = 0) -> Iterator[Untouched]:
    if folder in ours or depth > MOST_DEEP:
        return
    if targets.has_name(folder.name) and depth and (count := _pictures(folder)):
        yield Untouched(str(folder), count, ("picture", "pictures"))
        return
    with os.scandir(folder) as entries:
        held = sorted(entries, key=lambda one: one.name)
    for entry in held:
        path = Path(entry.path)
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _below(path, ours, targets, depth + 1)
        elif path not in ours and entry.is_file(follow_symlinks=False) and (count := _lines(path, targets)):
            yield Untouched(str(path), count, ("line", "lines"))


def _pictures(folder: Path) -> int:
    """Return how many pictures are in a folder and below it."""
    return sum(is_picture(Path(place, name)) for place, _, names in os.walk(folder) for name in names)


def _lines(file: Path, targets: Targets) -> int:
    """Return how many lines of a text say a name; 0 for another file, and one that is too large or cannot be read."""
    if file.suffix.lower() not in _TEXTS:
        return 0
    try:
        data = file.read_bytes() if file.stat().st_size <= _LARGEST else b""
    except OSError:
        return 0
    if not says_name(plain(data), targets):
        return 0
    return sum(says_name(plain(line), targets) for line in data.splitlines()) or 1
