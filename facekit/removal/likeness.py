"""The same photo in another place, where neither its bytes nor its origin say so: pixels are compared.

Among data sets that were made from one another, `crop` or `clean` has compared all photos already, and the groups say
which are one. Between two that were made from different sources nothing does: there each picture is looked at, those
that look alike by 64 bits are compared as `clean` does it, and only a proof that both are one photo counts. Nobody's
face is recognised.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facekit.base import images
from facekit.base.contract import BadImage, Record
from facekit.base.parallel import ordered_map
from facekit.dataset.info import read_info
from facekit.identity.groups import is_current
from facekit.identity.likeness import Fingerprint, fingerprint
from facekit.identity.likeness.proof import compare, verdict
from facekit.removal.kinds.base import Doing
from facekit.removal.kinds.trees import Trees, held_in
from facekit.removal.survey import Place

NEAR = 12
"""Most bits of 64 by which pictures differ that are compared: cropping a few pixels changes up to 8."""


@dataclass(frozen=True)
class _Seen:
    """A picture, and its perceptual hashes as it is and mirrored."""

    file: Path
    hashes: tuple[int, int]


@dataclass(frozen=True)
class _Line:
    """Data sets that were made from one another, and the photos among which all that are one are known."""

    trees: list[Path]
    compared: frozenset[str]


def add(found: Sequence[Place], doing: Doing, given: Path | None = None) -> int:
    """Add the photos that are the same as some that go; return how many were found. `given` is a picture itself."""
    lines = list(_lines([place.path for place in found if isinstance(place.kind, Trees)]))
    going = {tree: _going(tree, doing) for line in lines for tree in line.trees}
    looked: dict[Path, _Seen | None] = {}
    count = 0
    for line in lines:
        others = [tree / record.path for tree, some in going.items() if tree not in line.trees for record in some]
        others += [] if given is None else [given]
        own = [(tree, record) for tree in line.trees for record in going[tree] if record.origin not in line.compared]
        for tree in line.trees:
            stay = [record for record in held_in(tree).records if not doing.targets.of(record)]
            count += _among(
                tree, stay, _seen([*others, *(one / record.path for one, record in own)], looked, doing), doing
            )
            if len(own) < sum(len(going[one]) for one in line.trees):  # what was compared is not compared once more
                known = [one / record.path for one in line.trees for record in going[one]]
                new = [record for record in stay if record.origin not in line.compared]
                count += _among(tree, new, _seen(known, looked, doing), doing)
    return count


def _seen(files: Sequence[Path], looked: dict[Path, _Seen | None], doing: Doing) -> list[_Seen]:
    """Return how some pictures look; each is read once."""
    new = [file for file in dict.fromkeys(files) if file not in looked]
    looked.update(zip(new, ordered_map(_look, new, doing.jobs), strict=True))
    return [one for file in dict.fromkeys(files) if (one := looked[file]) is not None]


def _among(tree: Path, records: Sequence[Record], queries: Sequence[_Seen], doing: Doing) -> int:
    """Add the photos of some pictures of a data set that are the same as one of the queries; return how many."""
    if not queries or not records:
        return 0
    known = np.array([look for one in queries for look in one.hashes], np.uint64)
    prints: dict[Path, Fingerprint | None] = {}
    files = [tree / record.path for record in records]
    looked = doing.track(ordered_map(_look, files, doing.jobs), f"compare {tree.name}", len(files))
    count = 0
    for record, seen in zip(records, looked, strict=True):
        if seen is not None and _is_one(seen, queries, known, prints):
            doing.targets.photos.add(record.origin)
            count += 1
    return count


def _is_one(
    seen: _Seen, queries: Sequence[_Seen], known: NDArray[np.uint64], prints: dict[Path, Fingerprint | None]
) -> bool:
    """Whether a picture is the same photo as one of the queries."""
    near = np.flatnonzero(np.bitwise_count(known ^ np.uint64(seen.hashes[0])) <= NEAR)
    for place in near.tolist():
        pair = seen.file, queries[place // 2].file
        for file in pair:
            if file not in prints:
                prints[file] = _print(file)
        one, other = (prints[file] for file in pair)
        judged = None if one is None or other is None else verdict(compare(one, other, mirrored=bool(place % 2)))
        if judged is not None and judged[1] == "photo":
            return True
    return False


def _lines(trees: Sequence[Path]) -> Iterator[_Line]:
    """Yield the data sets that were made from one another."""
    above = {tree: _source(tree) for tree in trees}
    lines: dict[Path, list[Path]] = {}
    for tree in trees:
        first, seen = tree, {tree}
        while (source := above.get(first)) is not None and source in above and source not in seen:
            first = source
            seen.add(first)
        lines.setdefault(first, []).append(tree)
    for line in lines.values():
        yield _Line(line, frozenset().union(*map(_compared, line)))


def _source(tree: Path) -> Path | None:
    info = read_info(tree)
    return None if info is None or info.made_from is None else Path(os.path.normpath(tree / info.made_from))


def _compared(tree: Path) -> Collection[str]:
    """Return the photos of a data set, those without a face too, if this matcher has drawn its groups."""
    info, held = read_info(tree), held_in(tree)
    if info is None or not is_current(info.matchers) or not all(record.group for record in held.records):
        return ()
    return {record.origin for record in held.records} | {left.origin or left.id for left in held.rejected}


def _going(tree: Path, doing: Doing) -> list[Record]:
    return [record for record in held_in(tree).records if doing.targets.of(record)]


def _look(file: Path) -> _Seen | None:
    try:
        data = images.load(file)
        grey = images.glance(data, images.header(data))
    except BadImage:
        return None
    return _Seen(file, (images.dhash(grey), images.dhash(grey[:, ::-1].copy())))


def _print(file: Path) -> Fingerprint | None:
    try:
        return fingerprint(images.read(file))
    except BadImage:
        return None
