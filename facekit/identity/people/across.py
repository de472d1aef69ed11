"""Faces of a person who has another name, and two names that are one person: every face against every person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from facekit.identity.embedders.metrics import squared_distances
from facekit.identity.people.clusters import SURE, apartness
from facekit.identity.people.evidence import Floats, Vectors, chunks, log_odds
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


class Centres(NamedTuple):
    """The looks of every name's person: row by row, whose it is and how many faces it is the mean of."""

    vectors: Vectors
    votes: Places
    labels: Places
    """Number of the label."""


def centres(people: Mapping[int, Person], dimensions: int) -> Centres:
    """Return the centres of all people, by number of their label."""
    rows = [(look, number) for number, person in people.items() for look in person.looks]
    vectors = np.array([look.centre for look, _ in rows], np.float32).reshape(-1, dimensions)
    votes, numbers = [look.votes for look, _ in rows], [number for _, number in rows]
    return Centres(vectors, np.array(votes, np.int64), np.array(numbers, np.int64))


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


def elsewhere(faces: Vectors, own: int, known: Centres) -> Elsewhere:
    """Compare the faces of one name with the people of all others."""
    others = known.labels != own
    vectors, votes, labels = known.vectors[others], known.votes[others], known.labels[others]
    people = len(np.unique(labels))
    best, most = np.full(len(faces), -1, np.int64), np.full(len(faces), -np.inf)
    if not people:
        return Elsewhere(np.ones(len(faces)), best, most, 0)
    mean = np.empty(len(faces))
    for part in chunks(len(faces), len(vectors)):
        odds = np.minimum(log_odds(squared_distances(faces[part], vectors), votes[None]), HIGHEST)
        best[part], most[part] = labels[odds.argmax(1)], odds.max(1)
        mean[part] = np.exp(odds).sum(1) / people
    return Elsewhere(mean, best, most, people)


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
