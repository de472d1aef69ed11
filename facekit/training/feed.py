"""The feed of `fit`: batches of a pack, in an order drawn by seed and epoch alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facekit.networks.backend import ahead, keras
from facekit.training.pack import Pack

Batch = tuple[Any, ...]
"""Pixels uint8 (b, size, size, 3), classes int32 (b, targets), and where labels weigh differently float32 (b, targets):
arrays, or tensors on their way to an accelerator."""


class Feed(keras.utils.PyDataset):  # type: ignore[misc]
    """Batches of a pack for `fit`: `(pixels, classes)`, or with `weights` `(pixels, classes, weights)`.

    `rows` of the pack are fed. With a seed their order is drawn by (seed, epoch), so that a resumed run sees
    what an uninterrupted one would have seen; without one they come in the given order. `classes` has a row for each of
    `rows`, and so has `weights`, which says how much each label counts.
    """

    def __init__(
        self,
        pack: Pack,
        rows: Sequence[int],
        classes: Sequence[int] | NDArray[np.int64],
        batch: int,
        seed: int | None = None,
        weights: NDArray[np.float32] | None = None,
    ) -> None:
        super().__init__()
        self.batch = batch
        self._pixels, self._seed = pack.pixels, seed
        self._rows = np.asarray(rows, np.int64)
        self._classes = np.asarray(classes, np.int32)
        self._weights = None if weights is None else np.asarray(weights, np.float32)
        self._order = np.arange(len(self._rows))

    @property
    def pictures(self) -> int:
        """The number of pictures in an epoch."""
        return len(self._rows)

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        return -(-len(self._order) // self.batch)

    def __getitem__(self, index: int) -> Batch:
        """Return one batch."""
        batch = self._batch(index)
        pixels, classes = self._pixels[self._rows[batch]], self._classes[batch]
        return ahead((pixels, classes) if self._weights is None else (pixels, classes, self._weights[batch]))

    def pixels(self, index: int) -> NDArray[np.uint8]:
        """Return the pictures of one batch alone."""
        return np.asarray(self._pixels[self._rows[self._batch(index)]], np.uint8)

    def shuffle(self, epoch: int) -> None:
        """Draw the order of an epoch, counted from 0."""
        if self._seed is not None:
            self._order = np.random.default_rng([self._seed, epoch]).permutation(len(self._rows))

    def _batch(self, index: int) -> NDArray[np.int64]:
        """Return the places of one batch."""
        batch = self._order[index * self.batch : (index + 1) * self.batch]
        # In the order of the file, which is faster to read from disk; the order within a step makes no difference.
        return batch[np.argsort(self._rows[batch])]
