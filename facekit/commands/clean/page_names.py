"""The first table of the page: what became of the pictures of each name, and which names were left out whole."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from facekit.base.contract import Record, Rejection
from facekit.dataset import REPEATED, reasons

_GROUPS = {
    reasons.WRONG: "wrong",
    reasons.NO_FACE: "no_face",
    reasons.BLURRED: "blurred",
    **dict.fromkeys((reasons.REPEAT, reasons.SHARED, REPEATED), "repeats"),
    **dict.fromkeys(reasons.OPEN, "unsure"),
    **dict.fromkeys((reasons.FEW, reasons.BEYOND), "dropped"),
}


@dataclass(frozen=True)
class NameRow:
    """What became of the pictures of one name."""

    name: str
    pictures: int
    kept: int
    wrong: int
    no_face: int
    repeats: int
    blurred: int
    unsure: int
    dropped: int
    """Good pictures that were left out because the name as a whole was."""
    other: int


@dataclass(frozen=True)
class Dropped:
    """A name that was left out whole, and how many good pictures it had."""

    name: str
    pictures: int


def by_name(kept: Sequence[Record], left: Sequence[Rejection]) -> list[NameRow]:
    """Return a row for each name, those with most to decide on first."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for record in kept:
        counts[record.label]["kept"] += 1
    for one in left:
        counts[one.label][_GROUPS.get(one.reason, "other")] += 1
    rows = [_row(name, found) for name, found in counts.items()]
    return sorted(rows, key=lambda row: (-row.dropped, -row.unsure, -row.wrong, row.name))


def too_few(left: Sequence[Rejection]) -> list[Dropped]:
    """Return the names with too few pictures, those with most first."""
    counts = Counter(one.label for one in left if one.reason == reasons.FEW)
    return [Dropped(name, count) for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]


def _row(name: str, found: Counter[str]) -> NameRow:
    return NameRow(
        name,
        sum(found.values()),
        found["kept"],
        found["wrong"],
        found["no_face"],
        found["repeats"],
        found["blurred"],
        found["unsure"],
        found["dropped"],
        found["other"],
    )
