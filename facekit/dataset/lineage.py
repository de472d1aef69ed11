"""Origins, groups and the split: which pictures may be in which part.

A group is what may not cross a split: pictures cut from one photo, and photos that are proved to be one.
Everything here works on records alone; who has seen pixels hands in the pairs it has proved.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from itertools import pairwise

import numpy as np

from facekit.base.contract import PARTS, FacekitError, Record, replace
from facekit.base.memory import uncollected
from facekit.base.text import counted
from facekit.dataset.groups import draw_groups, group_of

TRAIN, TEST, VALIDATION = PARTS

PERSON = "person"
"""The target that says who is on a picture, where its label does not."""


def join_people(records: Sequence[Record]) -> list[Record]:
    """Give all pictures of a person one group, and of everyone who shares a photo with them."""
    return draw_groups(records, _same([person(record) for record in records]))


def person(record: Record) -> str | None:
    """Return who is on a picture, where its targets say so."""
    return (record.targets or {}).get(PERSON)


@uncollected()
def draw_split(
    records: Sequence[Record], split: tuple[float, float, float], seed: int, what: str = "photos"
) -> list[Record]:
    """Give each record its part: by group, stratified by label, seeded.

    A group that has a part already keeps it. A group of two labels goes whole into one part. Only photos as
    found are counted, so that each label has some in each part; a group without one is for training.
    What is new in a tree that has parts already is shared among those. `what` is what groups are called.
    Raises FacekitError, naming the label, where a label has fewer groups than the split has parts.
    """
    given = {record.split for record in records if record.split} | {TRAIN}
    parts = given if len(given) > 1 else set(PARTS)
    wanted = {part: share for part, share in zip(PARTS, split, strict=True) if share > 0 and part in parts}
    members: dict[str, list[Record]] = defaultdict(list)
    before: dict[str, set[str]] = defaultdict(set)
    for record in records:
        members[group_of(record)].append(record)
        if record.split:
            before[group_of(record)].add(record.split)
    labels = {label: groups for label, groups in _labels_of(members).items() if groups - before.keys()}
    _refuse_small(labels, len(wanted), what)
    draw = _Draw(wanted, _photos(records))
    for group in filter(before.__contains__, members if before else ()):
        draw.give(group, min(before[group]), _photos(members[group]))
    rng = np.random.default_rng([seed, len(PARTS)])
    order = sorted(members)
    order = [order[i] for i in rng.permutation(len(order))]
    # Shared groups first, then large ones: what is hard to place is placed while there is room.
    order.sort(key=partial(_hard_first, members))
    for group in order:
        if group not in draw.part:
            draw.place(group, _photos(members[group]))
    draw.fill_empty(labels, members, what)
    part = draw.part
    del members, labels, draw, order  # which are as large as the records
    return [record.in_part(part[group_of(record)]) for record in records]


def draw_validation(
    records: Sequence[Record], split: tuple[float, float, float], seed: int, what: str = "photos"
) -> list[Record]:
    """Move a share of the training photos to validation, by group, where a split that was given has no such part.

    Photos with copies or children stay, as nothing synthetic is held out, and so do all of a label that has one such
    group. The share is that of `split` among training and validation; 0 moves nothing.
    """
    share = split[2] / (split[0] + split[2])
    if not share or any(record.split == VALIDATION for record in records):
        return list(records)
    members: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        members[group_of(record)].append(record)
    able = {g for g, inside in members.items() if all(r.split == TRAIN and not r.synthetic for r in inside)}
    while alone := _alone(able, members):
        able -= alone
    free = [replace(r, split=None) if group_of(r) in able else r for r in records if r.split == TRAIN]
    drawn = iter(draw_split(free, (1 - share, 0.0, share), seed, what))
    return [next(drawn) if record.split == TRAIN else record for record in records]


def draw_split_by_image(records: Sequence[Record], split: tuple[float, float, float], seed: int) -> list[Record]:
    """Give each record its part over files, whatever they come from: the original project's protocol.

    Copies and children of one photo land on both sides on purpose; what is scored on it must say so.
    """
    alone = [replace(r, group=f"{r.label}/{r.id}", split=None, synthetic=None) for r in records]
    drawn = draw_split(alone, split, seed)
    return [replace(record, split=part.split) for record, part in zip(records, drawn, strict=True)]


def people_crossing(records: Iterable[Record]) -> list[str]:
    """Return the people who stand in more than one part."""
    parts: dict[str, set[str]] = defaultdict(set)
    for record in records:
        if record.split:
            parts[person(record) or ""].add(record.split)
    return sorted(name for name, found in parts.items() if name and len(found) > 1)


def crossings(records: Iterable[Record]) -> list[str]:
    """Return the groups and photos that stand in more than one part."""
    parts: dict[str, set[str]] = defaultdict(set)
    for record in records:
        if record.split:
            parts[group_of(record)].add(record.split)
            parts[record.origin].add(record.split)
    return sorted(name for name, found in parts.items() if len(found) > 1)


def held_out_synthetic(records: Iterable[Record]) -> list[Record]:
    """Return the copies and children that are in test or validation."""
    return [r for r in records if r.synthetic and r.split in (TEST, VALIDATION)]


def check_split(records: Iterable[Record], where: str) -> None:
    """Refuse a split that leaks. Raises FacekitError that names the first group or picture at fault."""
    records = list(records)
    crossing = crossings(records)
    if crossing:
        raise FacekitError(
            f"{where}: {counted(len(crossing), 'photo is', 'photos are')} in more than one part of the split "
            f"(first {crossing[0][:16]}); "
            "make the tree again with `balance`, which keeps each photo in one part"
        )
    synthetic = held_out_synthetic(records)
    if synthetic:
        what = counted(len(synthetic), "copy or augmented picture is", "copies or augmented pictures are")
        raise FacekitError(
            f"{where}: {what} in test or validation "
            f"(the first: {synthetic[0].path}); make the tree again with `balance`, which draws the split first"
        )


def refuse_split(records: Iterable[Record], where: str) -> None:
    """Refuse to split by image what has been split by group. Raises FacekitError."""
    if any(record.split for record in records):
        raise FacekitError(
            f"{where} has a split by group already; "
            "to split by image, make it with `balance --split-by image`, or give a tree without a split"
        )


def still_for_training(made: Iterable[Record], drawn: Iterable[Record]) -> list[Record]:
    """Return the copies or children made earlier whose photo is for training in a new draw, brought up to it.

    Without a split, all whose photo is there. Ordered by id.
    """
    photos = {record.origin: record for record in drawn}
    now = [(r, photos[r.origin]) for r in made if r.origin in photos and photos[r.origin].split in (TRAIN, None)]
    return sorted((replace(r, group=p.group, split=p.split) for r, p in now), key=lambda r: r.id)


def shuffled(records: Iterable[Record], seed: int) -> list[Record]:
    """Return the records in an order that the seed and their ids alone decide."""
    ordered = sorted(records, key=lambda r: r.id)
    return [ordered[place] for place in np.random.default_rng([seed, len(ordered)]).permutation(len(ordered))]


def thin(records: Sequence[Record], count: int, seed: int) -> list[Record]:
    """Choose `count` of the records, evenly over groups: one of each, then a second of each, and so on.

    A photo as found goes before its copies, and what a person has put there before the others.
    """
    ordered = sorted(shuffled(records, seed), key=lambda r: (r.synthetic is not None, r.moved_from is None))
    turn: Counter[str] = Counter()
    turns = []
    for place, record in enumerate(ordered):
        turns.append((turn[group_of(record)], place))
        turn[group_of(record)] += 1
    chosen = {ordered[place].id for _, place in sorted(turns)[:count]}
    return [record for record in records if record.id in chosen]


class _Draw:
    """Parts handed out so far, how many pictures of each label each part still lacks, how many groups it has."""

    def __init__(self, wanted: Mapping[str, float], totals: Mapping[str, int]) -> None:
        self.part: dict[str, str] = {}
        self.wanted = wanted
        self.lack = {(label, part): n * share for label, n in totals.items() for part, share in wanted.items()}
        self.filled: dict[str, Counter[str]] = {label: Counter() for label in totals}

    def give(self, group: str, part: str, counts: Mapping[str, int]) -> None:
        self.part[group] = part
        for label, count in counts.items():
            self.filled[label][part] += 1
            if part in self.wanted:
                self.lack[label, part] -= count

    def place(self, group: str, counts: Mapping[str, int]) -> None:
        def need(part: str) -> float:
            return sum(self.lack[label, part] for label in counts)

        # Of equals the first: a group without a photo as found is for training.
        self.give(group, max(self.wanted, key=need), counts)

    def fill_empty(self, labels: Mapping[str, set[str]], members: Mapping[str, Sequence[Record]], what: str) -> None:
        """Move a label's smallest group, one of its own if it can be, into each part where the label has none.

        Shares of few pictures round down to nothing: of 3, a tenth is 0.3.
        """
        for label, groups in sorted(labels.items()):
            for part in self.wanted:
                if self.filled[label][part]:
                    continue
                able = [g for g in sorted(groups) if self._may_move(g, members[g])]
                if not able:
                    raise FacekitError(_too_shared(label, what))
                alone_first = min(able, key=lambda g: (len(_photos(members[g])), len(members[g])))
                self._move(alone_first, part, members)

    def _move(self, group: str, part: str, members: Mapping[str, Sequence[Record]]) -> None:
        for label in _photos(members[group]):
            self.filled[label][self.part[group]] -= 1
        self.give(group, part, _photos(members[group]))

    def _may_move(self, group: str, inside: Sequence[Record]) -> bool:
        """Whether nobody has placed the group, and each of its labels has others where it stands."""
        there = self.part[group]
        spare = all(self.filled[label][there] > 1 for label in _photos(inside))
        return spare and all(record.split is None for record in inside)


def _alone(groups: Iterable[str], members: Mapping[str, Sequence[Record]]) -> set[str]:
    """Return the groups that are the only one of one of their labels."""
    labels = {group: {record.label for record in members[group]} for group in groups}
    counts = Counter(label for inside in labels.values() for label in inside)
    return {group for group, inside in labels.items() if min(counts[label] for label in inside) < 2}


def _hard_first(members: Mapping[str, Sequence[Record]], group: str) -> tuple[int, int]:
    inside = members[group]
    return -len({record.label for record in inside}), -len(inside)


def _photos(records: Iterable[Record]) -> dict[str, int]:
    """Return label -> its photos as found: no Counter, which costs more, for groups that mostly hold one."""
    counts: dict[str, int] = {}
    for record in records:
        if not record.synthetic:
            counts[record.label] = counts.get(record.label, 0) + 1
    return counts


def _same(values: Sequence[str | None]) -> list[tuple[int, int]]:
    places: dict[str, list[int]] = defaultdict(list)
    for place, value in enumerate(values):
        if value is not None:
            places[value].append(place)
    return [pair for found in places.values() for pair in pairwise(found)]


def _labels_of(members: Mapping[str, Sequence[Record]]) -> dict[str, set[str]]:
    labels: dict[str, set[str]] = defaultdict(set)
    for group, inside in members.items():
        for label in _photos(inside):
            labels[label].add(group)
    return labels


def _too_shared(label: str, what: str) -> str:
    if what == "photos":
        return (
            f"{label} shares too many photos with other names to be in every part; "
            "move the shared photos to one name, or leave the name out"
        )
    return (
        f"{label} and other names share too few {what} for all of them to be in every part; "
        f"add {what}, or give a split of fewer parts"
    )


def _refuse_small(labels: Mapping[str, set[str]], parts: int, what: str) -> None:
    small = sorted((len(groups), label) for label, groups in labels.items() if len(groups) < parts)
    if small:
        count, label = small[0]
        more = f" (and {counted(len(small) - 1, 'more name')})" if len(small) > 1 else ""
        raise FacekitError(
            f"{label} has {count} {what} that can be separated, and a split in {parts} parts needs {parts}{more}; "
            f"add {what}, leave the name out with `clean --min-images`, or give a split of fewer parts"
        )
