"""Pairs drawn of pictures whose people are known, for scoring an embedder without a list of pairs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facekit.base.contract import FacekitError, Record
from facekit.identity.embedders.metrics import Embeddings, Metric, unit

MOST = 3000
"""Pairs of one person, and as many of two: enough for the share found at 0.1% of false matches."""

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class DrawnPairs:
    """Pairs of pictures, by their places, and whether each shows one person."""

    first: Rows
    second: Rows
    same: NDArray[np.bool_]

    @classmethod
    def of(cls, people: Sequence[str], seed: int, most: int = MOST) -> DrawnPairs:
        """Draw pairs of one person and as many of two, evenly over people, by the seed.

        `people` is who is on each picture. Raises FacekitError where there are no pairs of either kind.
        """
        own: dict[str, list[int]] = defaultdict(list)
        for place, person in enumerate(people):
            own[person].append(place)
        rng = np.random.default_rng([seed, len(people)])
        same = _of_one(list(own.values()), rng, most)
        if not same or len(own) < 2:
            raise FacekitError(
                "pairs of one person and of two are needed to score an embedder; give two people or more, one of them "
                "with two pictures"
            )
        two = _of_two(list(own.values()), rng, len(same))
        both = np.array([*same, *two], np.int64)
        return cls(both[:, 0], both[:, 1], np.arange(len(both)) < len(same))

    def distances(self, vectors: Embeddings, metric: Metric) -> NDArray[np.float64]:
        """Return how far apart the pictures of each pair are; NaN where one has no embedding."""
        wide = vectors.astype(np.float64)
        if metric == "cosine":
            wide = unit(wide)
            return np.asarray(1 - (wide[self.first] * wide[self.second]).sum(1))
        return np.asarray(np.linalg.norm(wide[self.first] - wide[self.second], axis=1))


def comparable_photos(records: Sequence[Record]) -> list[Record]:
    """Return photos as found, one of each group: two pictures of one photo are no pair of one person."""
    first: dict[tuple[str, str], Record] = {}
    for record in sorted(records, key=lambda one: one.id):
        if record.synthetic is None:
            first.setdefault((record.label, record.origin), record)
    return list(first.values())


def _of_one(own: Sequence[Sequence[int]], rng: np.random.Generator, most: int) -> list[tuple[int, int]]:
    """Return pairs of one person: of each an even share, and what others lack from those with more."""
    drawn = []
    for places in own:
        pairs = [(a, b) for number, a in enumerate(places) for b in places[number + 1 :]]
        drawn.append([pairs[place] for place in rng.permutation(len(pairs))])
    turns = sorted((turn, number) for number, pairs in enumerate(drawn) for turn in range(len(pairs)))
    return [drawn[number][turn] for turn, number in turns[:most]]


def _of_two(own: Sequence[Sequence[int]], rng: np.random.Generator, count: int) -> list[tuple[int, int]]:
    """Return so many different pairs of two people, or all where there are fewer."""
    total = sum(map(len, own))
    there = (total**2 - sum(len(places) ** 2 for places in own)) // 2
    if there <= 2 * count:
        every = [
            (a, b) for number, some in enumerate(own) for others in own[number + 1 :] for a in some for b in others
        ]
        return [every[place] for place in rng.permutation(len(every))[:count]]
    found: dict[tuple[int, int], None] = {}
    while len(found) < count:
        one, other = sorted(rng.choice(len(own), 2, replace=False).tolist())
        a, b = (some[int(rng.integers(len(some)))] for some in (own[one], own[other]))
        found[a, b] = None
    return list(found)
