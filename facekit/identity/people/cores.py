"""The persons that a folder of faces holds: the largest heaps of vectors, found one after the other.

No matrix of all pairs is ever in memory, and a face that lies between two people joins neither chain them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from facekit.identity.people.evidence import Floats, Vectors, chunks, squared

Places = NDArray[np.int64]

BOUND = 0.9
"""Greatest mean squared distance of a face to the others of its heap, in squares of the threshold.

Of one person's faces 99 in 100 are within it once there are ten, of strangers 1 in 2,000.
"""

NEAR = 0.35
"""Squared distance of two centres below which two heaps in one folder are two looks of one person.

Of the pairs of people with two photos and more in LFW's pairsDevTrain, 1 in 1,000 is as near.
"""

SPREAD = 0.28
"""Mean squared distance of a face to its person's centre: by so much over their number centres are off."""

LEAST = 2
"""Faces that make a heap."""

SURE = 3
"""Faces that make a heap that can be a second look, or a folder's person."""

TRIES = 64
"""Most heaps looked for in a folder: of strangers every few are near one another by chance."""


@dataclass(frozen=True)
class Core:
    """A heap of faces that are one person: `members` are their positions, `votes` how many the centre is of."""

    centre: Vectors
    members: Places
    votes: int


def cores(points: Vectors) -> list[Core]:
    """Return the heaps of at least two points, the largest first; small beside the largest are left out."""
    free = np.ones(len(points), bool)
    near = _neighbours(points, points) - 1
    found: list[Core] = []
    for _ in range(TRIES):
        seed = int(np.argmax(np.where(free, near, -1))) if free.any() else -1
        most = max((core.votes for core in found), default=0)
        if seed < 0 or near[seed] + 1 < max(LEAST, most / 20):
            break
        members = _settled(points, free, seed)
        found += [_core(points, part) for part in _parted(points, members)]
        taken = np.union1d(members, [seed])
        free[taken] = False
        near[free] -= _neighbours(points[free], points[taken])
    return sorted(found, key=lambda core: (-core.votes, int(core.members[0])))


def looks(found: list[Core]) -> list[list[Core]]:
    """Put heaps that are looks of one person together; the person of most faces comes first."""
    if not found:
        return []
    centres = np.array([core.centre for core in found], np.float32)
    able = np.array([core.votes >= SURE for core in found], bool)
    apart = apartness(centres, np.array([core.votes for core in found]))
    linked = (apart < NEAR) & able[:, None] & able[None]
    numbers = connected_components(coo_array(linked), directed=False)[1]
    people: dict[int, list[Core]] = {}
    for core, number in zip(found, numbers, strict=True):
        people.setdefault(int(number), []).append(core)
    return sorted(people.values(), key=lambda person: -votes(person))


def votes(person: list[Core]) -> int:
    """Return the faces of all looks of a person."""
    return sum(core.votes for core in person)


def apartness(
    centres: Vectors,
    counts: Places,
    others: Vectors | None = None,
    other_counts: Places | None = None,
) -> Floats:
    """Return the squared distances of centres, less what few faces make them seem apart; may be below 0."""
    if others is None or other_counts is None:
        others, other_counts = centres, counts
    return np.asarray(squared(centres, others) - SPREAD / counts[:, None] - SPREAD / other_counts[None])


def _neighbours(points: Vectors, others: Vectors) -> Places:
    """Count for each point how many of the others are within the embedder's threshold."""
    counts = np.zeros(len(points), np.int64)
    for part in chunks(len(points), len(others)):
        counts[part] = (squared(points[part], others) <= 1).sum(1)
    return counts


def _core(points: Vectors, members: Places) -> Core:
    return Core(points[members].mean(0), members, len(members))


def _parted(points: Vectors, members: Places) -> Iterator[Places]:
    """Yield the parts of a heap that are people of their own: the mean of two who look alike is near both."""
    if len(members) < LEAST:
        return
    first = _halved(points[members])
    halves = members[first], members[~first]
    if min(map(len, halves)) < SURE or _between(*(_core(points, half) for half in halves)) < NEAR:
        yield members
        return
    for half in halves:
        yield from _parted(points, half)


def _between(a: Core, b: Core) -> float:
    return float(apartness(a.centre[None], np.array([a.votes]), b.centre[None], np.array([b.votes]))[0, 0])


def _halved(inside: Vectors) -> NDArray[np.bool_]:
    """Return which points are nearer to the first of two means, drawn apart from the longest axis on."""
    from_mean = inside - inside.mean(0)
    axis = from_mean[int(np.argmax(np.square(from_mean).sum(1)))]
    for _ in range(30):  # powers of the covariance turn any vector towards its longest axis
        axis = (from_mean @ axis) @ from_mean
        axis = axis / max(float(np.linalg.norm(axis)), 1e-12)
    first = np.asarray(from_mean @ axis > 0)
    for _ in range(30):
        if first.all() or not first.any():
            break
        means = np.stack([inside[first].mean(0), inside[~first].mean(0)])
        away = squared(inside, means)
        now = away[:, 0] < away[:, 1]
        if np.array_equal(now, first):
            break
        first = now
    return first


def _settled(points: Vectors, free: NDArray[np.bool_], seed: int) -> Places:
    """Return the heap around a point: who is near its mean, until that changes no more; empty where none is."""
    places = np.flatnonzero(free)
    inside = points[places]
    chosen = squared(inside, points[seed : seed + 1])[:, 0] <= 1
    for _ in range(30):
        count = int(chosen.sum())
        if count < LEAST:
            return places[:0]
        centre = inside[chosen].mean(0)[None]
        away = squared(inside, centre)[:, 0]
        # The mean squared distance to the others of the heap, itself not counted.
        to_others = (away + away[chosen].mean()) * np.where(chosen, count / (count - 1), 1.0)
        now = to_others <= BOUND
        if np.array_equal(now, chosen):
            break
        chosen = now
    return places[chosen] if chosen.sum() >= LEAST else places[:0]
