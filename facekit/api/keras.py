"""A data set as batches for Keras."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from facekit.base.contract import Image
from facekit.networks.backend import keras

Batch = tuple[NDArray[np.uint8], NDArray[np.int64]]
"""Pictures (n, height, width, 3) and their classes (n,)."""


class Batches(keras.utils.PyDataset):  # type: ignore[misc]
    """Batches of a data set, read when they are needed: `(pictures, classes)`."""

    def __init__(
        self,
        read: Callable[[int], Image],
        classes: NDArray[np.int64],
        batch: int,
        shuffle: bool,
        seed: int,
        workers: int,
    ) -> None:
        """Read `batch` pictures at a time, by their places, in as many threads as there are `workers`.

        With `shuffle`, each epoch has another order, drawn by the seed.
        """
        super().__init__(workers=workers)
        self._read, self._classes, self.batch = read, classes, batch
        self._order = np.arange(len(classes))
        self._chance = np.random.default_rng(seed) if shuffle else None
        self.on_epoch_end()

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        return -(-len(self._order) // self.batch)

    def __getitem__(self, index: int) -> Batch:
        """Return one batch; the last of an epoch may be smaller."""
        places = self._order[index * self.batch : (index + 1) * self.batch]
        return np.stack([self._read(int(place)) for place in places]), self._classes[places]

    def on_epoch_end(self) -> None:
        """Draw the order of the next epoch."""
        if self._chance is not None:
            self._order = self._chance.permutation(len(self._order))
