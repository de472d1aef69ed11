"""How near faces are to the people of a gallery: exact, and without a look at every face of everybody.

All embeddings are compared, and the nearest faces and the nearest centres nominate people. The similarity of
`openset/known.py` is computed for these alone. It is one minus a weighted mean of the distance to a centre and of those
to some faces, so nobody who was not nominated can be nearer than the last nominations; where that does not settle the
question, more are nominated. In a gallery of more than a million faces a graph nominates the nearest faces, if usearch
is installed (`graph.py`): then somebody may be missed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from facekit.identity.embedders.metrics import Embeddings, Metric, distances, unit
from facekit.identity.gallery.graph import Graph, Graphs
from facekit.identity.gallery.index import Index
from facekit.identity.gallery.scan import Scan
from facekit.identity.gallery.values import Denials
from facekit.identity.openset.known import CENTRE, KnownFaces, Similarities
from facekit.runs.known_faces import KnownVectors

_FIRST = 16
"""Faces, and centres, that nominate people at first."""

_PEOPLE = 1 << 12
"""People whose centres are found together."""


@dataclass(frozen=True)
class Near:
    """How near some faces are to the people who may be the nearest to one of them."""

    people: NDArray[np.int64]
    """The places of these people in `People.numbers`, shape (people,)."""
    similarity: Similarities
    """Shape (faces, people); minus infinity where a face has no embedding."""
    denied: NDArray[np.bool_]
    """Where a face is nearer to a face that the person is not than to the person's own, shape (faces, people)."""


class People:
    """The people of a gallery at one generation, as embeddings."""

    def __init__(self, index: Index, denials: Denials, metric: Metric, graphs: Graphs | None = None) -> None:
        """Take over an index, and the graph of a very large one. Whoever has no face is not among the people."""
        self.index, self.metric, self._graphs = index, metric, graphs
        self.numbers, self._of_face = np.unique(index.rows.people, return_inverse=True)
        self._denials = denials
        live = np.full(len(index.vectors), -1)
        live[index.places] = self._of_face
        self._of_row = live

    @property
    def generation(self) -> int:
        """The generation of the gallery that this is of."""
        return self.index.rows.generation

    @property
    def names(self) -> list[str]:
        """The name of each of the people, in the order of `numbers`."""
        return [self.index.rows.names[number] for number in self.numbers.tolist()]

    @property
    def faces(self) -> int:
        """How many faces there are."""
        return len(self.index.places)

    def known(self) -> KnownFaces:
        """Return all faces as what people left out in turn are found by."""
        return self._known(np.arange(len(self.numbers)))

    def some(self, most: int) -> KnownFaces:
        """Return all faces of so many people at most, drawn by chance that is the same each time."""
        return self._known(np.sort(np.random.default_rng(0).permutation(len(self.numbers))[:most]))

    def slots_by_person(self) -> NDArray[np.int64]:
        """Return the slot of each face of `known`, in its order."""
        return self.index.rows.slots[np.argsort(self._of_face, kind="stable")]

    def near(self, vectors: Embeddings, least: float) -> Near:
        """Return the people whom faces, shape (n, dimensions), are nearest to, and all that are at least so similar."""
        count = _FIRST
        while True:
            chosen, beyond = self._nominated(vectors, count)
            similar = self._known(chosen).similarities(vectors) if len(chosen) else np.empty((len(vectors), 0))
            best = similar.max(axis=1, initial=-np.inf)
            if len(chosen) == len(self.numbers) or ((beyond < least) & (beyond < best)).all():
                return Near(chosen, similar, self._denied(vectors, chosen))
            count *= 4

    def _nominated(self, vectors: Embeddings, count: int) -> tuple[NDArray[np.int64], Similarities]:
        """Return the people of the nearest faces and centres, and how similar anybody else can be at most."""
        if count >= len(self.numbers):
            return np.arange(len(self.numbers)), np.full(len(vectors), -np.inf)
        rows, far = (self._graph or self._faces).nearest(vectors, count)
        near, farthest = self._centres.nearest(vectors, count)
        faces = self._of_row[rows[np.isfinite(far)]]
        return np.union1d(faces, near), 1 - (1 - CENTRE) * far.max(axis=1) - CENTRE * farthest.max(axis=1)

    @cached_property
    def _graph(self) -> Graph | None:
        return self._graphs.of(self.index, self.metric) if self._graphs is not None else None

    @cached_property
    def _faces(self) -> Scan:
        return Scan.of(self.metric, self.index.vectors, self._of_row >= 0)

    @cached_property
    def _centres(self) -> Scan:
        rows, starts = self._by_person
        sums = np.empty((len(self.numbers), self.index.vectors.shape[1]))
        for first in range(0, len(sums), _PEOPLE):
            bounds = starts[first : first + _PEOPLE + 1]
            block = self.index.vectors[rows[bounds[0] : bounds[-1]]].astype(np.float64)
            block = unit(block) if self.metric == "cosine" else block
            sums[first : first + _PEOPLE] = np.add.reduceat(block, bounds[:-1] - bounds[0])
        counts = np.bincount(self._of_face, minlength=len(self.numbers))
        return Scan.of(self.metric, np.asarray(sums / counts[:, None], np.float32), None)

    @cached_property
    def _by_person(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The rows of the map, those of one person together, and where each person's begin."""
        order = np.argsort(self._of_face, kind="stable")
        starts = np.searchsorted(self._of_face[order], np.arange(len(self.numbers) + 1))
        return self.index.places[order], starts

    def _rows_of(self, person: int) -> NDArray[np.int64]:
        rows, starts = self._by_person
        return rows[starts[person] : starts[person + 1]]

    def _known(self, chosen: NDArray[np.int64]) -> KnownFaces:
        rows = [self._rows_of(person) for person in chosen.tolist()]
        classes = np.repeat(np.arange(len(chosen)), [len(some) for some in rows]).astype(np.int32)
        some = np.concatenate(rows) if rows else np.empty(0, np.int64)
        return KnownFaces.of(KnownVectors(self.index.vectors[some], classes), len(chosen), self.metric)

    def _denied(self, vectors: Embeddings, chosen: NDArray[np.int64]) -> NDArray[np.bool_]:
        found = np.zeros((len(vectors), len(chosen)), bool)
        for column, person in enumerate(chosen.tolist()):
            against = self._denials.vectors[self._denials.people == self.numbers[person]]
            if len(against):
                own = distances(self.metric, vectors, self.index.vectors[self._rows_of(person)])
                found[:, column] = distances(self.metric, vectors, against).min(axis=1) < own.min(axis=1)
        return found
