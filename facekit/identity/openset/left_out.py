"""Leave people out in turn: each is a stranger to the others, and shows how similar strangers can be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facekit.identity.openset.known import KnownFaces, Similarities

MOST = 20_000
"""Most faces that are left out, spread evenly over the people: more would cost hours and say no more."""


@dataclass(frozen=True)
class Person:
    """The faces of one person who is left out."""

    number: int
    others: Similarities
    """Similarity of each face to each name, shape (faces, names); minus infinity to the person's own."""
    own: Similarities
    """Similarity of each face to the person's other faces; infinity for an only face."""

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


@dataclass(frozen=True)
class LeftOut:
    """How near the faces of each person come to the other people."""

    similarity: Similarities
    """Of each face to the nearest other person, shape (faces,)."""
    weights: NDArray[np.float64]
    """What each face counts, so that every person counts the same, shape (faces,); they sum to 1."""
    people: int
    means: Similarities
    """For each person, the mean similarity of all others, every other person counting the same, shape (names,)."""
    deviations: Similarities
    """For each person, the standard deviation of these similarities."""
    mean: float
    deviation: float
    """The same over all pairs of people."""
    own: Similarities
    """Of each face to the other faces of its person, where it has others; the doubtful ones are not among them."""
    doubtful: int
    """Faces that were left aside."""


def leave_out(known: KnownFaces) -> LeftOut | None:
    """Return what people left out in turn say; None where there are fewer than two of them."""
    sums, left, own, doubtful = _Sums(known.names), [], [], 0
    for person in each_person(known):
        kept = ~person.doubtful
        doubtful += int(person.doubtful.sum())
        if kept.any():
            sums.add(person.number, person.others[kept])
            left.append(person.nearest[kept])
            own.append(person.own[kept])
    if len(left) < 2:
        return None
    weights = np.concatenate([np.full(len(some), 1 / (len(some) * len(left))) for some in left])
    to_own = np.concatenate(own)
    return LeftOut(np.concatenate(left), weights, len(left), *sums.statistics(), to_own[np.isfinite(to_own)], doubtful)


def each_person(known: KnownFaces) -> Iterator[Person]:
    """Yield each person who has a known face, left out: all of the faces, or as many of each as there is time for."""
    for batch in _batches(known):
        numbers = known.classes[batch]
        others = known.similarities(known.vectors[batch])
        for number in np.unique(numbers):
            rows = np.flatnonzero(numbers == number)
            others[rows, number] = -np.inf
            own = np.array([known.to_own(int(place)) for place in batch[rows]])
            yield Person(int(number), others[rows], own)


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


class _Sums:
    """Adds up the similarities of every person to every other: the mean, and the mean square, of each pair."""

    def __init__(self, names: int) -> None:
        self._pairs, self._first, self._second = np.zeros(names), np.zeros(names), np.zeros(names)

    def add(self, number: int, similar: Similarities) -> None:
        there = np.isfinite(similar).all(axis=0)
        self._pairs += there
        self._first[there] += similar[:, there].mean(axis=0)
        self._second[there] += np.square(similar[:, there]).mean(axis=0)

    def statistics(self) -> tuple[Similarities, Similarities, float, float]:
        """Return the mean and the deviation of each person's, and those over all pairs."""
        there = self._pairs > 0
        pairs, first, second = self._pairs[there], self._first[there], self._second[there]
        means, mean = first / pairs, first.sum() / pairs.sum()
        return (
            means,
            np.sqrt(np.maximum(second / pairs - means**2, 0)),
            float(mean),
            float(np.sqrt(max(second.sum() / pairs.sum() - mean**2, 0))),
        )
