"""One trial: trainings with one setting, which report each epoch, and what they reach on validation."""

from __future__ import annotations

import gc
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from facekit import runs
from facekit.base.contract import FacekitError, Record, Track, quiet
from facekit.dataset import lineage, protocol
from facekit.dataset.lineage import TEST, TRAIN, VALIDATION
from facekit.identity.split import Split
from facekit.options.base import Value
from facekit.options.train import Train
from facekit.runs import Epoch
from facekit.training.fit import fit
from facekit.training.plan import plan
from facekit.training.schedule import best, why_over
from facekit.training.search.ranges import Space


@dataclass(frozen=True)
class Outcome:
    """How a trial ended."""

    value: float | None
    """Accuracy on validation, the mean over folds; None where it was given up."""
    epoch: int
    """The best epoch of the first fold."""
    epochs: int
    """Epochs trained, of all folds."""


class _Enough(Exception):
    """A training is over for the search: the epochs are done, or it is given up."""

    def __init__(self, rows: Sequence[Epoch], pruned: bool) -> None:
        super().__init__()
        self.rows, self.pruned = list(rows), pruned


def search_parts(split: Split, folds: int, seed: int) -> list[Split]:
    """Return what a search trains and validates on: the split without its test part, or folds of the same pictures.

    Nothing of the test part is in it. Raises FacekitError for a label with fewer groups than folds.
    """
    seen = [record for record in split.records if record.split in (TRAIN, VALIDATION)]
    paths = {record.path for record in seen}
    dataset = replace(split.dataset, records=[record for record in split.dataset.records if record.path in paths])
    if folds == 1:
        parts = [seen]
    else:
        parts = _folds([record for record in seen if not record.synthetic], folds, seed, split)
        children = [replace(record, split=None) for record in seen if record.synthetic]
        parts = [[*part, *lineage.still_for_training(children, part)] for part in parts]
    if any(record.split == TEST for part in parts for record in part):
        raise AssertionError("a search must not see the test part")
    return [Split(dataset, part, split.protocol) for part in parts]


def _folds(photos: Sequence[Record], count: int, seed: int, split: Split) -> list[list[Record]]:
    by_image = split.protocol == protocol.IMAGE
    units = [record.id if by_image else record.group or record.origin for record in photos]
    labels = [record.label for record in photos]
    few, label = min((len({u for u, own in zip(units, labels, strict=True) if own == name}), name) for name in labels)
    if few < count:
        what = protocol.WHAT[split.protocol]
        raise FacekitError(f"{label} has {few} {what} that can be separated, fewer than --folds {count}; add {what}")
    cutter = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    cut = cutter.split(np.zeros(len(photos)), labels, units)
    return [[replace(record, split=VALIDATION if place in set(held) else TRAIN) for place, record in enumerate(photos)]
            for _, held in ((rest, held.tolist()) for rest, held in cut)]  # fmt: skip


def run_trial(
    trial: Any, values: dict[str, Value], space: Space, parts: Sequence[Split], home: Path, track: Track = quiet
) -> Outcome:
    """Train with one setting on each part, and return what it reaches; one that was interrupted goes on.

    The pruner looks at the first part's epochs alone: the others have another validation. Raises Diverged where a loss
    is not finite, and FacekitError as training does.
    """
    reached: list[float] = []
    epoch = epochs = 0
    for number, part in enumerate(parts, 1):
        options = space.options(values, {"input": part.dataset.root, "output": home / f"fold-{number}"})
        rows, value, pruned = _trained(options, part, trial if number == 1 else None, track)
        epochs += len(rows)
        epoch = epoch or best(rows, options.monitor)
        if pruned:
            return Outcome(None, epoch, epochs)
        reached.append(value)
    return Outcome(statistics.mean(reached), epoch, epochs)


def _trained(options: Train, part: Split, trial: Any, track: Track) -> tuple[Sequence[Epoch], float, bool]:
    """Train on one part; returns its epochs, the accuracy on validation, and whether it was given up."""
    planned = plan(options, part, track)

    def watch(rows: Sequence[Epoch]) -> None:
        if trial is not None and _hopeless(trial, rows):
            raise _Enough(rows, pruned=True)
        if why_over(options, rows):  # what follows in a whole training, such as calibration, is for its users
            raise _Enough(rows, pruned=False)

    try:
        run = fit(replace(planned, watch=watch), track)
    except _Enough as enough:
        rows = enough.rows
        return rows, _best(rows, options), enough.pruned
    finally:
        _free(options)
    value = run.info.scores.val_accuracy
    if value is None:
        raise FacekitError(f"{options.input} has no validation part to tune on; give --split a last share above 0")
    return runs.load(options.output).history, value, False


def _best(rows: Sequence[Epoch], options: Train) -> float:
    return max(row.measured("val_accuracy") for row in rows) if options.monitor == "val_accuracy" else rows[
        best(rows, options.monitor) - 1
    ].measured("val_accuracy")  # fmt: skip


def _hopeless(trial: Any, rows: Sequence[Epoch]) -> bool:
    """Report the last epoch, unless that was done before an interruption, and ask the pruner."""
    step = len(rows)
    if step not in trial.study._storage.get_trial(trial._trial_id).intermediate_values:
        trial.report(rows[-1].measured("val_accuracy"), step)
    return bool(trial.should_prune())


def _free(options: Train) -> None:
    """Give back the memory of a network: a search trains many in one process."""
    if options.backbone is None:
        from facekit.networks.backend import keras

        keras.utils.clear_session()
        gc.collect()
