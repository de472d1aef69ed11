"""Train: a model on a folder-per-person tree: a network, or a linear head on a frozen one."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext

from facekit import plugins, protocol, runs
from facekit.classes import TRAIN, VALIDATION
from facekit.contract import FacekitError, Record, Report, Track, quiet
from facekit.dataset import Dataset, check_places
from facekit.options import SplitBy, Train
from facekit.runs import Run
from facekit.trainers import Trainer

STAGE = "train"

log = logging.getLogger(__name__)


def train(options: Train, track: Track = quiet) -> Report:
    """Train into a run folder, which keeps the weights of the best epoch.

    Killed at any moment, it goes on with `resume=True` from its last whole epoch. Raises FacekitError for
    data that cannot be trained on, a folder that may not be touched, and a training that diverges.
    """
    began = time.monotonic()
    check_places(options.output, options.input)
    trainer: Trainer = plugins.load("trainer", "linear" if options.backbone else "network")(options)
    with nullcontext() if options.dry_run else runs.claimed(options.output):
        run = runs.found(options)
        if run is not None and run.complete:
            log.info("%s is trained already", options.output)
            return _report(run, began)
        if not options.dry_run:
            trainer.prepare(run)
        dataset = Dataset.open(options.input, track)
        records, split_by = _records(run, dataset, options, track)
        _check_parts(records, options, trainer.needs_validation)
        if options.dry_run:
            return _plan(records, options, began)
        trainer.build(len({record.label for record in records}))
        run = run or runs.begin(options, dataset, records, split_by, trainer.facts())
        return _report(trainer.fit(run, dataset, records, track), began)


def _records(run: Run | None, dataset: Dataset, options: Train, track: Track) -> tuple[list[Record], SplitBy]:
    """Return the pictures with their parts: as the run to be resumed had them, else as they are settled now."""
    if run is None:
        return protocol.settle(dataset, options.split, options.split_by, options.seed, track)
    if dataset.digest() != run.info["dataset"]["digest"]:
        raise FacekitError(
            f"{dataset.root} has changed since {run.folder} was begun; choose another folder, or --overwrite it"
        )
    return run.split, run.protocol


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


def _plan(records: Sequence[Record], options: Train, began: float) -> Report:
    parts = Counter(record.split for record in records)
    details = {
        "labels": len({record.label for record in records}),
        "train_pictures": parts[TRAIN],
        "val_photos": parts[VALIDATION],
        "test_photos": parts["test"],
    }
    seconds = round(time.monotonic() - began, 2)
    return Report(STAGE, str(options.output), 0, len(records), Counter(), seconds, details)


def _report(run: Run, began: float) -> Report:
    info = run.info
    scores = {name: round(info["scores"][name], 4) for name in ("accuracy", "val_accuracy") if name in info["scores"]}
    details = {
        "network": info["network"],
        "labels": len(run.labels),
        "epochs": info["epochs"],
        "best_epoch": int(info["scores"]["epoch"]),
        **scores,
        "val_photos": info["used"][VALIDATION],
        "train_pictures": info["used"][TRAIN],
        "protocol": run.protocol,
        "parameters": info["parameters"],
        "training_seconds": info["training_seconds"],
        "pictures_per_second": info["pictures_per_second"],
        "stopped": info["stopped"],
    }
    if not run.backbone:
        details["history"] = str(run.folder / runs.PLOT)
    kept = sum(info["used"].values())
    left = Counter(info["left"])
    return Report(STAGE, str(run.folder), info["epochs"], kept, left, round(time.monotonic() - began, 2), details)
