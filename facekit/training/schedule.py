"""What a training does in which epoch: which layers are trained, how fast, and when it is over.

All of it follows from the options and the history so far, so that a resumed run does what an
uninterrupted one would have done.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from facekit.options.objectives import embeds
from facekit.options.train import Train
from facekit.runs import Epoch

_PLATEAU = 3
"""Epochs without a better one after which `--schedule plateau` halves the learning rate."""


@dataclass(frozen=True)
class Step:
    """Epochs (counted from 0, the last not included) in which the same layers are trained."""

    begin: int
    end: int
    rate: float
    """The learning rate that it begins with."""
    blocks: int | None
    """Last blocks of the backbone that are trained in addition to the head; None is all."""


def steps(options: Train) -> list[Step]:
    """Return the one or two steps of a training."""
    blocks = options.unfreeze or None
    if not options.warmup_epochs:
        return [Step(0, options.epochs, options.learning_rate, blocks)]
    return [
        Step(0, options.warmup_epochs, options.learning_rate, 0),
        Step(options.warmup_epochs, options.epochs, options.finetune_rate, blocks),
    ]


def rate(options: Train, step: Step, rows: Sequence[Epoch]) -> float:
    """Return the learning rate of the epoch that follows `rows`."""
    if options.schedule == "cosine":
        return step.rate * (1 + math.cos(math.pi * (len(rows) - step.begin) / (step.end - step.begin))) / 2
    if options.schedule == "plateau":
        return step.rate * 0.5 ** _plateaus(rows[step.begin :], options.monitor)
    return step.rate


def why_over(options: Train, rows: Sequence[Epoch]) -> str | None:
    """Return why a training is over after these epochs, or None."""
    if not rows:
        return None
    if not embeds(options) and rows[-1].measured(options.monitor) >= options.stop_at:
        return f"reached {options.stop_at:g}"
    if len(rows) >= options.epochs:
        return "all epochs"
    since = len(rows) - max(best(rows, options.monitor), options.warmup_epochs)
    if options.patience and since >= options.patience:
        return f"no better epoch in {since}"
    return None


def best(rows: Sequence[Epoch], monitor: str) -> int:
    """Return the epoch that is the best so far, counted from 1, the first of equals; 0 before the first."""
    return max(range(1, len(rows) + 1), key=lambda epoch: merit(rows[epoch - 1], monitor), default=0)


def merit(row: Epoch, monitor: str) -> tuple[float, float]:
    """Return what makes an epoch better than another: a higher monitored accuracy, then a lower loss."""
    return row.measured(monitor), -(row.loss if row.val_loss is None else row.val_loss)


def _plateaus(rows: Sequence[Epoch], monitor: str) -> int:
    """Count how often so many epochs in a row were no better than the best before them."""
    count = since = 0
    top: tuple[float, float] | None = None
    for row in rows:
        now = merit(row, monitor)
        better = top is None or now > top
        top, since = (now, 0) if better else (top, since + 1)
        if since == _PLATEAU:
            count, since = count + 1, 0
    return count
