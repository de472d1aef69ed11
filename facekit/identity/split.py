"""The split of a data set: the one that it has, or one drawn over groups of pictures that show one photo."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from facekit.base.contract import Record, Track, quiet
from facekit.dataset import Dataset, lineage, protocol
from facekit.identity.likeness import grouped
from facekit.options.common import SplitBy, shares


@dataclass(frozen=True)
class Split:
    """The pictures of a data set, each with its part, and the protocol by which they were split."""

    dataset: Dataset
    records: list[Record]
    protocol: SplitBy

    @property
    def labels(self) -> list[str]:
        """The labels of all parts, sorted."""
        return sorted({record.label for record in self.records})

    @property
    def counts(self) -> Counter[str]:
        """Pictures in each part."""
        return Counter(record.split or "" for record in self.records)

    def part(self, name: str) -> list[Record]:
        """Return the pictures of one part."""
        return [record for record in self.records if record.split == name]


def split_dataset(
    dataset: Dataset, split: str, split_by: SplitBy, seed: int, track: Track = quiet, people: Path | None = None
) -> Split:
    """Return the split of a data set. Pictures that have a part keep it; for the others it is drawn, groups first.

    `people` is a CSV file that says who is on the pictures. Raises FacekitError: one label only, too few pictures,
    a split that does not keep to its protocol.
    """
    protocol.refuse_one_label(dataset)
    chosen = protocol.choose(dataset, split_by)
    known = grouped_by_person(dataset, people, track) if chosen == protocol.PERSON else dataset
    records = known.records
    if any(record.split is None for record in records):
        records = _draw(known, split, chosen, seed, track)
    protocol.check(records, chosen, str(dataset.root))
    return Split(dataset, records, chosen)


def grouped_by_person(dataset: Dataset, people: Path | None, track: Track = quiet) -> Dataset:
    """Return the dataset with one group for all pictures of a person. Raises FacekitError as `with_people` does."""
    known = grouped(protocol.with_people(dataset, people), track)
    return replace(known, records=lineage.join_people(known.records))


def _draw(dataset: Dataset, split: str, chosen: SplitBy, seed: int, track: Track) -> list[Record]:
    if chosen == protocol.IMAGE:
        return lineage.draw_split_by_image(dataset.records, shares(split), seed)
    return lineage.draw_split(grouped(dataset, track).records, shares(split), seed, protocol.WHAT[chosen])
