"""Training into a run folder, by whichever trainer the options ask for."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from facekit import runs
from facekit.base import plugins
from facekit.base.contract import FacekitError, Record, Track
from facekit.dataset import Dataset, check_places
from facekit.options.base import describe
from facekit.options.common import SplitBy
from facekit.options.train import Train
from facekit.runs import Run
from facekit.training.classes import TRAIN, VALIDATION
from facekit.training.trainers import Trainer


@dataclass(frozen=True)
class Parted:
    """Pictures, each with its part of the split, and the protocol by which they have it."""

    dataset: Dataset
    records: list[Record]
    protocol: SplitBy


log = logging.getLogger(__name__)

Settle = Callable[[Run | None], Parted]
"""Returns what to train on; the run is one to go on with, whose split it then is."""


def trained(options: Train, settle: Settle, track: Track) -> Run | Parted:
    """Train into the output folder, which keeps the weights of the best epoch, and return the complete run.

    One that is complete already comes back as it is. A dry run returns what would be trained on. Raises
    FacekitError for data that cannot be trained on, a folder that may not be touched, a training that diverges.
    """
    check_places(options.output, options.input)
    trainer: Trainer = plugins.load("trainer", "linear" if options.backbone else "network")(options)
    with nullcontext() if options.dry_run else runs.claimed(options.output):
        run = runs.found(options)
        if run is not None and run.complete:
            log.info("%s is trained already", options.output)
            return run
        if not options.dry_run:
            trainer.prepare(run)
        parted = settle(run)
        _check_parts(parted.records, options, trainer.needs_validation)
        if options.dry_run:
            return parted
        trainer.build(len({record.label for record in parted.records}))
        run = run or runs.begin(options, parted.dataset, parted.records, parted.protocol, trainer.facts())
        return trainer.fit(run, parted.dataset, parted.records, track)


def as_begun(run: Run, dataset: Dataset) -> Parted:
    """Return the pictures as a run that goes on had them. Raises FacekitError where they have changed since."""
    if dataset.digest() != run.info["dataset"]["digest"]:
        raise FacekitError(
            f"{dataset.root} has changed since {run.folder} was begun; choose another folder, or --overwrite it"
        )
    return Parted(dataset, run.split, run.protocol)


def options_of(run: Run, **aside: Any) -> Train:
    """Return the options that a run was trained with; `aside` says where to now, and how fast.

    Raises FacekitError for ones that are none any more.
    """
    known = {option.name for option in describe(Train)}
    told = {name: value for name, value in run.info["options"].items() if name in known}
    return Train(**{**told, **aside})


def _check_parts(records: Sequence[Record], options: Train, needs_validation: bool) -> None:
    parts = Counter(record.split for record in records)
    if needs_validation and not parts[VALIDATION]:
        raise FacekitError(
            f"{options.input} has no validation part to monitor; "
            "give --monitor accuracy, or a --split whose last share is above 0"
        )
    trained = {record.label for record in records if record.split == TRAIN}
    missing = sorted({record.label for record in records} - trained)
    if missing:
        raise FacekitError(
            f"{options.input}: {missing[0]} has no picture in the training part ({len(missing)} such names); "
            "draw the split again with `balance`, or take the folder out"
        )
