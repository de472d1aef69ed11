"""A training in this process, and what is reported of it."""

from __future__ import annotations

import time
from collections import Counter

from facekit import runs, training
from facekit.base.contract import Report, Track, quiet
from facekit.base.plain import Json
from facekit.dataset.lineage import TEST, TRAIN, VALIDATION
from facekit.identity.split import Split
from facekit.options.objectives import embeds
from facekit.options.train import Train
from facekit.runs import Embeds, Run

STAGE = "train"


def here(options: Train, track: Track = quiet) -> Report:
    """Train, and report it. Raises FacekitError as `train`."""
    began = time.monotonic()
    plan = training.plan(options, track=track)
    if options.dry_run and not plan.complete:
        return _planned(plan.split, options, began)
    return trained(training.fit(plan, track), began)


def _planned(split: Split, options: Train, began: float) -> Report:
    if embeds(options):
        people = {part: len({record.label for record in split.part(part)}) for part in (TRAIN, VALIDATION, TEST)}
        details: dict[str, Json] = {
            "train_people": people[TRAIN],
            "val_people": people[VALIDATION],
            "test_people": people[TEST],
            "train_pictures": split.counts[TRAIN],
        }
        return Report(STAGE, str(options.output), 0, len(split.records), Counter(), _since(began), details)
    details = {
        "labels": len(split.labels),
        "train_pictures": split.counts[TRAIN],
        "val_photos": split.counts[VALIDATION],
        "test_photos": split.counts[TEST],
    }
    return Report(STAGE, str(options.output), 0, len(split.records), Counter(), _since(began), details)


def trained(run: Run, began: float) -> Report:
    """Return the report on a complete run; `began` is of the monotonic clock."""
    info = run.info
    if info.embeds is not None:
        return _embedder(run, info.embeds, began)
    accuracies = {"accuracy": info.scores.accuracy, "val_accuracy": info.scores.val_accuracy}
    details: dict[str, Json] = {
        "network": info.network,
        "labels": len(info.labels),
        **({"targets": ", ".join(target.name for target in info.targets)} if info.targets else {}),
        # A linear head has none.
        **({"epochs": info.epochs, "best_epoch": info.best_epoch} if info.backbone is None else {}),
        **{name: round(value, 4) for name, value in accuracies.items() if value is not None},
        **_by_target(run),
        "val_photos": info.used.validation,
        "test_photos": info.split.test,
        "train_pictures": info.used.train,
        "protocol": info.protocol,
        "parameters": info.parameters,
        "training_seconds": info.training_seconds,
        "pictures_per_second": info.pictures_per_second,
    }
    if info.backbone is None:  # a linear head is fitted in one go: it has no epochs, and no reason to stop
        details["stopped"] = info.stopped
        details["history"] = str(run.folder / runs.PLOT)
    return Report(STAGE, str(run.folder), info.epochs, info.used.total, Counter(info.left), _since(began), details)


def _by_target(run: Run) -> dict[str, Json]:
    """Return the validation accuracy of each of several targets in the epoch that was kept."""
    rows = run.history
    if not run.more or not 0 < run.info.best_epoch <= len(rows):
        return {}
    found = rows[run.info.best_epoch - 1].by_target
    return {name: round(value, 4) for name, value in found.items() if name.startswith("val_")}


def _embedder(run: Run, embeds: Embeds, began: float) -> Report:
    """Return the report on an embedder: how well it ranks pairs of people who chose its best epoch, beside another."""
    info = run.info
    people = {part: len({record.label for record in run.part(part)}) for part in (VALIDATION, TEST)}
    auc = {"auc": info.scores.accuracy, "val_auc": info.scores.val_accuracy, "val_auc_of_backbone": embeds.beside_auc}
    details: dict[str, Json] = {
        "network": info.network,
        "objective": embeds.objective,
        "dimensions": embeds.dimensions,
        "train_people": len(info.labels),
        "val_people": people[VALIDATION],
        "test_people": people[TEST],
        "epochs": info.epochs,
        "best_epoch": info.best_epoch,
        **{name: round(value, 4) for name, value in auc.items() if value is not None},
        "threshold": round(embeds.threshold, 4),
        "train_pictures": info.used.train,
        "protocol": info.protocol,
        "parameters": info.parameters,
        "training_seconds": info.training_seconds,
        "stopped": info.stopped,
        "history": str(run.folder / runs.PLOT),
    }
    return Report(STAGE, str(run.folder), info.epochs, info.used.total, Counter(info.left), _since(began), details)


def _since(began: float) -> float:
    return round(time.monotonic() - began, 2)
