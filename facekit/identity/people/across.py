"""Faces filed under the wrong name, and names that are one person: compare every face with every person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from facekit.identity.embedders.metrics import squared_distances
from facekit.identity.people.clusters import SURE, apartness
from facekit.identity.people.evidence import Floats, Model, Vectors, chunks, combined, log_odds
from facekit.identity.people.within import Person

TWINS = 0.1
"""Squared distance of two names' centres, in squares of the threshold, below which they are one person.

Halves of one person's photos are nearer, from five photos each on; of the 60,000 pairs of people with two
photos and more that LFW's pairsDevTrain names, one is: Joseph and Sepp Blatter, who are one person.
"""

KIN = 0.2
"""Share of strangers in a folder that are expected to be people who have a folder of their own."""


HIGHEST = 300.0
"""Log odds beyond which nothing changes and numbers overflow."""

Places = NDArray[np.int64]


class Twins(NamedTuple):
    """Two names whose faces are one person, and how far their centres are apart in thresholds."""

    first: str
    second: str
    distance: float


@dataclass(frozen=True)
class Centres:
    """The looks of every name's person as one embedder sees them, and how many faces each is the mean of."""

    vectors: Vectors
    votes: Places
    labels: Places
    """Number of the label, row by row the same for every embedder."""
    model: Model


def centres(people: Mapping[int, Person], dimensions: Sequence[int], models: Sequence[Model]) -> list[Centres]:
    """Return the centres of all people from each embedder, by number of their label."""
    rows = [(look, number) for number, person in people.items() for look in person.looks]
    labels = np.array([number for _, number in rows], np.int64)
    found = []
    for at, (width, model) in enumerate(zip(dimensions, models, strict=True)):
        vectors = np.array([look[at].centre for look, _ in rows], np.float32).reshape(-1, width)
        found.append(Centres(vectors, np.array([look[at].votes for look, _ in rows], np.int64), labels, model))
    return found


class Elsewhere(NamedTuple):
    """How well some faces fit the people of all other names."""

    mean_odds: Floats
    """How many times likelier each face is for one of them, drawn at random, than for anyone."""
    best: Places
    """Number of the label that fits best; -1 where there is no other."""
    best_odds: Floats
    """Its odds, as a logarithm."""
    people: int
    """How many other people there are."""


def elsewhere(faces: Sequence[Vectors], own: int, known: Sequence[Centres]) -> Elsewhere:
    """Compare the faces of one name, from each embedder, with the people of all others."""
    count, labels = len(faces[0]), known[0].labels
    others = labels != own
    labels = labels[others]
    people = len(np.unique(labels))
    best, most = np.full(count, -1, np.int64), np.full(count, -np.inf)
    if not people:
        return Elsewhere(np.ones(count), best, most, 0)
    mean = np.empty(count)
    for part in chunks(count, len(labels)):
        found = [_odds(vectors[part], one, others) for vectors, one in zip(faces, known, strict=True)]
        odds = np.minimum(combined(found), HIGHEST)
        best[part], most[part] = labels[odds.argmax(1)], odds.max(1)
        mean[part] = np.exp(odds).sum(1) / people
    return Elsewhere(mean, best, most, people)


def _odds(faces: Vectors, known: Centres, others: NDArray[np.bool_]) -> Floats:
    votes = np.maximum(known.votes[others], 1)  # without a vote the centre is NaN, and so are the odds
    return log_odds(squared_distances(faces, known.vectors[others]), votes[None], known.model)


def twins(known: Centres, labels: Sequence[str]) -> list[Twins]:
    """Return the pairs of names that are one person, the nearest first."""
    found: dict[tuple[int, int], float] = {}
    for first, second, apart in _near(known):
        pair = (min(first, second), max(first, second))
        found[pair] = min(apart, found.get(pair, np.inf))
    made = [Twins(labels[a], labels[b], round(max(apart, 0.0) ** 0.5, 3)) for (a, b), apart in found.items()]
    return sorted(made, key=lambda pair: (pair.distance, pair.first, pair.second))


def _near(known: Centres) -> Iterator[tuple[int, int, float]]:
    able = np.flatnonzero(known.votes >= SURE)
    vectors, votes, labels = known.vectors[able], known.votes[able], known.labels[able]
    for part in chunks(len(able), len(able)):
        apart = apartness(vectors[part], votes[part], vectors, votes)
        for i, j in np.argwhere((apart < TWINS) & (labels[part, None] < labels[None])):
            yield int(labels[part][i]), int(labels[j]), float(apart[i, j])
