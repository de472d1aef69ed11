"""By which protocol pictures are split for training and scoring, and whether a split keeps to it.

`group`: no photo, nor anything made from it, stands in two parts, and nothing synthetic is held out.
`person`: that, and nobody stands in two parts: for folders that are not the people themselves.
`image`: parts are drawn over files, as the original project did; a score from it says so.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from facekit import lineage, tables
from facekit.contract import FacekitError, Record, Track, quiet
from facekit.dataset import Dataset
from facekit.likeness import grouped
from facekit.options import SplitBy, shares

GROUP: SplitBy = "group"
IMAGE: SplitBy = "image"
PERSON: SplitBy = "person"

WHAT = {GROUP: "photos", PERSON: "people", IMAGE: "pictures"}
"""What may not stand in two parts."""

BANNER = "copies of the same photo stand on both sides: this score does not say how the model does on new photos"
"""What every score by the `image` protocol carries."""

log = logging.getLogger(__name__)


def settle(
    dataset: Dataset, split: str, split_by: SplitBy, seed: int, track: Track = quiet, people: Path | None = None
) -> tuple[list[Record], SplitBy]:
    """Return a tree's records, each with its part of the split, and the protocol by which they have it.

    A tree that has a split keeps it; what has no part yet is drawn, groups first. `people` is a CSV that says
    who is on the pictures. Raises FacekitError: one label only, too few pictures, a split that does not keep
    to its protocol.
    """
    _refuse_one_label(dataset)
    protocol = _protocol(dataset, split_by)
    if protocol == PERSON:
        dataset = by_person(dataset, people, track)
    records = dataset.records
    if any(record.split is None for record in records):
        records = _draw(dataset, split, protocol, seed, track)
    check(records, protocol, str(dataset.root))
    return records, protocol


def by_person(dataset: Dataset, people: Path | None, track: Track = quiet) -> Dataset:
    """Return the dataset with who is on each picture among its targets, and one group for all of a person.

    Raises FacekitError where that is not known of a picture, where each folder is a person, and for a split
    that somebody crosses already.
    """
    records = dataset.records
    if people is not None:
        who = tables.column(tables.read(people), lineage.PERSON, dataset)
        records = tables.with_target(records, lineage.PERSON, who)
    _refuse_strangers(records, dataset.root)
    _refuse_identity(records, dataset.root)
    _refuse_crossing(records, str(dataset.root))
    known = grouped(replace(dataset, records=records), track)
    return replace(known, records=lineage.join_people(known.records))


def kept(dataset: Dataset, split_by: SplitBy) -> SplitBy:
    """Return the protocol that is asked for; a tree that was split by person is not split by less."""
    return PERSON if dataset.protocol == PERSON and split_by == GROUP else split_by


def check(records: Sequence[Record], protocol: SplitBy, where: str) -> None:
    """Refuse a split in which a group crosses, or somebody, or anything synthetic is held out. Raises FacekitError."""
    if protocol == PERSON:
        _refuse_crossing(records, where)
    if protocol != IMAGE:
        lineage.check_split(records, where)


def _protocol(dataset: Dataset, split_by: SplitBy) -> SplitBy:
    if dataset.protocol == IMAGE:
        if split_by != IMAGE:
            log.warning("%s was made with --split-by image, so its split is drawn over files", dataset.root)
        return IMAGE
    if split_by == IMAGE and any(record.split for record in dataset.records):
        raise FacekitError(
            f"{dataset.root} has a split by {dataset.protocol or GROUP}, which --split-by image would undo; "
            "leave --split-by out, or make the tree again with `balance --split-by image`"
        )
    return kept(dataset, split_by)


def _draw(dataset: Dataset, split: str, protocol: SplitBy, seed: int, track: Track) -> list[Record]:
    if protocol == IMAGE:
        return lineage.draw_split_by_image(dataset.records, shares(split), seed)
    return lineage.draw_split(grouped(dataset, track).records, shares(split), seed, WHAT[protocol])


def _refuse_one_label(dataset: Dataset) -> None:
    if len(dataset.labels) < 2:
        raise FacekitError(
            f"{dataset.root} holds pictures of one name only, {dataset.labels[0]}; a network learns to tell names "
            "apart, so give a folder with two or more"
        )


def _refuse_strangers(records: Sequence[Record], root: Path) -> None:
    unknown = [record for record in records if lineage.person(record) is None]
    if unknown:
        raise FacekitError(
            f"{root}: nothing says who is on {len(unknown)} of {len(records)} pictures (the first: {unknown[0].path}), "
            "which a split by person goes by; say it with --people-from FILE.csv, columns image and person"
        )


def _refuse_identity(records: Sequence[Record], root: Path) -> None:
    people: dict[str, set[str | None]] = defaultdict(set)
    for record in records:
        people[record.label].add(lineage.person(record))
    if all(len(found) == 1 for found in people.values()):
        raise FacekitError(
            f"{root}: each folder is one person, and a model cannot name someone it has never seen; "
            "leave --split-by person out"
        )


def _refuse_crossing(records: Sequence[Record], where: str) -> None:
    crossing = lineage.people_crossing(records)
    if crossing:
        raise FacekitError(
            f"{where}: {len(crossing)} people stand in more than one part of the split (first {crossing[0]}); "
            "make it again with `balance --split-by person`, from pictures without a split"
        )
