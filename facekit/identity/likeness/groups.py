"""The groups of a whole tree of pictures, for splitting one that has none."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from facekit.base import images
from facekit.base.contract import BadImage, Track, quiet
from facekit.base.parallel import ordered_map
from facekit.dataset import Dataset
from facekit.dataset.lineage import draw_groups
from facekit.identity.likeness.fingerprints import Fingerprint, fingerprint
from facekit.identity.likeness.pairs import proofs


def alike(dataset: Dataset, track: Track = quiet) -> list[tuple[int, int]]:
    """Return pairs of positions in `dataset.records` that link what shows one photo; unreadable ones show none."""
    prints = list(
        track(
            ordered_map(partial(_fingerprint, dataset), range(len(dataset.records))),
            "fingerprint",
            len(dataset.records),
        )
    )
    return [(proof.first, proof.second) for proof in proofs(prints, track=track)]


def grouped(dataset: Dataset, track: Track = quiet) -> Dataset:
    """Return the dataset with a group for every record; pixels are looked at only where one has none yet."""
    if all(record.group for record in dataset.records):
        return dataset
    return replace(dataset, records=draw_groups(dataset.records, alike(dataset, track)))


def _fingerprint(dataset: Dataset, place: int) -> Fingerprint | None:
    try:
        return fingerprint(images.read(dataset.root / dataset.records[place].path))
    except BadImage:
        return None
