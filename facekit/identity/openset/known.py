"""How near a face is to the known faces of each person."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from facekit.identity.embedders.metrics import Embeddings, Metric, comparable, distances, squared_distances, unit
from facekit.runs.known_faces import KnownVectors

NEAREST = 3
"""Faces of a person whose distance counts, in addition to that of the person's centre.

Chosen on one half of LFW's people, with 0 and 3% wrong labels among the known faces: the nearest face alone is ruined
by one wrong label, and the centre alone by a person of two looks. `benchmarks/openset.py` measures the other half.
"""

CENTRE = 0.75
"""What the distance to the centre counts, beside that to the nearest faces.

Chosen on people of LFW outside the 42 of many photos that `benchmarks/galleries.py` reports on: at a false positive
identification rate of 0.01 dlib names 0.4 to 1.5 points more of the known faces than with a half, with 5% wrong labels
1.4. `benchmarks/README.md` has what else was compared, normalised scores among it.
"""

_CELLS = 2**24
"""Most distances in memory at once: 64 MB."""

Similarities = NDArray[np.float64]


@dataclass(frozen=True)
class KnownFaces:
    """The known faces of a model, those of one name together."""

    vectors: Embeddings
    classes: NDArray[np.int32]
    """The number of each face's name, ascending."""
    names: int
    metric: Metric
    centre: float = CENTRE
    """What the distance to the centre counts; thresholds hold for one such share alone."""

    @classmethod
    def of(cls, gallery: KnownVectors, names: int, metric: str, centre: float = CENTRE) -> KnownFaces:
        """Return the faces of a gallery, for so many names, compared by a metric of `metrics.Metric`."""
        how: Metric = "cosine" if metric == "cosine" else "euclidean"
        order = np.argsort(gallery.classes, kind="stable")
        vectors = gallery.vectors[order]
        return cls(comparable(vectors, how), gallery.classes[order], names, how, centre)

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """Faces of each name, shape (names,)."""
        return np.bincount(self.classes, minlength=self.names)

    @cached_property
    def centres(self) -> Embeddings:
        """The mean of the faces of each name, shape (names, dimensions); NaN for a name without any."""
        sums = np.zeros((self.names, self.vectors.shape[1]))
        there = np.flatnonzero(self.counts)
        if len(there):
            starts = np.searchsorted(self.classes, there)
            sums[there] = np.add.reduceat(self.vectors.astype(np.float64), starts)
        with np.errstate(invalid="ignore"):
            return np.asarray(sums / self.counts[:, None], np.float32)

    def similarities(self, vectors: Embeddings) -> Similarities:
        """Return the similarity of embeddings to each name, shape (n, names): see `similarity`."""
        blocks = [block for _, block in self.blocks(vectors)]
        return np.concatenate(blocks) if blocks else np.empty((0, self.names))

    def similarity(self, vectors: Embeddings, classes: NDArray[np.int64]) -> Similarities:
        """Return how near embeddings are, each to the known faces of one name, shape (n,).

        It is one minus a distance: that to the centre of the name's faces, which counts three quarters, and the mean of
        those to the nearest three of them. Minus infinity where there is no such face, or no embedding.
        """
        found = np.full(len(vectors), -np.inf)
        for number in np.unique(classes):
            rows = np.flatnonzero(classes == number)
            faces = self.vectors[self._of(int(number))]
            if len(faces):
                near = _nearest(distances(self.metric, vectors[rows], faces))
                found[rows] = self._similar(near, distances(self.metric, vectors[rows], self.centres[[number]])[:, 0])
        return found

    def blocks(self, vectors: Embeddings) -> Iterator[tuple[slice, Similarities]]:
        """Yield slices of embeddings, and their similarity to each name, shape (rows, names)."""
        for first in range(0, len(vectors), self.rows_at_once):
            rows = slice(first, min(first + self.rows_at_once, len(vectors)))
            far = self._to_all(vectors[rows])
            near = np.full((len(far), self.names), np.nan)
            for number in np.flatnonzero(self.counts):
                near[:, number] = _nearest(far[:, self._of(int(number))])
            yield rows, self._similar(near, distances(self.metric, vectors[rows], self.centres))

    def to_own(self, place: int) -> float:
        """Return the similarity of a known face to the others of its name; infinity where it is the only one."""
        number = int(self.classes[place])
        inside = self._of(number)
        count = int(self.counts[number])
        if count == 1:
            return np.inf
        face = self.vectors[[place]]
        far = np.delete(distances(self.metric, face, self.vectors[inside]), place - inside.start, axis=1)
        rest = np.asarray((self.centres[[number]] * count - face) / (count - 1), np.float32)
        return float(self._similar(_nearest(far), distances(self.metric, face, rest)[:, 0])[0])

    @property
    def rows_at_once(self) -> int:
        """How many embeddings are compared with all known faces at a time."""
        return max(1, _CELLS // max(1, len(self.vectors)))

    def _to_all(self, vectors: Embeddings) -> Embeddings:
        """Return the distance to every known face, in the precision of the embeddings: there may be millions."""
        if self.metric == "cosine":
            return np.asarray(1 - unit(vectors) @ self.vectors.T)
        return np.sqrt(squared_distances(vectors, self.vectors))

    def _of(self, number: int) -> slice:
        return slice(*np.searchsorted(self.classes, (number, number + 1)).tolist())

    def _similar(self, near: NDArray[np.floating], centre: NDArray[np.floating]) -> Similarities:
        similar = 1 - ((1 - self.centre) * near.astype(np.float64) + self.centre * centre)
        return np.where(np.isfinite(similar), similar, -np.inf)


def _nearest(far: Embeddings) -> NDArray[np.float64]:
    """Return the mean of the smallest distances of each row."""
    count = min(NEAREST, far.shape[1])
    return np.asarray(np.partition(far, count - 1, axis=1)[:, :count].mean(axis=1, dtype=np.float64))
