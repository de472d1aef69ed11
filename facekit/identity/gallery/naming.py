"""Name the faces of one picture together: nobody twice, and `unknown` where nobody is near enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from facekit.identity.embedders.metrics import Embeddings
from facekit.identity.gallery.promise import Promise
from facekit.identity.gallery.search import Near, People
from facekit.scores.recalibration import logistic

NEAREST = 3
"""People whom an answer lists as the nearest."""

_OUT = -1e9
"""What it counts to give somebody a name that is out of the question."""


@dataclass(frozen=True)
class Candidate:
    """A person, and how near a face is."""

    name: str
    similarity: float
    denied: bool = False
    """Whether a person has said of a face like it that it is not this one."""


@dataclass(frozen=True)
class Identity:
    """The answer to one face."""

    name: str | None
    """None: a stranger."""
    similarity: float | None
    """To the person who is named; of a stranger, to the nearest one. It is one minus a distance."""
    probability: float
    """That the face is of that person, where strangers are as many as known people."""
    nearest: tuple[Candidate, ...]
    """The nearest people, at most three."""


@dataclass(frozen=True)
class Namer:
    """Names faces by the people of a gallery. Its methods may be called from several threads."""

    people: People
    promise: Promise
    threshold: float
    rate: float
    """The false positive identification rate that the threshold stands for."""
    repeats: bool = False
    """Whether two faces of one picture may get one name, as in a collage or before a mirror."""

    def name(self, vectors: Embeddings) -> list[Identity]:
        """Return who the faces of one picture are, shape (faces, dimensions), in order.

        Of all ways to give out names, nobody's twice, it takes the one in which the similarities exceed the threshold
        by the most in total. The order of the faces does not matter.
        """
        if not len(vectors) or not len(self.people.numbers):
            return [Identity(None, None, 0.0, ())] * len(vectors)
        near = self.people.near(vectors, self.threshold)
        given = self._alone(near) if self.repeats or len(vectors) == 1 else self._assigned(near)
        return [self._identity(near, face, column) for face, column in enumerate(given)]

    def _gains(self, near: Near) -> NDArray[np.float64]:
        """Return what each name counts for each face; negative or `_OUT` where `unknown` is better."""
        gain = np.where(near.similarity >= self.threshold, near.similarity - self.threshold + 1e-9, _OUT)
        return np.where(near.denied, _OUT, gain)

    def _alone(self, near: Near) -> list[int | None]:
        gain = self._gains(near)
        best = gain.argmax(axis=1)
        return [int(column) if gain[face, column] > 0 else None for face, column in enumerate(best)]

    def _assigned(self, near: Near) -> list[int | None]:
        gain = self._gains(near)
        faces, names = gain.shape
        # One column more for each face: to be unknown, which is worth nothing and takes nobody's name.
        table = np.concatenate([gain, np.zeros((faces, faces))], axis=1)
        _, columns = scipy.optimize.linear_sum_assignment(table, maximize=True)
        return [int(column) if column < names else None for column in columns]

    def _identity(self, near: Near, face: int, column: int | None) -> Identity:
        order = np.argsort(-near.similarity[face], kind="stable")[:NEAREST]
        nearest = tuple(
            self._candidate(near, face, int(place)) for place in order if np.isfinite(near.similarity[face, place])
        )
        if column is not None:
            shown = self._candidate(near, face, column)
            return Identity(shown.name, shown.similarity, self._probability(shown.similarity), nearest)
        if not nearest:
            return Identity(None, None, 0.0, ())
        return Identity(None, nearest[0].similarity, self._probability(nearest[0].similarity), nearest)

    def _candidate(self, near: Near, face: int, column: int) -> Candidate:
        name = self.people.index.rows.names[int(self.people.numbers[near.people[column]])]
        return Candidate(name, round(float(near.similarity[face, column]), 4), bool(near.denied[face, column]))

    def _probability(self, similarity: float) -> float:
        open_set = self.promise.open_set
        return round(float(logistic(np.array([similarity]), open_set.slope, open_set.offset)[0]), 4)


def names_of(identities: Sequence[Identity]) -> list[str]:
    """Return the names that were given, in order."""
    return [one.name for one in identities if one.name is not None]
