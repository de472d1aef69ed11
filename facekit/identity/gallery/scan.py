"""The nearest of many embeddings, by a look at each, block by block of a memory map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facekit.identity.embedders.metrics import Embeddings, Metric

_CELLS = 1 << 22
"""Numbers of the memory map that are looked at together: 16 MB, which the cache of a processor holds in part."""

_SLACK = 4 * float(np.finfo(np.float32).eps)
"""By how much a product of floats may be wrong, as a share of the squared lengths, and for each number in them."""


@dataclass(frozen=True)
class Scan:
    """Embeddings that are searched by a metric."""

    metric: Metric
    vectors: Embeddings
    """Shape (rows, dimensions), usually a memory map."""
    lengths: NDArray[np.float32]
    """Of each row: its squared length, for the cosine its length; infinite where the row counts for nothing."""

    @classmethod
    def of(cls, metric: Metric, vectors: Embeddings, counts: NDArray[np.bool_] | None) -> Scan:
        """Return rows, of which those where `counts` is false are never found."""
        lengths = np.empty(len(vectors), np.float32)
        for rows in _blocks(vectors):
            np.einsum("ij,ij->i", vectors[rows], vectors[rows], out=lengths[rows])
        if metric == "cosine":
            lengths = np.maximum(np.sqrt(lengths), 1e-12)
        if counts is not None:
            lengths[~counts] = np.inf
        return cls(metric, vectors, lengths)

    def nearest(self, vectors: Embeddings, count: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the `count` nearest rows of each embedding, in no order, and their distances; shapes (n, count).

        The distances are a little too small rather than too large, by what rounding may have taken: nobody who was
        not found is nearer. They are infinite where there are fewer rows. No embedding (NaN) is near to nothing.
        """
        asked = np.nan_to_num(vectors.astype(np.float32))
        found = np.full((len(asked), count), np.inf, np.float32)
        places = np.zeros((len(asked), count), np.int64)
        for rows in _blocks(self.vectors):
            far = self._compared(asked, rows)
            _merge(found, places, far, rows.start)
        missing = np.isnan(vectors).any(axis=1)
        found[missing] = np.inf
        return places, self._distances(found.astype(np.float64), asked.astype(np.float64))

    def _compared(self, asked: Embeddings, rows: slice) -> NDArray[np.float32]:
        """Return what orders rows as their distances do, shape (n, rows): less is nearer."""
        far = asked @ self.vectors[rows].T
        if self.metric == "cosine":
            np.negative(far, out=far)
            far /= self.lengths[rows]
            far[:, np.isinf(self.lengths[rows])] = np.inf
        else:
            far *= -2
            far += self.lengths[rows]
        return far

    def _distances(self, found: NDArray[np.float64], asked: NDArray[np.float64]) -> NDArray[np.float64]:
        own = np.square(asked).sum(axis=1)[:, None]
        slack = _SLACK * asked.shape[1]
        if self.metric == "cosine":
            return np.asarray(1 + found / np.maximum(np.sqrt(own), 1e-12) - slack)
        longest = float(self.lengths[np.isfinite(self.lengths)].max(initial=0))
        return np.asarray(np.sqrt(np.maximum(found + own - slack * (own + longest), 0)))


def _merge(found: NDArray[np.float32], places: NDArray[np.int64], far: NDArray[np.float32], first: int) -> None:
    """Put the nearest of a block among the nearest of those before, in place."""
    count = found.shape[1]
    for number, (best, block) in enumerate(zip(found, far, strict=True)):
        near = np.flatnonzero(block < best.max())
        if not len(near):
            continue
        if len(near) > count:
            near = near[np.argpartition(block[near], count - 1)[:count]]
        both = np.concatenate([best, block[near]])
        keep = np.argpartition(both, count - 1)[:count]
        places[number] = np.concatenate([places[number], near + first])[keep]
        found[number] = both[keep]


def _blocks(vectors: Embeddings) -> list[slice]:
    size = max(1, _CELLS // max(1, vectors.shape[1]))
    return [slice(first, min(first + size, len(vectors))) for first in range(0, len(vectors), size)]
