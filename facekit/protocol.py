"""By which protocol pictures are split for training and scoring, and whether a split keeps to it.

`group`: no photo, nor anything made from it, stands in two parts, and nothing synthetic is held out.
`image`: parts are drawn over files, as the original project did; a score from it says so.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence

from facekit import lineage
from facekit.contract import FacekitError, Record, Track, quiet
from facekit.dataset import Dataset
from facekit.likeness import grouped
from facekit.options import SplitBy, shares

GROUP: SplitBy = "group"
IMAGE: SplitBy = "image"

BANNER = "copies of the same photo stand on both sides: this score does not say how the model does on new photos"
"""What every score by the `image` protocol carries."""

log = logging.getLogger(__name__)


def settle(
    dataset: Dataset, split: str, split_by: SplitBy, seed: int, track: Track = quiet
) -> tuple[list[Record], SplitBy]:
    """Return a tree's records, each with its part of the split, and the protocol by which they have it.

    A tree that has a split keeps it; what has no part yet is drawn, groups first. Raises FacekitError: one
    label only, too few pictures, a split that does not keep to its protocol.
    """
    _refuse_one_label(dataset)
    protocol = _protocol(dataset, split_by)
    records = dataset.records
    if any(record.split is None for record in records):
        records = _draw(dataset, split, protocol, seed, track)
    check(records, protocol, str(dataset.root))
    return records, protocol


def check(records: Sequence[Record], protocol: SplitBy, where: str) -> None:
    """Refuse a split by group in which a group crosses, or anything synthetic is held out. Raises FacekitError."""
    if protocol == GROUP:
        lineage.check_split(records, where)


def _protocol(dataset: Dataset, split_by: SplitBy) -> SplitBy:
    if dataset.protocol == IMAGE:
        if split_by != IMAGE:
            log.warning("%s was made with --split-by image, so its split is drawn over files", dataset.root)
        return IMAGE
    if split_by == IMAGE and any(record.split for record in dataset.records):
        raise FacekitError(
            f"{dataset.root} has a split by group, which --split-by image would undo; "
            "leave --split-by out, or make the tree again with `balance --split-by image`"
        )
    return split_by


def _draw(dataset: Dataset, split: str, protocol: SplitBy, seed: int, track: Track) -> list[Record]:
    if protocol == IMAGE:
        return lineage.draw_split_by_image(dataset.records, shares(split), seed)
    return lineage.draw_split(grouped(dataset, track).records, shares(split), seed)


def _refuse_one_label(dataset: Dataset) -> None:
    labels = Counter(record.label for record in dataset.records)
    if len(labels) < 2:
        raise FacekitError(
            f"{dataset.root} holds pictures of one name only, {next(iter(labels))}; a network learns to tell names "
            "apart, so give a folder with two or more"
        )
