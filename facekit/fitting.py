"""What stands beside `fit`: progress, the watch for divergence, the ledger of epochs."""

from __future__ import annotations

import logging
import math
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from facekit.backend import keras
from facekit.checkpoint import Checkpoint, Row
from facekit.contract import FacekitError, Track
from facekit.options import Train
from facekit.pack import Feed

log = logging.getLogger(__name__)

_LOOK_EVERY = 16
"""Steps between two looks at the loss: a look waits for the step's end, which costs an accelerator time."""

_PATIENCE = 3
"""Epochs in a row far above chance after which a run is given up."""


class Steps(keras.callbacks.Callback):  # type: ignore[misc]
    """Draws each epoch's order, and moves the progress on by a step."""

    def __init__(self, feed: Feed, track: Track, epochs: int) -> None:
        super().__init__()
        self._feed = feed
        self._steps = iter(track(range(epochs * len(feed)), "train", total=epochs * len(feed)))

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Shuffle by the epoch's number."""
        self._feed.shuffle(epoch)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Count a step."""
        next(self._steps, None)

    @contextmanager
    def shown(self) -> Iterator[None]:
        """End the progress whatever ends the training: a stop, an error, Ctrl-C."""
        try:
            yield
        finally:
            close = getattr(self._steps, "close", None)
            if close is not None:
                close()


class Watch(keras.callbacks.Callback):  # type: ignore[misc]
    """Gives up when the loss is no number, or stays far above what guessing would give."""

    def __init__(self, classes: int, learning_rate: float) -> None:
        super().__init__()
        self._chance, self._rate = math.log(classes), learning_rate
        self._above = 0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Look for a loss that is no number."""
        if batch % _LOOK_EVERY == 0:
            self._refuse_nan(float(logs["loss"]))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Compare the epoch's loss with that of guessing. Raises FacekitError."""
        loss = float(logs["loss"])
        self._refuse_nan(loss)
        self._above = self._above + 1 if loss > 2 * self._chance + 1 else 0
        if self._above >= _PATIENCE:
            raise FacekitError(
                f"training diverged: for {_PATIENCE} epochs the loss has been far above the {self._chance:.2f} of "
                f"guessing (now {loss:.3g}); train again with --overwrite and a lower --learning-rate "
                f"than {self._rate:g}"
            )

    def _refuse_nan(self, loss: float) -> None:
        if not math.isfinite(loss):
            raise FacekitError(
                f"training diverged: the loss is {loss}; train again with --overwrite and a lower --learning-rate "
                f"than {self._rate:g}"
            )


class Ledger(keras.callbacks.Callback):  # type: ignore[misc]
    """Keeps each epoch: its row, its checkpoint, whether it is the best, whether it is the last."""

    def __init__(self, checkpoint: Checkpoint, options: Train, pictures: int, publish: Any) -> None:
        super().__init__()
        self._checkpoint, self._options, self._pictures = checkpoint, options, pictures
        self._publish = publish
        self._began = self._trained = 0.0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Start the clock."""
        self._began = self._trained = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Note when the last step ended: what follows is validation."""
        self._trained = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Keep the epoch, say a line about it, and stop where the options say so."""
        row: Row = {"epoch": epoch + 1, **{name: float(value) for name, value in logs.items()}}
        row["pictures_per_second"] = round(self._pictures / max(self._trained - self._began, 1e-9), 1)
        row["seconds"] = round(time.monotonic() - self._began, 3)
        before = self._checkpoint.rows[self._checkpoint.best - 1] if self._checkpoint.best else None
        monitor = self._options.monitor
        self._checkpoint.save(self.model, row, best=before is None or merit(row, monitor) > merit(before, monitor))
        self._publish(self._checkpoint.rows)
        self._say(row)
        if row[monitor] >= self._options.stop_at:
            self.model.stop_training = True

    def _say(self, row: Row) -> None:
        epochs = self._options.epochs
        seconds = statistics.median(r["seconds"] for r in self._checkpoint.rows[-5:])
        left = timedelta(seconds=round(seconds * (epochs - row["epoch"])))
        scores = ", ".join(f"{name} {row[name]:.4f}" for name in row if "loss" in name or "accuracy" in name)
        rate = row["pictures_per_second"]
        log.info("epoch %d of %d: %s, %.0f pictures/s, at most %s left", row["epoch"], epochs, scores, rate, left)


def merit(row: Row, monitor: str) -> tuple[float, float]:
    """Return what makes an epoch better than another: the monitored accuracy, then the lower loss."""
    return row[monitor], -row.get("val_loss", row["loss"])
