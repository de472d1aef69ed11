"""Lists of pairs of photos, and whether each shows one person: facekit's own CSV, and LFW's two text formats."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from facekit.base.contract import FacekitError
from facekit.base.files import read_text
from facekit.base.names import find_path
from facekit.base.rows import numbered
from facekit.base.text import counted, lines, whole
from facekit.dataset.groups import components

COLUMNS = ("first", "second", "same")

BY_FOLDER, BY_PAIRS = "by folder", "by the pairs of one person"
"""How it is known who the photos of a list show."""

_SAID = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}

_COUNTS = re.compile(r"(?:(?P<folds>[0-9]{1,9})\s+)?(?P<each>[0-9]{1,9})")
"""The first line of LFW's lists: how many pairs of each kind, in View 2 in each of so many folds."""


@dataclass(frozen=True)
class Pair:
    """Two photos, as paths below a root, and whether they show one person."""

    first: str
    second: str
    same: bool
    fold: int = 0
    more: Mapping[str, str] = field(default_factory=dict)
    """The other columns of its line."""


@dataclass(frozen=True)
class PairList:
    """The pairs of a file, in its order."""

    file: Path
    pairs: list[Pair]
    folds: int = 1
    """Parts of the list, as LFW's View 2 has ten: each is scored with a threshold from the others."""
    columns: tuple[str, ...] = ()
    """What else a CSV says of each pair."""

    @property
    def photos(self) -> list[str]:
        """The photos that the pairs name, each once, sorted."""
        return sorted({photo for pair in self.pairs for photo in (pair.first, pair.second)})


class People(NamedTuple):
    """Who the photos of a list show."""

    of: dict[str, str]
    """Photo -> its person."""
    by: str
    """How that is known."""


def read(file: Path) -> PairList:
    """Read a list of pairs.

    A CSV has a header with at least `first`, `second` and `same`; `same` is 1, true or yes, or 0, false or no.
    LFW's lists are known by their first line. Raises FacekitError: no such file, a line that is no pair (by its
    number), pairs of one kind alone.
    """
    text = _text(file)
    first, _, rest = text.partition("\n")
    counts = _COUNTS.fullmatch(first.strip())
    found = _csv(file, text) if counts is None else _lfw(file, rest, int(counts["folds"] or 1), int(counts["each"]))
    same = {pair.same for pair in found.pairs}
    if len(same) < 2:
        kinds = "no pairs" if not same else "no pairs of two people" if True in same else "no pairs of one person"
        raise FacekitError(f"{file} holds {kinds}; a score needs pairs of one person and pairs of two")
    return found


def on_disk(listed: PairList, root: Path) -> PairList:
    """Return the pairs with their paths as the files below a folder are spelled: composed or not."""
    if all(photo.isascii() for photo in listed.photos):
        return listed
    pairs = [replace(one, first=find_path(root, one.first), second=find_path(root, one.second)) for one in listed.pairs]
    return replace(listed, pairs=pairs)


def people(pairs: Sequence[Pair]) -> People:
    """Return who the photos show: by their folders, where these agree with every pair; else by the pairs of one person.

    Photos that pairs of one person join are then one person, and any other photo is a person of its own.
    """
    folders = {photo: str(Path(photo).parent) for pair in pairs for photo in (pair.first, pair.second)}
    if all((folders[pair.first] == folders[pair.second]) == pair.same for pair in pairs):
        return People(folders, BY_FOLDER)
    number = {photo: place for place, photo in enumerate(folders)}
    joined = [(number[pair.first], number[pair.second]) for pair in pairs if pair.same]
    parts = components(len(number), joined)
    return People({photo: str(parts[place]) for photo, place in number.items()}, BY_PAIRS)


def _text(file: Path) -> str:
    try:
        text = read_text(file)
    except (FileNotFoundError, NotADirectoryError):
        raise FacekitError(f"no such file: {file}; give a list of pairs") from None
    if not text.strip():
        raise FacekitError(f"{file} is empty; give a list of pairs")
    return text


def _csv(file: Path, text: str) -> PairList:
    rows = numbered(file, text)
    number, names = next(rows, (1, []))
    header = [name.strip() for name in names]
    lacking = [name for name in COLUMNS if name not in header]
    if lacking:
        raise FacekitError(
            f"{file}, line {number} has no column `{lacking[0]}`; start with the header `first,second,same`, or "
            "give one of "
            "LFW's lists"
        )
    twice = next((name for name, count in Counter(header).items() if count > 1), None)
    if twice is not None:
        raise FacekitError(f"{file}, line {number} has two columns `{twice}`; rename one")
    others = tuple(name for name in header if name not in COLUMNS)
    pairs = [_row(f"{file}, line {number}", row, header) for number, row in rows if any(map(str.strip, row))]
    return PairList(file, pairs, columns=others)


def _row(where: str, row: Sequence[str], header: Sequence[str]) -> Pair:
    if len(row) != len(header):
        raise FacekitError(f"{where} has {counted(len(row), 'field')}, but the header has {len(header)}; fix that line")
    values = {name: value.strip() for name, value in zip(header, row, strict=True)}
    first, second, said = (values.pop(name) for name in COLUMNS)
    first, second = (path.replace("\\", "/") for path in (first, second))  # as Windows writes them
    same = _SAID.get(said.lower())
    if same is None:
        raise FacekitError(f"{where}: same is {said!r}; write 1 for one person or 0 for two")
    return _pair(where, first, second, same, more=values)


def _lfw(file: Path, text: str, folds: int, each: int) -> PairList:
    """Read `name i j` as two photos of one person, and `name i other j` as photos of two."""
    if not (folds and each):
        raise FacekitError(f"{file}, line 1 says that there are no pairs; download it again")
    pairs: list[Pair] = []
    for number, line in lines(text):
        # A block of each kind in turn: so a line that lost a field is not taken for one of the other kind.
        block, fold = (len(pairs) // each) % 2, len(pairs) // (2 * each)
        pairs.append(_lfw_pair(f"{file}, line {number + 1}", line.split(), block == 0, fold))
    if len(pairs) != 2 * each * folds:
        of = f"{folds} times {each} + {each}" if folds > 1 else f"{each} + {each}"
        raise FacekitError(f"{file} has {counted(len(pairs), 'pair')}, but its first line says {of}; download it again")
    return PairList(file, pairs, folds)


def _lfw_pair(where: str, parts: Sequence[str], same: bool, fold: int) -> Pair:
    wanted = "`name i j`" if same else "`name i other j`"
    if len(parts) != (3 if same else 4):
        raise FacekitError(f"{where} is not of the form {wanted} that is needed at this place; fix that line")
    one, other = (parts[0], whole(parts[1])), (parts[0] if same else parts[2], whole(parts[-1]))
    if one[1] is None or other[1] is None:
        raise FacekitError(f"{where}: the number of a photo is not a number; write {wanted}")
    if not same and one[0] == other[0]:
        raise FacekitError(f"{where} is among the pairs of two people, but names only one; fix that line")
    first, second = (f"{name}/{name}_{number:04d}.jpg" for name, number in (one, other))
    return _pair(where, first, second, same, fold)


def _pair(
    where: str, first: str, second: str, same: bool, fold: int = 0, more: Mapping[str, str] | None = None
) -> Pair:
    if not (first and second):
        raise FacekitError(f"{where} lacks the path of a photo; fix that line")
    one, other = str(Path(first)), str(Path(second))
    if one == other:
        raise FacekitError(f"{where} names one photo twice; give two different photos")
    return Pair(one, other, same, fold, more or {})
