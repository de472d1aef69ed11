"""Count the pictures of a tree: by part, by kind and by size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from facekit.base.contract import PARTS, Record

NO_PART = "no part"

_SIDES = (48, 96, 160, 256, 512, 1024, 2048)
"""Shorter sides, in pixels, between which pictures are counted."""


def ranked(values: Iterable[str]) -> dict[str, int]:
    """Return value -> how often it occurs, the most frequent first."""
    return dict(Counter(values).most_common())


def by_part(records: Iterable[Record]) -> dict[str, int]:
    """Return part of the split -> pictures; empty without a split."""
    counts = Counter(record.split or NO_PART for record in records)
    return {part: counts[part] for part in (*PARTS, NO_PART) if counts[part]} if counts.keys() - {NO_PART} else {}


def by_kind(records: Iterable[Record]) -> dict[str, int]:
    """Return `as found`, `copy` or `augment` -> pictures."""
    return ranked(record.synthetic or "as found" for record in records)


def by_side(sides: Sequence[int]) -> dict[str, int]:
    """Return shorter side in pixels, from and to -> pictures."""
    bounds = [0, *_SIDES]
    names = [f"{low}-{high - 1}" for low, high in zip(bounds, bounds[1:], strict=False)] + [f"{bounds[-1]} or more"]
    counts = Counter(sum(side >= bound for bound in _SIDES) for side in sides)
    return {name: counts[place] for place, name in enumerate(names) if counts[place]}
