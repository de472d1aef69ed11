"""Recalibrating batch normalisation: its running statistics measured again for the weights as they are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from facekit.networks.backend import Model, keras
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
        recalibrate(self._net, self._feed)

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Recalibrate before the epoch is kept, where there is no validation."""
        if not self._validates:
            recalibrate(self._net, self._feed)


def recalibrate(net: Model, feed: Feed, pictures: int = 512) -> None:
    """Set the statistics of batch normalisation to the means over the first `pictures` of a feed, without dropout.

    Frozen layers keep their statistics.
    """
    norms = [layer for layer in net.layers if isinstance(layer, keras.layers.BatchNormalization) and layer.trainable]
    batches = min(len(feed), -(-pictures // feed.batch)) if norms else 0
    with _as_in_prediction(net):
        for number in range(batches):
            for norm in norms:  # the mean so far stands for all batches before this one
                norm.momentum = number / (number + 1)
            net(keras.ops.cast(feed[number][0], "float32"), training=True)


@contextmanager
def _as_in_prediction(net: Model) -> Iterator[None]:
    """Switch dropout off, and restore what was changed meanwhile."""
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
