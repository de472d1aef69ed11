"""Name the faces of one picture together: nobody twice, and `unknown` where nobody is near enough."""

from __future__ import annotations

from collections.abc import Collection, Sequence
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
class Track:
    """The face of one person through the frames of a video."""

    vectors: Embeddings
    """Shape (frames, dimensions)."""
    weights: NDArray[np.float64]
    """What each frame counts; they sum to 1."""


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
        return self._named(self.people.near(vectors, self.threshold), [()] * len(vectors))

    def name_tracks(self, tracks: Sequence[Track], taken: Sequence[Collection[str]]) -> list[Identity]:
        """Return who the faces that were seen at one time in a video are, in order, each by all of its frames.

        `taken` are the names that each cannot have: of others who were seen beside it. The similarity of a track is the
        weighted mean of that of its frames. The embeddings themselves are not averaged: means lie nearer to everybody,
        and more strangers than promised would be given a name.
        """
        found = [Identity(None, None, 0.0, ())] * len(tracks)
        there = [place for place, track in enumerate(tracks) if len(track.vectors)]
        if not there or not len(self.people.numbers):
            return found
        near = self.people.near(np.concatenate([tracks[place].vectors for place in there]), self.threshold)
        named = self._named(
            _pooled(near, [tracks[place].weights for place in there]), [taken[place] for place in there]
        )
        for place, identity in zip(there, named, strict=True):
            found[place] = identity
        return found

    def _named(self, near: Near, taken: Sequence[Collection[str]]) -> list[Identity]:
        gain = self._gains(near, taken)
        given = self._alone(gain) if self.repeats or len(gain) == 1 else self._assigned(gain)
        return [self._identity(near, face, column) for face, column in enumerate(given)]

    def _gains(self, near: Near, taken: Sequence[Collection[str]]) -> NDArray[np.float64]:
        """Return what each name counts for each face; negative or `_OUT` where `unknown` is better."""
        gain = np.where(near.similarity >= self.threshold, near.similarity - self.threshold + 1e-9, _OUT)
        gain = np.where(near.denied, _OUT, gain)
        if any(taken) and not self.repeats:
            names = [self._name(near, column) for column in range(gain.shape[1])]
            for face, some in enumerate(taken):
                gain[face, [name in some for name in names]] = _OUT
        return gain

    @staticmethod
    def _alone(gain: NDArray[np.float64]) -> list[int | None]:
        best = gain.argmax(axis=1)
        return [int(column) if gain[face, column] > 0 else None for face, column in enumerate(best)]

    @staticmethod
    def _assigned(gain: NDArray[np.float64]) -> list[int | None]:
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
        similarity, denied = float(near.similarity[face, column]), bool(near.denied[face, column])
        return Candidate(self._name(near, column), round(similarity, 4), denied)

    def _name(self, near: Near, column: int) -> str:
        return self.people.index.rows.names[int(self.people.numbers[near.people[column]])]

    def _probability(self, similarity: float) -> float:
        open_set = self.promise.open_set
        return round(float(logistic(np.array([similarity]), open_set.slope, open_set.offset)[0]), 4)


def _pooled(near: Near, weights: Sequence[NDArray[np.float64]]) -> Near:
    """Return how near tracks are, of which `near` holds the frames one after the other."""
    ends = np.cumsum([len(some) for some in weights])
    frames = [slice(end - len(some), end) for end, some in zip(ends.tolist(), weights, strict=True)]
    similarity = [share @ near.similarity[some] for share, some in zip(weights, frames, strict=True)]
    denied = [share @ near.denied[some] > 0.5 for share, some in zip(weights, frames, strict=True)]
    return Near(near.people, np.stack(similarity), np.stack(denied))


def names_of(identities: Sequence[Identity]) -> list[str]:
    """Return the names that were given, in order."""
    return [one.name for one in identities if one.name is not None]
