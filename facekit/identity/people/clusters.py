"""The people in a folder of faces: the largest clusters of embeddings, found one after the other.

No matrix of all pairs is ever in memory, and a face that lies between two people does not chain them together.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from facekit.identity.embedders.metrics import squared_distances
from facekit.identity.people.evidence import Floats, Vectors, chunks

Places = NDArray[np.int64]

BOUND = 0.9
"""Greatest mean squared distance of a face to the others of its cluster, in squares of the threshold.

Of one person's faces 99 in 100 are within it once there are ten, of strangers 1 in 2,000.
"""

NEAR = 0.35
"""Squared distance of two centres below which two clusters in one folder are two looks of one person.

Of the pairs of people with two photos and more in LFW's pairsDevTrain, 1 in 1,000 is as near.
"""

SPREAD = 0.28
"""Mean squared distance of a face to its person's centre: divided by their number, the error of a centre."""

LEAST = 2
"""Faces that make a cluster."""

SURE = 3
"""Faces in a cluster that can be a second look, or a folder's person."""

TRIES = 64
"""Most clusters searched for in a folder: of strangers every few are near one another by chance."""


@dataclass(frozen=True)
class Cluster:
    """Faces that are one person: `members` are their positions, `votes` how many faces the centre is the mean of."""

    centre: Vectors
    members: Places
    votes: int


def find_clusters(points: Vectors) -> list[Cluster]:
    """Return the clusters of at least two points, the largest first; those small beside the largest are left out."""
    free = np.ones(len(points), bool)
    near = _neighbours(points, points) - 1
    clusters: list[Cluster] = []
    for _ in range(TRIES):
        seed = int(np.argmax(np.where(free, near, -1))) if free.any() else -1
        most = max((cluster.votes for cluster in clusters), default=0)
        if seed < 0 or near[seed] + 1 < max(LEAST, most / 20):
            break
        members = _grow(points, free, seed)
        clusters += [_cluster(points, part) for part in _split(points, members)]
        taken = np.union1d(members, [seed])
        free[taken] = False
        near[free] -= _neighbours(points[free], points[taken])
    return sorted(clusters, key=lambda cluster: (-cluster.votes, int(cluster.members[0])))


def group_looks(clusters: list[Cluster]) -> list[list[Cluster]]:
    """Put clusters that are looks of one person together; the person of most faces comes first."""
    if not clusters:
        return []
    centres = np.array([cluster.centre for cluster in clusters], np.float32)
    able = np.array([cluster.votes >= SURE for cluster in clusters], bool)
    apart = apartness(centres, np.array([cluster.votes for cluster in clusters]))
    linked = (apart < NEAR) & able[:, None] & able[None]
    numbers = scipy.sparse.csgraph.connected_components(scipy.sparse.coo_array(linked), directed=False)[1]
    people: dict[int, list[Cluster]] = {}
    for cluster, number in zip(clusters, numbers, strict=True):
        people.setdefault(int(number), []).append(cluster)
    return sorted(people.values(), key=lambda person: -votes(person))


def votes(person: list[Cluster]) -> int:
    """Return the faces of all looks of a person."""
    return sum(cluster.votes for cluster in person)


def apartness(
    centres: Vectors,
    counts: Places,
    others: Vectors | None = None,
    other_counts: Places | None = None,
) -> Floats:
    """Return the squared distances of centres, less what the error of the centres adds; may be below 0."""
    if others is None or other_counts is None:
        others, other_counts = centres, counts
    return np.asarray(squared_distances(centres, others) - SPREAD / counts[:, None] - SPREAD / other_counts[None])


def _neighbours(points: Vectors, others: Vectors) -> Places:
    """Count for each point how many of the others are within the embedder's threshold."""
    counts = np.zeros(len(points), np.int64)
    for part in chunks(len(points), len(others)):
        counts[part] = (squared_distances(points[part], others) <= 1).sum(1)
    return counts


def _cluster(points: Vectors, members: Places) -> Cluster:
    return Cluster(points[members].mean(0), members, len(members))


def _split(points: Vectors, members: Places) -> Iterator[Places]:
    """Yield the parts of a cluster that are different people: the mean of two who look alike is near both."""
    if len(members) < LEAST:
        return
    first = _halved(points[members])
    halves = members[first], members[~first]
    if min(map(len, halves)) < SURE or _between(*(_cluster(points, half) for half in halves)) < NEAR:
        yield members
        return
    for half in halves:
        yield from _split(points, half)


def _between(a: Cluster, b: Cluster) -> float:
    return float(apartness(a.centre[None], np.array([a.votes]), b.centre[None], np.array([b.votes]))[0, 0])


def _halved(inside: Vectors) -> NDArray[np.bool_]:
    """Return which points belong to the first of two means (k-means), started on both sides of the longest axis."""
    from_mean = inside - inside.mean(0)
    axis = from_mean[int(np.argmax(np.square(from_mean).sum(1)))]
    for _ in range(30):  # powers of the covariance turn any vector towards its longest axis
        axis = (from_mean @ axis) @ from_mean
        axis = axis / max(float(np.linalg.norm(axis)), 1e-12)
    first = np.asarray(from_mean @ axis > 0)
    if first.all() or not first.any():  # all points are one
        return first
    means = np.stack([inside[first].mean(0), inside[~first].mean(0)])
    return np.asarray(scipy.cluster.vq.kmeans2(inside, means, iter=30, minit="matrix")[1] == 0)


def _grow(points: Vectors, free: NDArray[np.bool_], seed: int) -> Places:
    """Return the cluster around a point: who is near its mean, until that no longer changes; empty where none is."""
    places = np.flatnonzero(free)
    inside = points[places]
    chosen = squared_distances(inside, points[seed : seed + 1])[:, 0] <= 1
    for _ in range(30):
        count = int(chosen.sum())
        if count < LEAST:
            return places[:0]
        centre = inside[chosen].mean(0)[None]
        away = squared_distances(inside, centre)[:, 0]
        # The mean squared distance to the others of the cluster, itself not counted.
        to_others = (away + away[chosen].mean()) * np.where(chosen, count / (count - 1), 1.0)
        now = to_others <= BOUND
        if np.array_equal(now, chosen):
            break
        chosen = now
    return places[chosen] if chosen.sum() >= LEAST else places[:0]
