"""Which people of a gallery are most easily confused, and which faces are nearer to somebody else."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facekit.identity.gallery.search import People
from facekit.identity.openset.left_out import each_person


@dataclass(frozen=True)
class Couple:
    """Two people, and how near the nearest face of one comes to the other."""

    first: str
    second: str
    similarity: float


@dataclass(frozen=True)
class Confusion:
    """What is easily confused."""

    pairs: list[Couple]
    """Nearest first."""
    doubtful: NDArray[np.int64]
    """The slots of the faces that are nearer to another person than to their own."""


def confusion(people: People, most: int) -> Confusion:
    """Return the pairs of people who come nearest to each other, at most so many, and doubtful faces."""
    best: dict[tuple[int, int], float] = {}
    doubtful: list[int] = []
    slots = people.slots_by_person()
    for person in each_person(people.known()):
        similar = person.others.max(axis=0)
        for other in np.argsort(-similar)[:most].tolist():
            if np.isfinite(similar[other]):
                pair = (min(person.number, other), max(person.number, other))
                best[pair] = max(best.get(pair, -np.inf), float(similar[other]))
        doubtful += slots[person.places[person.doubtful]].tolist()
    names = people.names
    order = sorted(best.items(), key=lambda item: (-item[1], item[0]))[:most]
    pairs = [Couple(names[first], names[second], value) for (first, second), value in order]
    return Confusion(pairs, np.array(doubtful, np.int64))
