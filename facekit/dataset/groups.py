"""Groups: which photos must stay in one part of a split, and what is left out if they do not.

A group is what is linked by origin, by an earlier group, or by a likeness that somebody saw on pixels. Groups only
grow: nothing here takes one apart.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from facekit.base.contract import Link, Record, replace

ORDER = ("train", "validation", "test")
"""The parts in the order in which a model meets them: it learns from one, is chosen by the next, scored on the last."""


class Join(NamedTuple):
    """A picture that is left out of its part, because an earlier part has one of its group."""

    left: Record
    like: Record


def draw_groups(
    records: Sequence[Record], alike: Iterable[tuple[int, int]] = (), links: Iterable[Link] = ()
) -> list[Record]:
    """Give each record its group: one for each set linked by origin, an earlier group, or a proved likeness.

    `alike` holds pairs of positions in `records`, `links` pairs of photos, which need not be among them: two that are
    one with a third stay together when that is gone. A group is named by the smallest origin in it, so that its name
    does not depend on the order of the records, and is never undone: what shares one before shares one after.
    """
    photos: dict[str, int] = defaultdict(lambda: len(records) + len(photos))
    ends = list(alike) + [(photos[link.first], photos[link.second]) for link in links]
    for place, record in enumerate(records):
        ends += [(place, photos[photo]) for photo in {record.origin, record.group or record.origin}]
    component = components(len(records) + len(photos), ends)[: len(records)].tolist()
    names: dict[int, str] = {}
    for record, number in zip(records, component, strict=True):
        names[number] = min(names.get(number, record.origin), record.origin)
    return [replace(record, group=names[number]) for record, number in zip(records, component, strict=True)]


def links_about(links: Iterable[Link], origins: Iterable[str]) -> list[Link]:
    """Return the links by which some photos share their groups, each pair once, sorted: the first that names it.

    Those through photos that are gone stay: without them it would not be known why the rest belong together.
    """
    first: dict[tuple[str, str], Link] = {}
    for link in links:
        first.setdefault((link.first, link.second), link)
    photos: dict[str, int] = defaultdict(lambda: len(photos))
    ends = [(photos[one], photos[other]) for one, other in first]
    component = components(len(photos), ends)
    wanted = {component[photos[origin]] for origin in origins if origin in photos}
    return [first[pair] for pair in sorted(first) if component[photos[pair[0]]] in wanted]


def components(count: int, links: Sequence[tuple[int, int]]) -> NDArray[np.int64]:
    """Return the number of each item's component, shape (count,), where `links` are pairs of items that go together."""
    # By hand: SciPy's graphs take longer to import than most stages need for all their groups.
    up = list(range(count))
    for one, other in links:
        while up[one] != one:
            up[one] = one = up[up[one]]
        while up[other] != other:
            up[other] = other = up[up[other]]
        up[max(one, other)] = min(one, other)
    numbers: list[int] = []
    found = 0
    for item, higher in enumerate(up):  # never a later one, so its number is known
        numbers.append(found if higher == item else numbers[higher])
        found += higher == item
    return np.array(numbers, np.int64)


def group_of(record: Record) -> str:
    """Return what may not cross a split with a picture: its group, or its photo alone."""
    return record.group or record.origin


def leave_out_joined(records: Sequence[Record], given: bool = False) -> tuple[list[Record], list[Join]]:
    """Return the pictures that may stay in their parts, and those that may not, each with one of its group.

    Where a group stands in several parts of a split that is drawn already, the earliest part keeps its pictures. What
    was trained on stays trained on, so it is the held-out picture that can no longer tell anything; and a test picture
    that shows what the best epoch was chosen by is no better. A photo that is in two parts itself was never split
    by group: it stays, for `check_split` to refuse, unless the split is not facekit's but was `given`.
    """
    origins = {} if given else _parts(records, lambda record: record.origin)
    broken = {photo for photo, parts in origins.items() if len(parts) > 1}
    kept = {group: min(parts, key=ORDER.index) for group, parts in _parts(records, group_of).items()}
    like: dict[str, Record] = {}
    for record in records:
        if record.split == kept.get(group_of(record)):
            like.setdefault(group_of(record), record)
    joins = [
        Join(record, like[group_of(record)])
        for record in records
        if record.split and record.split != kept[group_of(record)] and record.origin not in broken
    ]
    gone = {id(join.left) for join in joins}  # a split that was given may hold a picture twice, in two parts
    return [record for record in records if id(record) not in gone], joins


def _parts(records: Iterable[Record], name: Callable[[Record], str]) -> dict[str, set[str]]:
    parts: dict[str, set[str]] = defaultdict(set)
    for record in records:
        if record.split:
            parts[name(record)].add(record.split)
    return parts
