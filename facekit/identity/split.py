"""The split of a data set: the one that it has, or one drawn over groups of pictures that show one photo."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

from facekit.base.contract import Record, Track, quiet
from facekit.base.text import counted
from facekit.dataset import Dataset, lineage, protocol
from facekit.dataset.groups import Join, draw_groups, leave_out_joined
from facekit.dataset.reasons import JOINED
from facekit.identity.groups import drop_joined, grouped, is_current, warn_of_joined
from facekit.options.common import SplitBy, shares
from facekit.runs import Run
from facekit.runs.pictures import dataset_of

STAGE = "train"
"""What draws a split where none is drawn."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Split:
    """The pictures of a data set, each with its part, and the protocol by which they were split."""

    dataset: Dataset
    records: list[Record]
    protocol: SplitBy
    joined: list[Join] = field(default_factory=list)
    """The pictures that the data set's own split holds out, and that are left out: an earlier part shows them too."""

    @property
    def labels(self) -> list[str]:
        """The labels of all parts, sorted."""
        return sorted({record.label for record in self.records})

    @property
    def counts(self) -> Counter[str]:
        """Pictures in each part."""
        return Counter(record.split or "" for record in self.records)

    @property
    def left(self) -> Counter[str]:
        """Reason -> pictures of the data set that are in no part."""
        return Counter(JOINED for _ in self.joined)

    def part(self, name: str) -> list[Record]:
        """Return the pictures of one part."""
        return [record for record in self.records if record.split == name]


def split_dataset(
    dataset: Dataset,
    split: str,
    split_by: SplitBy,
    seed: int,
    track: Track = quiet,
    people: Path | None = None,
    embedder: str | None = None,
) -> Split:
    """Return the split of a data set. Pictures that have a part keep it; for the others it is drawn, groups first.

    `people` is a CSV file that says who is on the pictures. The embeddings of `embedder` help to find photos that are
    one. Raises FacekitError: one label only, too few pictures, a split that does not keep to its protocol.
    """
    protocol.refuse_one_label(dataset)
    chosen = protocol.choose(dataset, split_by)
    if chosen == protocol.IMAGE:
        records = dataset.records
        if any(record.split is None for record in records):
            records = lineage.draw_split_by_image(records, shares(split), seed)
        return Split(dataset, records, chosen)
    if chosen == protocol.PERSON:
        known = grouped_by_person(dataset, people, STAGE, track)
    else:
        known = grouped(dataset, STAGE, track, embedder=embedder)
    records, joined = drop_joined(known.records, dataset.root, dataset.info.split_given)
    if any(record.split is None for record in records):
        records = lineage.draw_split(records, shares(split), seed, protocol.WHAT[chosen])
    if dataset.info.split_given:
        records = with_validation(records, dataset.root, split, seed, protocol.WHAT[chosen])
    protocol.check(records, chosen, str(dataset.root))
    return Split(replace(dataset, info=known.info), records, chosen, joined)


def with_validation(records: list[Record], root: Path, split: str, seed: int, what: str) -> list[Record]:
    """Return the pictures of a given split; where it has no validation part, one is drawn from training."""
    drawn = lineage.draw_validation(records, shares(split), seed, what)
    count = sum(now.split != before.split for now, before in zip(drawn, records, strict=True))
    if count:
        what = counted(count, "of its training pictures is", "of its training pictures are")
        log.info("%s has no validation part: %s taken for it", root, what)
    return drawn


def grouped_by_person(dataset: Dataset, people: Path | None, stage: str, track: Track = quiet) -> Dataset:
    """Return the dataset with one group for all pictures of a person. Raises FacekitError as `with_people` does."""
    known = grouped(protocol.with_people(dataset, people), stage, track)
    return replace(known, records=lineage.join_people(known.records))


def joined_since(run: Run, dataset: Dataset, part: str, track: Track = quiet) -> list[Join]:
    """Return the pictures of a part of a run's split, or of `all`, that an earlier part shows too, and warn of them.

    Groups may have grown since the run was trained: in the folder of its pictures, of which `dataset` holds some, or
    because this version of the matcher sees more than the one that drew them, which then compares the pictures again.
    """
    if run.protocol == protocol.IMAGE:
        return []
    now = dataset
    if not is_current(run.info.matchers):
        now = grouped(dataset_of(run, run.split, track) if dataset.root == run.root else dataset, STAGE, track)
    records = draw_groups([*run.split, *now.records], links=[*dataset.links, *now.links])[: len(run.split)]
    joins = [join for join in leave_out_joined(records)[1] if part in ("all", join.left.split)]
    warn_of_joined(joins, run.folder)
    return joins
