"""The feed of an objective: pictures or frozen embeddings, and with each its person and the margin of the epoch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facekit.networks.backend import ahead
from facekit.options.objectives import BY_CENTRES, MARGINS
from facekit.options.train import Train
from facekit.training.feed import Batch, Feed
from facekit.training.objectives.people import batch_of, draw
from facekit.training.pack import Pack


class ObjectiveFeed(Feed):
    """Batches `(inputs, targets)`; targets, float32 of shape (batch, 2), are the number of a person, and the margin.

    The margin comes with the batch, because a number that is no weight of the model would be compiled into its step.
    Order, people and margin follow from (seed, epoch), so that a resumed run sees what an uninterrupted one would.
    """

    def __init__(self, pack: Pack, rows: Sequence[int], people: NDArray[np.int64], options: Train) -> None:
        """`rows` of the pack are fed, `people` are the numbers of theirs."""
        self._several = batch_of([pack.records[row].label for row in rows], options)
        batch = options.batch if self._several is None else self._several[0] * self._several[1]
        super().__init__(pack, rows, people, batch, options.seed)
        self._options = options
        self.shuffle(0)

    def __getitem__(self, index: int) -> Batch:
        """Return one batch."""
        batch = self._batch(index)
        people = self._classes[batch].astype(np.float32)
        targets = np.stack([people, np.full_like(people, self.margin)], axis=1)
        return ahead((self._pixels[self._rows[batch]], targets))

    def whole(self) -> tuple[NDArray[Any], NDArray[np.int32]]:
        """Return all inputs, and the number of each one's person."""
        return self._pixels[self._rows], self._classes

    def shuffle(self, epoch: int) -> None:
        """Draw the order of an epoch, counted from 0, and set its margin."""
        self.margin = margin_at(self._options, epoch)
        if self._several is None:
            super().shuffle(epoch)
        else:
            self._order = draw(self._classes, self._several, self._options.seed, epoch)


def margin_at(options: Train, epoch: int) -> float:
    """Return the margin of an epoch, counted from 0: that of centres grows from 0 while they find their places."""
    margin = MARGINS[options.objective] if options.margin is None else options.margin
    if options.objective not in BY_CENTRES:
        return margin
    warmup = options.epochs // 10 if options.margin_warmup is None else options.margin_warmup
    return margin * min(1.0, epoch / warmup) if warmup else margin
