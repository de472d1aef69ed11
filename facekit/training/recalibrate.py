"""Recalibrating batch normalisation: its running statistics measured again for the weights as they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import numpy as np

from facekit.networks.backend import Layer, Model, keras
from facekit.networks.forward import Pass, training_pass
from facekit.training.callbacks import Logs
from facekit.training.feed import Feed


class Recalibrate(keras.callbacks.Callback):  # type: ignore[misc]
    """Recalibrates the network before it is scored or kept.

    Running statistics come from batches that slightly different weights saw. Where an epoch has some thirty steps,
    a score with them jumps by ten points and more from epoch to epoch.
    """

    def __init__(self, net: Model, feed: Feed, validates: bool) -> None:
        super().__init__()
        self._net, self._feed, self._validates = net, feed, validates

    def on_test_begin(self, logs: Logs) -> None:
        """Recalibrate before validation."""
        recalibrate(self._net, self._feed, through=self._through)

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Recalibrate before the epoch is kept, where there is no validation."""
        if not self._validates:
            recalibrate(self._net, self._feed, through=self._through)

    @cached_property
    def _through(self) -> Pass:
        """The forward pass, compiled once; the layers that are frozen stay the same for as long as this lives."""
        return training_pass(self._net, _statistics(_norms(self._net)))


def recalibrate(net: Model, feed: Feed, pictures: int = 512, through: Pass | None = None) -> None:
    """Set the statistics of batch normalisation to the means over the first `pictures` of a feed, without dropout.

    Frozen layers keep their statistics. `through` is the network's forward pass where there is one already, which
    returns the statistics after a batch.
    """
    norms = _norms(net)
    batches = min(len(feed), -(-pictures // feed.batch)) if norms else 0
    if not batches:
        return
    variables = _statistics(norms)
    through = through or training_pass(net, variables)
    with _as_in_one_batch(net, norms):
        rows = [through(feed.pixels(number)) for number in range(batches)]
    for variable, values in zip(variables, zip(*rows, strict=True), strict=True):
        variable.assign(np.mean([keras.ops.convert_to_numpy(value) for value in values], axis=0, dtype=np.float32))


def _norms(net: Model) -> list[Layer]:
    return [layer for layer in net.layers if isinstance(layer, keras.layers.BatchNormalization) and layer.trainable]


def _statistics(norms: Sequence[Layer]) -> list[Any]:
    return [variable for norm in norms for variable in (norm.moving_mean, norm.moving_variance)]


@contextmanager
def _as_in_one_batch(net: Model, norms: Sequence[Layer]) -> Iterator[None]:
    """Let the statistics be those of one batch, switch dropout off, and restore what was changed meanwhile."""
    drops = [(layer, layer.rate) for layer in net.layers if isinstance(layer, keras.layers.Dropout)]
    momenta = [(norm, norm.momentum) for norm in norms]
    for layer, _ in drops:
        layer.rate = 0.0
    for norm in norms:
        norm.momentum = 0.0
    try:
        yield
    finally:
        for layer, rate in drops:
            layer.rate = rate
        for norm, momentum in momenta:
            norm.momentum = momentum
