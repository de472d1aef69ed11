"""The split of a tree: the one that it has, or one drawn over groups of pictures that show one photo."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from facekit.base.contract import Record, Track, quiet
from facekit.dataset import Dataset, lineage, protocol
from facekit.identity.likeness import grouped
from facekit.options.common import SplitBy, shares


def split_dataset(
    dataset: Dataset, split: str, split_by: SplitBy, seed: int, track: Track = quiet, people: Path | None = None
) -> tuple[list[Record], SplitBy]:
    """Return a tree's records, each with its part of the split, and the protocol by which they have it.

    A tree that has a split keeps it; what has no part yet is drawn, groups first. `people` is a CSV that says
    who is on the pictures. Raises FacekitError: one label only, too few pictures, a split that does not keep
    to its protocol.
    """
    protocol.refuse_one_label(dataset)
    chosen = protocol.choose(dataset, split_by)
    if chosen == protocol.PERSON:
        dataset = grouped_by_person(dataset, people, track)
    records = dataset.records
    if any(record.split is None for record in records):
        records = _draw(dataset, split, chosen, seed, track)
    protocol.check(records, chosen, str(dataset.root))
    return records, chosen


def grouped_by_person(dataset: Dataset, people: Path | None, track: Track = quiet) -> Dataset:
    """Return the dataset with one group for all pictures of a person. Raises FacekitError as `with_people` does."""
    known = grouped(protocol.with_people(dataset, people), track)
    return replace(known, records=lineage.join_people(known.records))


def _draw(dataset: Dataset, split: str, chosen: SplitBy, seed: int, track: Track) -> list[Record]:
    if chosen == protocol.IMAGE:
        return lineage.draw_split_by_image(dataset.records, shares(split), seed)
    return lineage.draw_split(grouped(dataset, track).records, shares(split), seed, protocol.WHAT[chosen])
