"""What has changed between two states of a data set: which names, and how many pictures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import NamedTuple

from facekit.base.contract import Record, Rejection
from facekit.base.text import listed
from facekit.dataset.reasons import REMOVED

SHOWN = 3
"""Names that a message lists; of more it gives the number."""

UP_TO_DATE = "%s has changed since %s was made (%s); the folder is brought up to date"
"""What a stage that goes on says of its input."""

TRACED = ("crop", "clean")
"""The stages in whose folders every picture of the input left a line: it is there, or it was left out."""


class Seen(NamedTuple):
    """A picture as it was or is: enough to tell whether it is the same one, and nothing of what it shows."""

    label: str
    file: str
    """The file's name, without its folder."""
    sha256: str
    part: str | None = None
    group: str | None = None
    person: str | None = None

    @classmethod
    def of(cls, record: Record) -> Seen:
        """Return what is remembered of a picture."""
        person = (record.targets or {}).get("person")
        file = PurePosixPath(record.path).name
        return cls(record.label, file, record.sha256, record.split, record.group, person)


@dataclass(frozen=True)
class Changes:
    """How a data set differs from what it was. Nothing has changed where all are empty."""

    names_added: tuple[str, ...] = ()
    names_gone: tuple[str, ...] = ()
    new: int = 0
    """Pictures that were not there."""
    gone: int = 0
    """Pictures that are no longer there."""
    changed: int = 0
    """Pictures whose file has other bytes."""
    relabelled: int = 0
    """Pictures that are under another name."""
    regrouped: int = 0
    """Pictures that are in another part of the split, share their photo with others, or show somebody else."""

    def __bool__(self) -> bool:
        """Whether anything has changed."""
        return any((*self._counts, self.names_added, self.names_gone))

    def __str__(self) -> str:
        """Say it in one line: `name added: Zoe; pictures: 12 new, 3 gone`."""
        names = [*_names("added", self.names_added), *_names("removed", self.names_gone)]
        words = ("new", "removed", "changed", "under another name", "in another part or group")
        counts = [f"{count:,} {word}" for count, word in zip(self._counts, words, strict=True) if count]
        return "; ".join([*names, *([f"pictures: {', '.join(counts)}"] if counts else [])]) or "nothing"

    @property
    def _counts(self) -> tuple[int, ...]:
        return self.new, self.gone, self.changed, self.relabelled, self.regrouped


def between(before: Iterable[Seen], now: Iterable[Seen]) -> Changes:
    """Return what has changed.

    A file that keeps its name and its folder is the same picture, with other bytes perhaps; one of the same bytes
    elsewhere was moved. Part, group and person count only where both states say them: they may have been drawn since.
    Groups count only where nothing else has changed: a new picture may join those of others.
    """
    then, there = list(before), list(now)
    same, left, fresh = _matched(then, there, lambda one: (one.label, one.file))
    moved, left, fresh = _matched(left, fresh, lambda one: (one.sha256,))
    labels_then, labels_now = {one.label for one in then}, {one.label for one in there}
    pairs = [*same, *moved]
    changes = Changes(
        tuple(sorted(labels_now - labels_then)),
        tuple(sorted(labels_then - labels_now)),
        new=len(fresh),
        gone=len(left),
        changed=sum(a.sha256 != b.sha256 for a, b in pairs),
        relabelled=sum(a.label != b.label for a, b in pairs),
        regrouped=sum(_other(a.part, b.part) or _other(a.person, b.person) for a, b in pairs),
    )
    return changes or Changes(regrouped=sum(_other(a.group, b.group) for a, b in pairs))


def of_records(before: Iterable[Record], now: Iterable[Record]) -> Changes:
    """Return what has changed between two lists of pictures of one data set."""
    return between(map(Seen.of, before), map(Seen.of, now))


def of_input(source: Sequence[Record], made: Iterable[Record], left: Sequence[Rejection], stage: str) -> Changes:
    """Return how the input of a stage differs from what its folder was made from, as far as the folder tells.

    Which names there were is known of every folder; which pictures, where each left a line: see `TRACED`.
    """
    made = list(made)
    labels = {record.moved_from or record.label for record in made} | {one.label for one in left}
    now = {record.label for record in source}
    ids = {record.id for record in source}
    used = {record.parent if record.made_by == stage else record.id for record in made if not record.synthetic}
    known = used | {one.id for one in left} | {one.origin for one in left}
    fresh = [record for record in source if record.id not in known] if stage in TRACED else []
    was = used | {one.id for one in left if one.reason != REMOVED} if stage in TRACED else used
    return Changes(tuple(sorted(now - labels)), tuple(sorted(labels - now)), new=len(fresh), gone=len(was - ids))


def _matched(
    before: Sequence[Seen], now: Sequence[Seen], key: Callable[[Seen], Hashable]
) -> tuple[list[tuple[Seen, Seen]], list[Seen], list[Seen]]:
    """Return the pairs of pictures with one key, and what is left on either side."""
    there: dict[Hashable, list[Seen]] = defaultdict(list)
    for one in now:
        there[key(one)].append(one)
    pairs, left = [], []
    for one in before:
        if same := there[key(one)]:
            pairs.append((one, same.pop(0)))
        else:
            left.append(one)
    return pairs, left, [one for rest in there.values() for one in rest]


def _other(before: str | None, now: str | None) -> bool:
    return before is not None and now is not None and before != now


def _names(what: str, names: Sequence[str]) -> Iterator[str]:
    if names:
        yield f"{'name' if len(names) == 1 else 'names'} {what}: {listed(names, SHOWN)}"
