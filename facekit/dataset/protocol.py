"""The protocol by which pictures are split for training and scoring, and whether a split follows it.

`group`: no photo, nor anything made from it, is in two parts, and nothing synthetic is held out.
`person`: that, and nobody is in two parts: for folders that are not the people themselves.
`image`: parts are drawn over files, as the original project did; a score from it says so.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from facekit.base.contract import FacekitError, Record
from facekit.base.text import counted
from facekit.dataset import Dataset, lineage, tables
from facekit.options.common import SplitBy

GROUP: SplitBy = "group"
IMAGE: SplitBy = "image"
PERSON: SplitBy = "person"

WHAT = {GROUP: "photos", PERSON: "people", IMAGE: "pictures"}
"""What may not be in two parts."""

BANNER = "copies of the same photo are in both parts: this score does not show how well the model works on new photos"
"""What every score by the `image` protocol carries."""

log = logging.getLogger(__name__)


def with_people(dataset: Dataset, people: Path | None) -> Dataset:
    """Return the dataset with who is on each picture among its targets. `people` is a CSV of `image,person`.

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
    return replace(dataset, records=records)


def kept(dataset: Dataset, split_by: SplitBy) -> SplitBy:
    """Return the protocol that is asked for; a tree that was split by person is not split by less."""
    return PERSON if dataset.protocol == PERSON and split_by == GROUP else split_by


def choose(dataset: Dataset, split_by: SplitBy) -> SplitBy:
    """Return the protocol by which a tree is trained on. Raises FacekitError where `split_by` would undo its split."""
    if dataset.protocol == IMAGE:
        if split_by != IMAGE:
            log.warning("%s was made with --split-by image, so its split was drawn file by file", dataset.root)
        return IMAGE
    if split_by == IMAGE and any(record.split for record in dataset.records):
        raise FacekitError(
            f"{dataset.root} has a split by {dataset.protocol or GROUP}, which --split-by image would undo; "
            "remove --split-by, or make the tree again with `balance --split-by image`"
        )
    return kept(dataset, split_by)


def check(records: Sequence[Record], protocol: SplitBy, where: str) -> None:
    """Refuse a split in which a group crosses, or somebody, or anything synthetic is held out. Raises FacekitError."""
    if protocol == PERSON:
        _refuse_crossing(records, where)
    if protocol != IMAGE:
        lineage.check_split(records, where)


def refuse_one_label(dataset: Dataset) -> None:
    """Refuse a tree of one name. Raises FacekitError."""
    if len(dataset.labels) < 2:
        raise FacekitError(
            f"{dataset.root} holds pictures of one name only, {dataset.labels[0]}; a network learns to tell names "
            "apart, so give a folder with two or more"
        )


def _refuse_strangers(records: Sequence[Record], root: Path) -> None:
    unknown = [record for record in records if lineage.person(record) is None]
    if unknown:
        raise FacekitError(
            f"{root}: it is not known who is in {len(unknown)} of {counted(len(records), 'picture')} "
            f"(the first: {unknown[0].path}), "
            "which a split by person needs; give --people-from FILE.csv with columns image and person"
        )


def _refuse_identity(records: Sequence[Record], root: Path) -> None:
    people: dict[str, set[str | None]] = defaultdict(set)
    for record in records:
        people[record.label].add(lineage.person(record))
    if all(len(found) == 1 for found in people.values()):
        raise FacekitError(
            f"{root}: each folder is one person, and a model cannot name someone it has never seen; "
            "remove --split-by person"
        )


def _refuse_crossing(records: Sequence[Record], where: str) -> None:
    crossing = lineage.people_crossing(records)
    if crossing:
        raise FacekitError(
            f"{where}: {counted(len(crossing), 'person is', 'people are')} in more than one part of the split "
            f"(first {crossing[0]}); "
            "make it again with `balance --split-by person`, from pictures without a split"
        )
