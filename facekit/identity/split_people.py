"""The split of a tree for an embedding: nobody who is trained on is in another part, whose people stay strangers."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from facekit.base.contract import PARTS, FacekitError, Record, Track, quiet
from facekit.base.text import counted
from facekit.dataset import Dataset, protocol
from facekit.dataset.groups import draw_groups
from facekit.dataset.lineage import TRAIN
from facekit.identity.groups import grouped
from facekit.identity.split import STAGE, Split
from facekit.options.common import shares

LEAST = 2
"""People of a part: with one alone there is nobody to tell apart."""

log = logging.getLogger(__name__)


def split_people(dataset: Dataset, split: str, seed: int, track: Track = quiet, embedder: str | None = None) -> Split:
    """Return the split of a data set whose folders are one person each: the people are drawn, not their photos.

    A split that keeps them apart already is kept. Where `balance` drew another, which has everybody in each part, the
    people are drawn anew; the copies and children of people who are held out are then left out. Who shares a photo
    with somebody else goes into one part with them. Raises FacekitError: too few people, or people in several parts of
    a split that facekit did not draw.
    """
    if len(dataset.labels) < LEAST:
        raise FacekitError(
            f"{dataset.root} holds pictures of one person only, {dataset.labels[0]}; an embedding learns to tell "
            "people apart, so give a folder with several"
        )
    known = grouped(dataset, STAGE, track, embedder=embedder)
    given = _given(known)
    part = given or _drawn(known, split, seed)
    records = [
        replace(record, split=part[record.label])
        for record in known.records
        if part[record.label] == TRAIN or record.synthetic is None
    ]
    _check(records, dataset)
    return Split(replace(dataset, info=known.info), _apart(records), protocol.PERSON)


def _given(dataset: Dataset) -> dict[str, str] | None:
    """Return the part of each person as the tree has it; None where it is to be drawn. Raises FacekitError."""
    parts: dict[str, set[str | None]] = defaultdict(set)
    for record in dataset.records:
        parts[record.label].add(record.split)
    if all(found == {None} for found in parts.values()):
        return None
    crossing = sorted(label for label, found in parts.items() if len(found) > 1)
    if not crossing and dataset.protocol != protocol.IMAGE:
        return {label: str(found.pop()) for label, found in parts.items()}
    if dataset.info.split_given:
        raise FacekitError(
            f"{dataset.root} has {counted(len(crossing), 'person', 'people')} in more than one part of its split "
            f"(first {crossing[0]}), and an embedding is scored on people it never saw; give each person "
            "to one part, or put all folders into one tree"
        )
    log.info("%s has the same people in each part of its split; for an embedding the people are drawn", dataset.root)
    return None


def _drawn(dataset: Dataset, split: str, seed: int) -> dict[str, str]:
    """Return the part of each person, drawn by the seed."""
    units = _units(dataset.records)
    people = len(dataset.labels)
    wanted = {part: share for part, share in zip(PARTS, shares(split), strict=True) if share > 0}
    if people < LEAST * len(wanted):
        raise FacekitError(
            f"{dataset.root} has {counted(people, 'person', 'people')}, and each of {len(wanted)} parts of the split "
            f"needs {LEAST}, {LEAST * len(wanted)} in all; add people, or train on all of them with --split 100/0/0 "
            "--monitor accuracy"
        )
    rest = {part: max(LEAST, round(people * share)) for part, share in wanted.items() if part != TRAIN}
    order = np.random.default_rng([seed, people]).permutation(len(units))
    part: dict[str, str] = {}
    for unit in sorted((units[place] for place in order), key=len, reverse=True):  # large ones while there is room
        free = [name for name, lack in rest.items() if lack >= len(unit)]
        chosen = max(free, key=rest.__getitem__) if free and len(part) + len(unit) <= people - LEAST else TRAIN
        if chosen != TRAIN:
            rest[chosen] -= len(unit)
        part.update(dict.fromkeys(unit, chosen))
    return part


def _units(records: Sequence[Record]) -> list[tuple[str, ...]]:
    """Return the people in sets that share a photo, sorted."""
    by_label = {record.label: record for record in records}
    joined = draw_groups(
        [replace(record, origin=f"label {record.label}", group=record.group or record.origin) for record in records]
    )
    sets: dict[str, set[str]] = defaultdict(set)
    for record in joined:
        sets[str(record.group)].add(record.label)
    found = sorted(tuple(sorted(some)) for some in sets.values())
    assert sum(map(len, found)) == len(by_label)
    return found


def _apart(records: Sequence[Record]) -> list[Record]:
    """Return the records with one group for all pictures of a person."""
    places: dict[str, int] = {}
    pairs = [(places.setdefault(record.label, place), place) for place, record in enumerate(records)]
    return draw_groups(records, pairs)


def _check(records: Sequence[Record], dataset: Dataset) -> None:
    """Refuse a part of one person, and one without two pictures of anybody. Raises FacekitError."""
    counts: Mapping[str, Counter[str]] = defaultdict(Counter)
    for record in records:
        counts[str(record.split)][record.label] += 1
    for part in (TRAIN, *(name for name in counts if name != TRAIN)):
        people = counts[part]
        if len(people) < LEAST:
            raise FacekitError(
                f"{dataset.root} has {counted(len(people), 'person', 'people')} for the {part} part, which needs "
                f"{LEAST} who share no photos with others; add people, or give another --split"
            )
        if max(people.values()) < LEAST:
            raise FacekitError(
                f"{dataset.root} has one picture of each person in the {part} part, and an embedding learns from two "
                "or more; add pictures, or give another --split"
            )
