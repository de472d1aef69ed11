"""The feed of `fit`: batches of a pack, in an order drawn by seed and epoch alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from facekit.base.contract import FacekitError
from facekit.base.text import counted
from facekit.networks.backend import ahead, keras
from facekit.training.labels import NO_LABEL
from facekit.training.pack import Pack

Batch = tuple[Any, ...]
"""Pixels uint8 (b, size, size, 3), classes int32 (b, targets), and where labels weigh differently float32 (b, targets):
arrays, or tensors on their way to an accelerator."""


class Share(NamedTuple):
    """What one of several processes computes of each batch."""

    number: int = 0
    """Its place among them."""
    processes: int = 1
    devices: int = 1
    """Of all processes together: each takes an equal part of a batch."""


ALL = Share()


class Feed(keras.utils.PyDataset):  # type: ignore[misc]
    """Batches of a pack for `fit`: `(pixels, classes)`, or with `weights` `(pixels, classes, weights)`.

    `rows` of the pack are fed. With a seed their order is drawn by (seed, epoch), so that a resumed run sees
    what an uninterrupted one would have seen; without one they come in the given order. `classes` has a row for each of
    `rows`, and so has `weights`, which says how much each label counts.

    Of several processes each yields its `share` of a batch, whose pictures are those that one process would yield. The
    devices take equal parts: so an epoch with a seed leaves out as many pictures as are left over, others each time,
    and one without is filled up with pictures that have no label, and count nothing.
    """

    def __init__(
        self,
        pack: Pack,
        rows: Sequence[int],
        classes: Sequence[int] | NDArray[np.int64],
        batch: int,
        seed: int | None = None,
        weights: NDArray[np.float32] | None = None,
        share: Share = ALL,
    ) -> None:
        """Raises FacekitError where there are fewer pictures than devices."""
        super().__init__()
        self.batch = batch
        self._pixels, self._seed, self._share = pack.pixels, seed, share
        self._left_over = len(rows) % share.devices
        if 0 < len(rows) < share.devices:
            raise FacekitError(
                f"{counted(len(rows), 'picture')} cannot be shared by {share.devices} devices; train on fewer hosts"
            )
        self._rows = np.asarray(rows, np.int64)
        self._classes = np.asarray(classes, np.int32)
        self._weights = None if weights is None else np.asarray(weights, np.float32)
        self.pictures = len(self._rows)
        """The number of pictures in an epoch."""
        if self._left_over and seed is None:
            self._fill(share.devices - self._left_over)
        self._order = np.arange(len(self._rows) if seed is None else len(self._rows) - self._left_over)

    def _fill(self, count: int) -> None:
        """Add pictures that count nothing, and let the others count as much more: Keras takes the mean over all."""
        real, ones = len(self._rows), np.ones_like(self._classes, np.float32)
        weights = ones if self._weights is None else self._weights
        self._weights = np.pad(weights * ((real + count) / real), [(0, count), (0, 0)]).astype(np.float32)
        self._classes = np.pad(self._classes, [(0, count), (0, 0)], constant_values=NO_LABEL)
        self._rows = np.pad(self._rows, (0, count), "edge")

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        return -(-len(self._order) // self.batch)

    def __getitem__(self, index: int) -> Batch:
        """Return one batch, or the share of this process."""
        batch = self._batch(index)
        part = len(batch) // self._share.processes
        batch = batch[self._share.number * part :][:part]
        pixels, classes = self._pixels[self._rows[batch]], self._classes[batch]
        return ahead((pixels, classes) if self._weights is None else (pixels, classes, self._weights[batch]))

    def pixels(self, index: int) -> NDArray[np.uint8]:
        """Return the pictures of one whole batch alone."""
        return np.asarray(self._pixels[self._rows[self._batch(index)]], np.uint8)

    def shuffle(self, epoch: int) -> None:
        """Draw the order of an epoch, counted from 0."""
        if self._seed is not None:
            order = np.random.default_rng([self._seed, epoch]).permutation(len(self._rows))
            self._order = order[: len(order) - self._left_over]

    def _batch(self, index: int) -> NDArray[np.int64]:
        """Return the places of one batch."""
        batch = self._order[index * self.batch : (index + 1) * self.batch]
        # In the order of the file, which is faster to read from disk; the order within a step makes no difference.
        return batch[np.argsort(self._rows[batch])]
