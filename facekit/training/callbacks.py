"""Callbacks of `fit`: progress, the seeds and the rate of each epoch, the watch for divergence, keeping each epoch."""

from __future__ import annotations

import logging
import math
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta

import numpy as np

from facekit.base.contract import AtMost, FacekitError, Track
from facekit.networks.backend import Model, Tensor, keras
from facekit.options.objectives import embeds
from facekit.options.train import Train
from facekit.runs import HISTORY, Epoch, Run
from facekit.runs.history import column_of, write_history
from facekit.training.checkpoint import Checkpoint
from facekit.training.feed import Feed
from facekit.training.losses import metric_names
from facekit.training.plan import EpochWatch
from facekit.training.schedule import Step, merit, rate, why_over

Logs = Mapping[str, float]
"""What Keras measured of an epoch: `loss`, `accuracy`, `val_loss`, `val_accuracy`."""

Tensors = Mapping[str, Tensor]
"""What Keras measured of the epoch so far: `loss`, `accuracy`."""

log = logging.getLogger(__name__)

_LOOK_EVERY = 16
"""Steps between two checks of the loss: each waits for the end of its step, which costs an accelerator time."""

_PATIENCE = 3
"""Epochs in a row with a loss far above that of guessing after which a training is given up."""

_SCORES = ("loss", "accuracy", "val_loss", "val_accuracy")
_TITLES = dict(zip(_SCORES, ("loss", "accuracy", "val loss", "val acc."), strict=True))
_OF_EMBEDDING = {**_TITLES, "accuracy": "AUC", "val_accuracy": "val AUC"}


class Diverged(FacekitError):
    """A training whose loss is not finite, or stays far above that of guessing."""


class Callbacks(keras.callbacks.CallbackList):  # type: ignore[misc]
    """The callbacks of one `fit`, which are called at each step without waiting for its end.

    Keras' own list turns what a step measured into numbers before it calls anyone, and to know them waits until the
    accelerator is done. Here a callback gets the tensors, so that the next batch is read meanwhile; `number` waits.
    """

    def __init__(self, model: Model, steps: int, callbacks: Sequence[keras.callbacks.Callback]) -> None:
        """`steps` is the number of steps in an epoch."""
        super().__init__(list(callbacks), add_history=True, model=model, steps=steps)

    def on_train_batch_end(self, batch: int, logs: Tensors | None = None) -> None:
        """Call each callback."""
        for callback in self.callbacks:
            callback.on_train_batch_end(batch, logs or {})

    def on_test_batch_end(self, batch: int, logs: Tensors | None = None) -> None:
        """Call each callback."""
        for callback in self.callbacks:
            callback.on_test_batch_end(batch, logs or {})


def number(value: Tensor) -> float:
    """Return what a step measured; waits until it is known."""
    return float(keras.ops.convert_to_numpy(value))


class Progress(keras.callbacks.Callback):  # type: ignore[misc]
    """Draws the order of each epoch, and shows each step."""

    def __init__(self, feed: Feed, track: Track, epochs: int) -> None:
        super().__init__()
        self._feed = feed
        self._steps = iter(track(AtMost(epochs * len(feed)), "train", total=epochs * len(feed)))

    def on_epoch_begin(self, epoch: int, logs: Logs) -> None:
        """Shuffle by the epoch's number."""
        self._feed.shuffle(epoch)

    def on_train_batch_end(self, batch: int, logs: Tensors) -> None:
        """Count a step."""
        next(self._steps, None)

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Close the progress bar whatever ends the training: a stop, an error, Ctrl-C."""
        try:
            yield
        finally:
            close = getattr(self._steps, "close", None)
            if close is not None:
                close()


class Watch(keras.callbacks.Callback):  # type: ignore[misc]
    """Gives up when the loss is not finite, or stays far above that of guessing."""

    def __init__(self, of_guessing: float, learning_rate: float) -> None:
        """`of_guessing` is the loss of a network that guesses."""
        super().__init__()
        self._chance, self._rate = of_guessing, learning_rate
        self._above = 0

    def on_train_batch_end(self, batch: int, logs: Tensors) -> None:
        """Check now and then that the loss is finite. Raises FacekitError."""
        if batch % _LOOK_EVERY == 0:
            self._refuse_nan(number(logs["loss"]))

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Compare the epoch's loss with that of guessing. Raises FacekitError."""
        loss = float(logs["loss"])
        self._refuse_nan(loss)
        self._refuse_nan(float(logs.get("val_loss", loss)))
        self._above = self._above + 1 if loss > 2 * self._chance + 1 else 0
        if self._above >= _PATIENCE:
            raise Diverged(
                f"training diverged: for {_PATIENCE} epochs the loss has been far above {self._chance:.2f}, "
                f"that of guessing (now {loss:.3g});  train again with --overwrite and a lower --learning-rate "
                f"than {self._rate:g}"
            )

    def _refuse_nan(self, loss: float) -> None:
        if not math.isfinite(loss):
            raise Diverged(
                f"training diverged: the loss is {loss}; train again with --overwrite and a lower --learning-rate "
                f"than {self._rate:g}"
            )


class EpochStart(keras.callbacks.Callback):  # type: ignore[misc]
    """Starts each epoch as a resumed run would: with its learning rate, and its seeds for everything random."""

    def __init__(self, options: Train, step: Step, checkpoint: Checkpoint) -> None:
        super().__init__()
        self._options, self._step, self._checkpoint = options, step, checkpoint

    def on_epoch_begin(self, epoch: int, logs: Logs) -> None:
        """Set the rate, and seed dropout and augmentation by the epoch's number."""
        self.model.optimizer.learning_rate = rate(self._options, self._step, self._checkpoint.rows)
        reseed(self.model, self._options.seed, epoch)


def reseed(model: Model, seed: int, epoch: int) -> None:
    """Make everything random in a model depend on (seed, epoch), and on nothing drawn before."""
    states = [variable for variable in model.variables if variable.name == "seed_generator_state"]
    for number, state in enumerate(states):
        # Two numbers below 2**31, which fit the seed's type on every engine.
        state.assign(np.random.default_rng([seed, epoch, number]).integers(0, 2**31, 2))


class EpochEnd(keras.callbacks.Callback):  # type: ignore[misc]
    """Keeps each epoch: its row, its checkpoint, whether it is the best so far and the last one."""

    def __init__(
        self, net: Model, run: Run, checkpoint: Checkpoint, options: Train, pictures: int, watch: EpochWatch | None
    ) -> None:
        """`net` is the network whose weights the run keeps; the model that is fitted may augment its input."""
        super().__init__()
        self._watch = watch
        self._net, self._run, self._checkpoint = net, run, checkpoint
        self._options, self._pictures = options, pictures
        self._began = self._trained = self._built = 0.0
        self._epochs = 0
        """Epochs since this process began to train: in the first step of these the graph is built."""

    def on_epoch_begin(self, epoch: int, logs: Logs) -> None:
        """Start the clock."""
        self._began = self._trained = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: Tensors) -> None:
        """Note when the first step ended, and the last one: what follows is validation."""
        if not self._built:
            self._built = time.monotonic() - self._began
        if batch + 1 == self.params["steps"]:
            number(logs["loss"])
            self._trained = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Keep the epoch, log a line about it, and stop where the options say so."""
        row = self._row(epoch, logs)
        rows, monitor = self._checkpoint.rows, self._options.monitor
        best = not rows or merit(row, monitor) > merit(rows[self._checkpoint.best - 1], monitor)
        self._checkpoint.save(self.model, self._net, row, best)
        write_history(self._run.folder / HISTORY, self._checkpoint.rows)
        self._log(row, best)
        if self._watch is not None:
            self._watch(self._checkpoint.rows)
        if why_over(self._options, self._checkpoint.rows):
            self.model.stop_training = True

    def _row(self, epoch: int, logs: Logs) -> Epoch:
        targets = [target.name for target in self._run.targets]
        by_target = _of_targets(targets, logs) if len(targets) > 1 else {}
        return Epoch(
            epoch=epoch + 1,
            **{name: _score(name, len(targets), logs) for name in _SCORES if f"{name}_1" in logs or name in logs},
            by_target=by_target,
            learning_rate=float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)),
            pictures_per_second=round(self._pictures / max(self._trained - self._began, 1e-9), 1),
            seconds=round(time.monotonic() - self._began, 3),
        )

    def _log(self, row: Epoch, best: bool) -> None:
        """Log a line of a table whose columns are the history's."""
        of = _OF_EMBEDDING if embeds(self._options) else _TITLES
        scores = {of[name]: value for name in _SCORES if (value := getattr(row, name)) is not None}
        part = "" if row.val_accuracy is None else "val_"
        several = [target.name for target in self._run.targets] if row.by_target else []
        scores |= {name: row.by_target[column_of(name, part)] for name in several}
        self._epochs += 1
        if self._epochs == 1:
            titles = "".join(f"{name[:10]:>11}" if name in several else f"{name:>10}" for name in scores)
            log.info("%7s%s%12s%14s", "epoch", titles, "pictures/s", "left at most")
        cells = "".join(f"{value:>{11 if name in several else 10}.4f}" for name, value in scores.items())
        left = timedelta(seconds=round(self._seconds() * (self._options.epochs - row.epoch)))
        epoch = f"{row.epoch}/{self._options.epochs}"
        log.info("%7s%s%12.1f%14s%s", epoch, cells, row.pictures_per_second, left, "  best" if best else "")

    def _seconds(self) -> float:
        """Return what an epoch takes, without the time in which the first step built the graph."""
        rows = self._checkpoint.rows
        if self._epochs == 1:
            return max(rows[-1].seconds - self._built, 0.0)
        return statistics.median(row.seconds for row in rows[-min(5, self._epochs - 1) :])


def _score(name: str, targets: int, logs: Logs) -> float:
    """Return what Keras measured of an epoch; of the accuracies of several targets their mean."""
    if name in logs:
        return float(logs[name])
    return statistics.fmean(float(logs[f"{name}_{number + 1}"]) for number in range(targets))


def _of_targets(targets: Sequence[str], logs: Logs) -> dict[str, float]:
    """Return the accuracies of each target by the column of the history."""
    measured = metric_names(len(targets))
    return {
        column_of(target, part): float(logs[f"{part}{name}"])
        for part in ("", "val_")
        for target, name in zip(targets, measured, strict=True)
        if f"{part}{name}" in logs
    }
