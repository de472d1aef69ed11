"""Leave people out in turn: each is a stranger to the others, and shows how similar strangers can be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from facekit.identity.embedders.metrics import Embeddings
from facekit.identity.openset.known import KnownFaces, Similarities

MOST = 20_000
"""Most faces that are left out, spread evenly over the people: more would cost hours and say no more."""


class Doubt(NamedTuple):
    """A face that is nearer to another person than to its own."""

    place: int
    """Where it is among the known faces."""
    like: int
    """The number of the other person's name."""


@dataclass(frozen=True)
class Person:
    """The faces of one person who is left out."""

    number: int
    others: Similarities
    """Similarity of each face to each name, shape (faces, names); minus infinity to the person's own."""
    own: Similarities
    """Similarity of each face to the person's other faces; infinity for an only face."""
    places: NDArray[np.int64]
    """Where each face is among the known faces; -1 of a stranger, who is not."""

    @property
    def nearest(self) -> Similarities:
        """The similarity of each face to the nearest other person."""
        return np.asarray(self.others.max(axis=1))

    @property
    def doubtful(self) -> NDArray[np.bool_]:
        """Which faces are nearer to another person than to their own.

        Such a face says more of its label, which may be wrong, than of strangers.
        """
        return self.nearest > self.own

    @property
    def doubts(self) -> list[Doubt]:
        """The same, and whom each is nearest to."""
        rows = np.flatnonzero(self.doubtful).tolist()
        return [Doubt(int(self.places[row]), int(self.others[row].argmax())) for row in rows]


@dataclass(frozen=True)
class LeftOut:
    """How near the faces of each person come to the other people."""

    similarity: Similarities
    """Of each face to the nearest other person, shape (faces,)."""
    weights: NDArray[np.float64]
    """What each face counts, so that every person counts the same, shape (faces,); they sum to 1."""
    people: int
    names: int
    """People who are known; a person who is left out is compared with one fewer."""
    fewer: float
    """The share of people left out who meet one person fewer: 1, but for strangers, who meet all."""
    shares: NDArray[np.float64]
    """What each person counts, shape (people,); they sum to 1."""
    first: Similarities
    """Of each person, the mean similarity to all others, every other person counting the same, shape (people,)."""
    second: Similarities
    """Of each person, the mean square of these similarities."""
    own: Similarities
    """Of each face to the other faces of its person, where it has others; the doubtful ones are not among them."""
    doubtful: tuple[Doubt, ...]
    """Faces that were left aside."""
    sizes: NDArray[np.int64]
    """How many of the faces each person has, in order, shape (people,)."""

    @property
    def pairs(self) -> tuple[float, float]:
        """Mean and standard deviation of the similarity over all pairs of people."""
        mean = float(self.shares @ self.first)
        return mean, float(np.sqrt(max(float(self.shares @ self.second) - mean**2, 0)))

    def drawn(self, counts: NDArray[np.int64]) -> LeftOut:
        """Return what the people say when each is counted so often, shape (people,)."""
        people = int(counts.sum())
        often = counts * (self.people / people)
        return replace(
            self, people=people, weights=self.weights * np.repeat(often, self.sizes), shares=self.shares * often
        )


def leave_out(known: KnownFaces, strangers: Sequence[Embeddings] = ()) -> LeftOut | None:
    """Return what people left out in turn say; None where there are fewer than two of them.

    Each of the `strangers`, the embeddings of one person who is not known, counts like a person left out.
    """
    first, second, left, own, unknown = [], [], [], [], 0
    doubtful: list[Doubt] = []
    for person in (*each_person(known), *_strangers(known, strangers)):
        kept = ~person.doubtful & np.isfinite(person.nearest)  # nobody is near where there is one person only
        doubtful += person.doubts
        if kept.any():
            met = person.others[kept]
            met = met[:, np.isfinite(met).all(axis=0)]
            first.append(float(met.mean()))
            second.append(float(np.square(met).mean()))
            left.append(person.nearest[kept])
            own.append(person.own[kept])
            unknown += person.number < 0
    if len(left) < 2:
        return None
    people, to_own = len(left), np.concatenate(own)
    return LeftOut(
        similarity=np.concatenate(left),
        weights=np.concatenate([np.full(len(some), 1 / (len(some) * people)) for some in left]),
        people=people,
        names=int(np.count_nonzero(known.counts)),
        fewer=1 - unknown / people,
        shares=np.full(people, 1 / people),
        first=np.array(first),
        second=np.array(second),
        own=to_own[np.isfinite(to_own)],
        doubtful=tuple(doubtful),
        sizes=np.array([*map(len, left)]),
    )


def _strangers(known: KnownFaces, strangers: Sequence[Embeddings]) -> Iterator[Person]:
    for vectors in strangers:
        yield Person(-1, known.similarities(vectors), np.full(len(vectors), np.inf), np.full(len(vectors), -1))


def each_person(known: KnownFaces) -> Iterator[Person]:
    """Yield each person who has a known face, left out: all of the faces, or as many of each as there is time for."""
    for batch in _batches(known):
        numbers = known.classes[batch]
        others = known.similarities(known.vectors[batch])
        for number in np.unique(numbers):
            rows = np.flatnonzero(numbers == number)
            others[rows, number] = -np.inf
            own = np.array([known.to_own(int(place)) for place in batch[rows]])
            yield Person(int(number), others[rows], own, batch[rows])


def _batches(known: KnownFaces) -> Iterator[NDArray[np.int64]]:
    """Yield the places of the faces that are left out, whole people together, about as many as are compared at once."""
    ends = np.cumsum(known.counts)
    most = max(1, MOST // max(1, int(np.count_nonzero(known.counts))))
    batch: list[NDArray[np.int64]] = []
    for number in np.flatnonzero(known.counts):
        count, end = int(known.counts[number]), int(ends[number])
        batch.append(np.linspace(end - count, end - 1, min(count, most)).round().astype(np.int64))
        if sum(map(len, batch)) >= known.rows_at_once:
            yield np.concatenate(batch)
            batch = []
    if batch:
        yield np.concatenate(batch)
