"""Train: a model on a folder-per-person tree: a network, or a linear head on a frozen one."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence

from facekit import runs
from facekit.base.contract import Record, Report, Track, quiet
from facekit.dataset import Dataset
from facekit.identity.split import split_dataset
from facekit.options.train import Train
from facekit.runs import Run
from facekit.training.classes import TRAIN, VALIDATION
from facekit.training.flow import Parted, as_begun, trained

STAGE = "train"


def train(options: Train, track: Track = quiet) -> Report:
    """Train into a run folder, which keeps the weights of the best epoch.

    Killed at any moment, it goes on with `resume=True` from its last whole epoch. Raises FacekitError for
    data that cannot be trained on, a folder that may not be touched, and a training that diverges.
    """
    began = time.monotonic()

    def settle(run: Run | None) -> Parted:
        dataset = Dataset.open(options.input, track)
        if run is not None:
            return as_begun(run, dataset)
        people, split_by = options.people_from, options.split_by
        return Parted(dataset, *split_dataset(dataset, options.split, split_by, options.seed, track, people))

    done = trained(options, settle, track)
    return _plan(done.records, options, began) if isinstance(done, Parted) else _report(done, began)


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
