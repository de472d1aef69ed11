"""How well an embedding tells people apart after each epoch, on pictures of the training and of the validation part."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facekit.base.contract import Record
from facekit.identity.embedders.metrics import Embeddings, Metric, distances
from facekit.networks.backend import Model, keras
from facekit.scores.verification import area, best_threshold, curve
from facekit.training.pack import Pack

_MOST, _EACH = 400, 20
"""Pictures by which an epoch is measured, 79,800 pairs, and most of one person."""

DEFAULT_THRESHOLD = 0.4
"""Used where there are no pairs to find one with."""


@dataclass(frozen=True)
class Sample:
    """Some pictures of a pack, and who is on each."""

    rows: NDArray[np.int64]
    people: NDArray[np.str_]

    @classmethod
    def of(cls, records: Sequence[Record], part: str) -> Sample:
        """Return pictures of a part, as many people as there is room for; their ids alone decide which."""
        own: dict[str, list[int]] = {}
        for row in sorted(range(len(records)), key=lambda row: records[row].id):
            if records[row].split == part:
                own.setdefault(records[row].label, []).append(row)
        rows = [row for some in own.values() for row in some[:_EACH]][:_MOST]
        return cls(np.array(rows, np.int64), np.array([records[row].label for row in rows], np.str_))

    def pairs(self, vectors: Embeddings, metric: Metric = "cosine") -> tuple[Embeddings, NDArray[np.bool_]]:
        """Return the distances of all pairs, and which show one person."""
        first, second = np.triu_indices(len(self.people), 1)
        return distances(metric, vectors)[first, second], self.people[first] == self.people[second]

    def auc(self, vectors: Embeddings, metric: Metric = "cosine") -> float | None:
        """Return how often a pair of one person is nearer than one of two; None without pairs of both kinds."""
        if len(self.rows) < 2:
            return None
        rates = curve(*self.pairs(vectors, metric))
        return None if rates is None else area(rates)

    def threshold(self, vectors: Embeddings) -> float:
        """Return the distance that parts best the pairs of one person from those of two, both kinds counting alike."""
        found = best_threshold(*self.pairs(vectors), balanced=True) if len(self.rows) > 1 else math.nan
        return min(2.0, found) if math.isfinite(found) and found > 0 else DEFAULT_THRESHOLD


def embedded(net: Model, pack: Pack, rows: NDArray[np.int64], batch: int) -> Embeddings:
    """Return the embeddings of some rows of a pack, shape (rows, dimensions)."""
    found = []
    for start in range(0, len(rows), batch):
        some = rows[start : start + batch]
        # The last batch is filled up: another shape would make the engine compile the network again.
        filled = pack.pixels[np.resize(some, batch)]
        found.append(np.asarray(net.predict_on_batch(filled), np.float32)[: len(some)])
    return np.concatenate(found) if found else np.empty((0, net.output_shape[-1]), np.float32)


class Ranked(keras.callbacks.Callback):  # type: ignore[misc]
    """Adds to what Keras measured of an epoch how well pairs are ranked: as `accuracy` and `val_accuracy`."""

    def __init__(self, net: Model, pack: Pack, train: Sample, held_out: Sample, batch: int) -> None:
        super().__init__()
        self._net, self._pack, self._batch = net, pack, batch
        self._samples = {"accuracy": train, "val_accuracy": held_out}

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        """Measure; the callbacks that follow see it."""
        for name, sample in self._samples.items():
            auc = sample.auc(embedded(self._net, self._pack, sample.rows, self._batch))
            if auc is not None:
                logs[name] = auc
