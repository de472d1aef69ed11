"""Batches of a few people with several pictures each, which objectives that compare faces need."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from facekit.base.contract import FacekitError
from facekit.base.text import counted
from facekit.dataset.lineage import TRAIN, VALIDATION
from facekit.identity.split import Split
from facekit.options.objectives import BY_BATCHES, PEOPLE, PICTURES
from facekit.options.train import Train

Places = NDArray[np.int64]


def check(split: Split, options: Train) -> None:
    """Refuse a split that the objective cannot learn from, or be watched on. Raises FacekitError."""
    if options.monitor.startswith("val_") and not split.counts[VALIDATION]:
        raise FacekitError(
            f"{options.input} has no validation part to monitor; give --monitor accuracy, or a --split whose last "
            "share is above 0"
        )
    batch_of([record.label for record in split.part(TRAIN)], options)


def batch_of(labels: Sequence[str], options: Train) -> tuple[int, int] | None:
    """Return how many people a batch holds, and pictures of each; None where the objective takes any batch.

    `labels` are those of the training pictures. Raises FacekitError for more than there are.
    """
    if options.objective not in BY_BATCHES:
        return None
    counts = Counter(labels)
    most = max(counts.values())
    if options.people_per_batch is not None and options.people_per_batch > len(counts):
        raise FacekitError(
            f"--people-per-batch is {options.people_per_batch}, and the training part of {options.input} has "
            f"{counted(len(counts), 'person', 'people')}; give {len(counts)} or fewer"
        )
    if options.pictures_per_person is not None and options.pictures_per_person > most:
        raise FacekitError(
            f"--pictures-per-person is {options.pictures_per_person}, and nobody in the training part of "
            f"{options.input} has more than {counted(most, 'picture')}; give {most} or fewer"
        )
    return (
        options.people_per_batch or min(PEOPLE, len(counts)),
        options.pictures_per_person or min(PICTURES, most),
    )


def draw(people: NDArray[np.int32], batch: tuple[int, int], seed: int, epoch: int) -> Places:
    """Return the places of the pictures of an epoch, one batch after another, drawn by (seed, epoch).

    `people` is the number of each picture's person. An epoch has about as many places as there are pictures. Each batch
    draws its people, and of each different pictures; of a person with too few, some are in it twice.
    """
    rng = np.random.default_rng([seed, epoch])
    several, each = batch
    own = [np.flatnonzero(people == person) for person in range(int(people.max()) + 1)]
    places = [
        np.resize(rng.permutation(own[person]), each)
        for _ in range(max(1, round(len(people) / (several * each))))
        for person in rng.choice(len(own), several, replace=False)
    ]
    return np.concatenate(places).astype(np.int64)
