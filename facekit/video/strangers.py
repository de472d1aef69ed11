"""Numbers for people whom nobody knows: one each, also for those who leave and come back."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facekit.identity.embedders.metrics import Embeddings, Metric
from facekit.identity.openset.known import KnownFaces
from facekit.runs.known_faces import KnownVectors
from facekit.video.evidence import Evidence

_FACES = 16
"""Embeddings that are kept of a stranger."""

_CENTRE = 0.5
"""What the distance to the centre of a stranger's faces counts: less than in a gallery, as the threshold is that of one
face, and the middle of several is nearer to everybody."""

MOST = 1000
"""Strangers who are remembered; beyond, whoever has not been seen for the longest time is forgotten."""


@dataclass
class _Stranger:
    number: int
    faces: Evidence


class Strangers:
    """The strangers of one video."""

    def __init__(self, metric: Metric, threshold: Callable[[int], float]) -> None:
        """Take somebody for one of so many who were there before from the similarity that `threshold` returns."""
        self._metric, self._threshold = metric, threshold
        self._known: list[_Stranger] = []
        """Whoever was seen last is the last."""
        self._count = 0

    def number(self, track: Evidence, taken: Collection[int], keep: bool = True) -> int:
        """Return the number of who is on a track; `taken` are those of strangers who were seen beside it.

        Without `keep`, which is for a track that goes on, nothing is remembered, and somebody new gets the number that
        is next.
        """
        found = self._nearest(track, taken)
        if not keep:
            return self._count + 1 if found is None else found.number
        if found is None:
            self._count += 1
            found = _Stranger(self._count, Evidence(_FACES))
        else:
            self._known.remove(found)
        for vector, weight in zip(track.vectors, track.weights, strict=True):
            found.faces.add(vector, np.empty(0, np.float32), float(weight))
        self._known = [*self._known, found][-MOST:]
        return found.number

    def _nearest(self, track: Evidence, taken: Collection[int]) -> _Stranger | None:
        free = [one for one in self._known if one.number not in taken and len(one.faces)]
        if not free or not track.vectors.size:
            return None
        similar = self._similarities(free, track.vectors, track.weights)
        best = int(similar.argmax())
        return free[best] if similar[best] >= self._threshold(len(free)) else None

    def _similarities(
        self, people: list[_Stranger], vectors: Embeddings, weights: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return how near a track is to each of them, as `openset/known.py` does."""
        faces = [one.faces.vectors for one in people]
        classes = np.repeat(np.arange(len(people)), [len(some) for some in faces]).astype(np.int32)
        known = KnownFaces.of(KnownVectors(np.concatenate(faces), classes), len(people), self._metric, _CENTRE)
        return np.asarray(weights @ known.similarities(vectors))
