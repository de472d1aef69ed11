"""What a track is named by: the embeddings of all its frames, each with a weight for how good the frame is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from facekit.identity.embedders.metrics import Embeddings

MOST = 64
"""Embeddings that are kept of a track. Beyond, the two neighbours that are most alike become one that counts as both:
a track may last for hours, and is nearly the same from one frame to the next."""


class Evidence:
    """Embeddings in the order of their frames, what a network answers of each, and their weights."""

    def __init__(self, most: int = MOST) -> None:
        """Begin without any."""
        self._most = most
        self._vectors: list[NDArray[np.float32]] = []
        self._rows: list[NDArray[np.float32]] = []
        self._weights: list[float] = []
        self._gaps: list[float] = []
        """The distance between each embedding and the next."""

    def __len__(self) -> int:
        return len(self._weights)

    def add(self, vector: NDArray[np.float32], row: NDArray[np.float32], weight: float) -> None:
        """Add what a frame shows: its embedding, shape (dimensions,), the network's probabilities, and the weight."""
        if self._vectors:
            self._gaps.append(_distance(self._vectors[-1], vector))
        self._vectors.append(vector)
        self._rows.append(row)
        self._weights.append(weight)
        if len(self._weights) > self._most:
            self._merge(int(np.argmin(self._gaps)))

    def extend(self, later: Evidence) -> None:
        """Add all of what comes later."""
        for vector, row, weight in zip(later._vectors, later._rows, later._weights, strict=True):
            self.add(vector, row, weight)

    @property
    def vectors(self) -> Embeddings:
        """The embeddings, shape (n, dimensions)."""
        return np.stack(self._vectors) if self._vectors else np.empty((0, 0), np.float32)

    @property
    def rows(self) -> NDArray[np.float32]:
        """The network's probabilities, shape (n, labels)."""
        return np.stack(self._rows) if self._rows else np.empty((0, 0), np.float32)

    @property
    def weights(self) -> NDArray[np.float64]:
        """What each counts; they sum to 1."""
        weights = np.array(self._weights, np.float64)
        return np.asarray(weights / max(weights.sum(), 1e-12))

    def last(self, count: int) -> Embeddings:
        """Return the newest embeddings, shape (count at most, dimensions)."""
        return np.stack(self._vectors[-count:]) if self._vectors else np.empty((0, 0), np.float32)

    def _merge(self, place: int) -> None:
        """Make one of an embedding and the next, which counts as both."""
        a, b = self._weights[place], self._weights[place + 1]
        for held in (self._vectors, self._rows):
            held[place] = np.asarray((a * held[place] + b * held[place + 1]) / (a + b), np.float32)
            del held[place + 1]
        self._weights[place : place + 2] = [a + b]
        del self._gaps[place]
        for near in (place - 1, place):
            if 0 <= near < len(self._gaps):
                self._gaps[near] = _distance(self._vectors[near], self._vectors[near + 1])


def _distance(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    return float(np.linalg.norm(a - b))
