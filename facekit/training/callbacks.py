"""What stands beside `fit`: each epoch's chance and rate, progress, the watch for divergence, the ledger."""

from __future__ import annotations

import logging
import math
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import numpy as np

from facekit.base.contract import FacekitError, Track
from facekit.networks.backend import keras
from facekit.options.train import Train
from facekit.training.checkpoint import Checkpoint
from facekit.training.feed import Feed
from facekit.training.schedule import Row, Step, merit, rate, why_over

log = logging.getLogger(__name__)

_LOOK_EVERY = 16
"""Steps between two looks at the loss: a look waits for the step's end, which costs an accelerator time."""

_PATIENCE = 3
"""Epochs in a row far above chance after which a run is given up."""

_SCORES = ("loss", "accuracy", "val_loss", "val_accuracy")


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


class Start(keras.callbacks.Callback):  # type: ignore[misc]
    """Begins each epoch as a resumed run would: its learning rate, and the seeds of all that is drawn in it."""

    def __init__(self, options: Train, step: Step, checkpoint: Checkpoint) -> None:
        super().__init__()
        self._options, self._step, self._checkpoint = options, step, checkpoint

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Set the rate, and seed dropout and augmentation by the epoch's number."""
        self.model.optimizer.learning_rate = rate(self._options, self._step, self._checkpoint.rows)
        reseed(self.model, self._options.seed, epoch)


def reseed(model: Any, seed: int, epoch: int) -> None:
    """Let everything random in a model depend on (seed, epoch) and on nothing that was drawn before."""
    states = [variable for variable in model.variables if variable.name == "seed_generator_state"]
    for place, state in enumerate(states):
        # Two numbers below 2**31, which every engine's type of seed holds.
        state.assign(np.random.default_rng([seed, epoch, place]).integers(0, 2**31, 2))


class Settle(keras.callbacks.Callback):  # type: ignore[misc]
    """Measures batch normalisation's statistics anew before the network is scored or kept.

    The running ones are of batches that slightly different weights saw; where an epoch is some thirty steps
    a score by them jumps by ten points and more from epoch to epoch.
    """

    def __init__(self, net: Any, feed: Feed, scored: bool) -> None:
        super().__init__()
        self._net, self._feed, self._scored = net, feed, scored

    def on_test_begin(self, logs: Any = None) -> None:
        """Measure before validation."""
        settle(self._net, self._feed)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Measure before the epoch is kept, where there is no validation."""
        if not self._scored:
            settle(self._net, self._feed)


def settle(net: Any, feed: Feed, pictures: int = 512) -> None:
    """Set batch normalisation to the means over the first `pictures` of a feed, seen as in prediction.

    Layers that are held still keep their statistics.
    """
    norms = [layer for layer in net.layers if isinstance(layer, keras.layers.BatchNormalization) and layer.trainable]
    batches = min(len(feed), -(-pictures // feed.batch)) if norms else 0
    with _as_in_prediction(net):
        for number in range(batches):
            for norm in norms:  # so that the mean so far counts for all batches before
                norm.momentum = number / (number + 1)
            net(keras.ops.cast(feed[number][0], "float32"), training=True)


@contextmanager
def _as_in_prediction(net: Any) -> Iterator[None]:
    """Let nothing be dropped, and give back what was changed meanwhile."""
    drops = [(layer, layer.rate) for layer in net.layers if isinstance(layer, keras.layers.Dropout)]
    norms = [(layer, layer.momentum) for layer in net.layers if isinstance(layer, keras.layers.BatchNormalization)]
    for layer, _ in drops:
        layer.rate = 0.0
    try:
        yield
    finally:
        for layer, rate in drops:
            layer.rate = rate
        for layer, momentum in norms:
            layer.momentum = momentum


class Ledger(keras.callbacks.Callback):  # type: ignore[misc]
    """Keeps each epoch: its row, its checkpoint, whether it is the best, whether it is the last."""

    def __init__(self, checkpoint: Checkpoint, options: Train, pictures: int, publish: Any) -> None:
        super().__init__()
        self._checkpoint, self._options, self._pictures = checkpoint, options, pictures
        self._publish = publish
        self._began = self._trained = 0.0
        self._titled = False

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Start the clock."""
        self._began = self._trained = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Note when the last step ended: what follows is validation."""
        self._trained = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Keep the epoch, say a line about it, and stop where the options say so."""
        row: Row = {"epoch": epoch + 1, **{name: float(value) for name, value in logs.items()}}
        row["learning_rate"] = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        row["pictures_per_second"] = round(self._pictures / max(self._trained - self._began, 1e-9), 1)
        row["seconds"] = round(time.monotonic() - self._began, 3)
        before = self._checkpoint.rows[self._checkpoint.best - 1] if self._checkpoint.best else None
        monitor = self._options.monitor
        best = before is None or merit(row, monitor) > merit(before, monitor)
        self._checkpoint.save(self.model, row, best)
        self._publish(self._checkpoint.rows)
        self._say(row, best)
        if why_over(self._options, self._checkpoint.rows):
            self.model.stop_training = True

    def _say(self, row: Row, best: bool) -> None:
        """Log a line of a table whose columns are the history's."""
        names = [name for name in _SCORES if name in row]
        if not self._titled:
            self._titled = True
            titles = "".join(f"{name.replace('_', ' '):>14}" for name in names)
            log.info("%9s%s%14s%17s", "epoch", titles, "pictures/s", "left at most")
        scores = "".join(f"{row[name]:>14.4f}" for name in names)
        seconds = statistics.median(r["seconds"] for r in self._checkpoint.rows[-5:])
        left = timedelta(seconds=round(seconds * (self._options.epochs - row["epoch"])))
        epoch = f"{row['epoch']}/{self._options.epochs}"
        log.info("%9s%s%14.1f%17s%s", epoch, scores, row["pictures_per_second"], left, "  best so far" if best else "")
