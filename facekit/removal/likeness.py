"""The same photo in another place, where neither its bytes nor its origin say so: pixels are compared.

Within one line of data sets the groups say already which photos are one. Between two that were made from different
sources nothing does: there each picture is looked at, those that look alike by 64 bits are compared as `clean` does
it, and only a proof that both are one photo counts. Nobody's face is recognised.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facekit.base import images
from facekit.base.contract import BadImage
from facekit.base.parallel import ordered_map
from facekit.dataset.info import read_info
from facekit.identity.groups import is_current
from facekit.identity.likeness import Fingerprint, fingerprint
from facekit.identity.likeness.proof import compare, verdict
from facekit.removal.kinds.base import Doing
from facekit.removal.kinds.trees import Trees, held_in
from facekit.removal.survey import Place
from facekit.removal.targets import Targets

NEAR = 12
"""Most bits of 64 by which pictures differ that are compared: cropping a few pixels changes up to 8."""


@dataclass(frozen=True)
class _Seen:
    """A picture, and its perceptual hashes as it is and mirrored."""

    file: Path
    hashes: tuple[int, int]


def add(found: Sequence[Place], doing: Doing, given: Path | None = None) -> int:
    """Add the photos that are the same as some that go; return how many were found. `given` is a picture itself."""
    trees = [place.path for place in found if isinstance(place.kind, Trees)]
    count = 0
    for line in _lines(trees):
        asked = [file for other in trees if other not in line for file in _going(other, doing.targets)]
        if given is not None:
            asked.append(given)
        if not asked:
            continue
        queries = [
            seen for seen in doing.track(ordered_map(_look, asked, doing.jobs), "read what goes", len(asked)) if seen
        ]
        for tree in line:
            count += _in_tree(tree, queries, doing)
    return count


def _in_tree(tree: Path, queries: Sequence[_Seen], doing: Doing) -> int:
    """Add what of one data set is the same photo as one of some pictures."""
    stay = [record for record in held_in(tree).records if not doing.targets.of(record)]
    known = np.array([look for one in queries for look in one.hashes], np.uint64)
    if not len(known) or not stay:
        return 0
    prints: dict[Path, Fingerprint | None] = {}
    files = [tree / record.path for record in stay]
    looked = doing.track(ordered_map(_look, files, doing.jobs), f"compare {tree.name}", len(files))
    count = 0
    for record, seen in zip(stay, looked, strict=True):
        if seen is not None and _is_one(seen, queries, known, prints):
            doing.targets.photos.add(record.origin)
            doing.targets.pictures.add(record.id)
            count += 1
    return count


def _is_one(
    seen: _Seen, queries: Sequence[_Seen], known: NDArray[np.uint64], prints: dict[Path, Fingerprint | None]
) -> bool:
    """Whether a picture is the same photo as one of the queries."""
    near = np.flatnonzero(np.bitwise_count(known ^ np.uint64(seen.hashes[0])) <= NEAR)
    for place in near.tolist():
        one, other = (prints.setdefault(file, _print(file)) for file in (seen.file, queries[place // 2].file))
        if one is None or other is None:
            continue
        judged = verdict(compare(one, other, mirrored=bool(place % 2)))
        if judged is not None and judged[1] == "photo":
            return True
    return False


def _lines(trees: Sequence[Path]) -> Iterator[list[Path]]:
    """Yield data sets that were made from one another and whose groups say which photos are one; each other alone."""
    above = {tree: _source(tree) for tree in trees}
    lines: dict[Path, list[Path]] = {}
    for tree in trees:
        first, seen = tree, {tree}
        while (source := above.get(first)) is not None and source in above and source not in seen:
            first = source
            seen.add(first)
        lines.setdefault(first, []).append(tree)
    for line in lines.values():
        if all(map(_is_grouped, line)):
            yield line
        else:
            yield from ([tree] for tree in line)


def _source(tree: Path) -> Path | None:
    info = read_info(tree)
    return None if info is None or info.made_from is None else Path(os.path.normpath(tree / info.made_from))


def _is_grouped(tree: Path) -> bool:
    info = read_info(tree)
    return info is not None and is_current(info.matchers) and all(record.group for record in held_in(tree).records)


def _going(tree: Path, targets: Targets) -> list[Path]:
    return [tree / record.path for record in held_in(tree).records if targets.of(record)]


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
