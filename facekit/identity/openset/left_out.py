"""Leave people out in turn: each is a stranger to the others, and shows how similar strangers can be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facekit.identity.embedders.metrics import Embeddings
from facekit.identity.openset.known import KnownFaces, Similarities

MOST = 20_000
"""Most faces that are left out, spread evenly over the people: more would cost hours and say no more."""

_DRAWN_ANEW = 1000
"""Names, and people left out, up to which each pair is kept: 16 MB. Of more, an interval follows from the faces."""


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
    sizes: NDArray[np.int64]
    """How many of the faces each person has, in order, shape (people,)."""
    pairs: Pairs | None = None
    """The same person by person, to draw the people anew; None of too many."""


@dataclass(frozen=True)
class Pairs:
    """How near each left-out person comes to each name: NaN to the person's own."""

    first: Similarities
    """Mean similarity, shape (people left out, names)."""
    second: Similarities
    """Mean square of the similarity, of the same shape."""


def leave_out(known: KnownFaces, strangers: Sequence[Embeddings] = ()) -> LeftOut | None:
    """Return what people left out in turn say; None where there are fewer than two of them.

    Each of the `strangers`, the embeddings of one person who is not known, counts like a person left out.
    """
    sums, left, own, doubtful = _Sums(known.names), [], [], 0
    for person in (*each_person(known), *_strangers(known, strangers)):
        kept = ~person.doubtful & np.isfinite(person.nearest)  # nobody is near where there is one person only
        doubtful += int(person.doubtful.sum())
        if kept.any():
            sums.add(person.number, person.others[kept])
            left.append(person.nearest[kept])
            own.append(person.own[kept])
    if len(left) < 2:
        return None
    weights = np.concatenate([np.full(len(some), 1 / (len(some) * len(left))) for some in left])
    to_own = np.concatenate(own)
    inside = to_own[np.isfinite(to_own)]
    return LeftOut(
        np.concatenate(left),
        weights,
        len(left),
        *sums.statistics(),
        inside,
        doubtful,
        np.array([*map(len, left)]),
        sums.pairs(),
    )


def statistics(
    pairs: NDArray[np.float64], first: Similarities, second: Similarities
) -> tuple[Similarities, Similarities, float, float]:
    """Return the mean and the deviation of each name's similarities, and those over all.

    `pairs` says how many people each name met, shape (names,); `first` and `second` are the sums over these people of
    the mean, and of the mean square, of their similarity. Names that met nobody are left out.
    """
    there = pairs > 0
    pairs, first, second = pairs[there], first[there], second[there]
    means, mean = first / pairs, first.sum() / pairs.sum()
    return (
        means,
        np.sqrt(np.maximum(second / pairs - means**2, 0)),
        float(mean),
        float(np.sqrt(max(second.sum() / pairs.sum() - mean**2, 0))),
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


class _Sums:
    """Adds up the similarities of every person to every other: the mean, and the mean square, of each pair."""

    def __init__(self, names: int) -> None:
        self._pairs, self._first, self._second = np.zeros(names), np.zeros(names), np.zeros(names)
        self._each: list[tuple[Similarities, Similarities]] = []

    def add(self, number: int, similar: Similarities) -> None:
        there = np.asarray(np.isfinite(similar).all(axis=0))
        first, second = similar[:, there].mean(axis=0), np.square(similar[:, there]).mean(axis=0)
        self._pairs += there
        self._first[there] += first
        self._second[there] += second
        if len(there) <= _DRAWN_ANEW and len(self._each) <= _DRAWN_ANEW:
            self._each.append((_spread(there, first), _spread(there, second)))

    def statistics(self) -> tuple[Similarities, Similarities, float, float]:
        """Return the mean and the deviation of each person's, and those over all pairs."""
        return statistics(self._pairs, self._first, self._second)

    def pairs(self) -> Pairs | None:
        """Return all that was added, person by person; None where that is too much."""
        if len(self._pairs) > _DRAWN_ANEW or not 0 < len(self._each) <= _DRAWN_ANEW:
            return None
        return Pairs(np.stack([one[0] for one in self._each]), np.stack([one[1] for one in self._each]))


def _spread(there: NDArray[np.bool_], values: Similarities) -> Similarities:
    found = np.full(len(there), np.nan)
    found[there] = values
    return found
