"""The whole photos that a tree's pictures come from, if they still exist.

Two faces may be cut so differently that only their photos show that they are one. So a tree that facekit made is
followed back to its photos. A file is taken for a photo only if its bytes have the hash that is its origin.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from facekit.base.contract import Record
from facekit.base.opening import is_there
from facekit.commands.audit.pairs import Shown
from facekit.commands.audit.trees import Picture, Tree
from facekit.dataset.ancestry import Ancestry


@dataclass(frozen=True)
class Photos:
    """The photos of one or two trees, in each part that has pictures of them."""

    shown: Sequence[Shown]
    at_hand: int
    of: int
    """All photos that pictures come from, existing or not."""


def find_photos(trees: Sequence[Tree], shown: Sequence[Shown]) -> Photos:
    """Return the photos of the pictures that are shown; of a tree that holds its photos itself, none."""
    found: list[Shown] = []
    at_hand = count = 0
    for number, tree in enumerate(trees):
        records = {record.path: record for record in tree.dataset.records} if tree.dataset else {}
        derived = {record.origin for record in records.values() if record.parent}
        files = _files(tree.root, derived)
        at_hand, count = at_hand + len(files), count + len(derived)
        seen: set[tuple[str, str, str]] = set()
        for one in shown:
            record = records.get(one.picture.path) if one.own == (number == 0) else None
            if record is None or record.origin not in files:
                continue
            place = (one.part, record.label, record.origin)
            if place not in seen:
                seen.add(place)
                found.append(_shown(files[record.origin], one, record))
    return Photos(found, at_hand, count)


def pictures_of(tree: Tree, origins: Collection[str], part: str | None) -> list[str]:
    """Return the paths of a tree's pictures that come from some photos, of one part or of all."""
    records = tree.dataset.records if tree.dataset else []
    return [record.path for record in records if record.origin in origins and part in (None, record.split)]


def _files(root: Path, origins: Collection[str]) -> dict[str, Path]:
    if not origins:
        return {}
    ancestry = Ancestry(root)
    files = ((origin, ancestry.photo(origin)) for origin in origins)
    return {origin: file for origin, file in files if file is not None and is_there(file)}


def _shown(file: Path, one: Shown, record: Record) -> Shown:
    path = f"{file.parent.name}/{file.name}"
    return Shown(file.parents[1], Picture(path, one.picture.part, record.label, record.origin), one.part, one.own)
