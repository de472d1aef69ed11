"""Who a folder of faces is of, and how probably each face is that person."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from facekit.identity.embedders.metrics import squared_distances
from facekit.identity.people.clusters import SURE, Cluster, find_clusters, group_looks, votes
from facekit.identity.people.evidence import Floats, Vectors, log_odds

Places = NDArray[np.int64]

RIVAL = 0.8
"""Share of the first person's photos from which a second makes it a guess whose folder it is."""

SHARE = 1 / 8
"""Least share of a folder's photos that show its person: of 100 strangers 5 are near one another by chance."""

RIGHT, WEIGHT = 0.8, 5.0
"""The share of right faces expected before looking, and how many faces that counts for."""

CLEANEST = 0.98
"""No folder is taken to hold more right faces: its one stranger would count as a bad picture of the person."""

COLLAGE = 0.05
"""How much of its weight a photo that shows the person twice keeps: search results hold collages."""

KNOWN = 3.0
"""Log odds from which a face is added to the known pictures of its person."""


@dataclass(frozen=True)
class Person:
    """The person whose folder it is: the clusters of faces that show them, one for each look."""

    looks: list[Cluster]
    from_references: bool = False
    """Known pictures decided who it is."""


@dataclass(frozen=True)
class Folder:
    """Who is in the folder of one name: `person` is None where nobody is clearly the one it is of."""

    person: Person | None
    counts: list[int] = field(default_factory=list)
    """Photos of each person that has two or more, the folder's own first, then the largest."""


def find(points: Vectors, known: Vectors | None = None, confirmed: Vectors | None = None) -> Folder:
    """Return whose folder it is. `points` are a vector a photo.

    `known` are embeddings of reference pictures, which decide; `confirmed` decide where nobody is clear without them.
    """
    found = group_looks(find_clusters(points))
    counts = [votes(person) for person in found]
    if known is None and confirmed is not None and len(confirmed) and not _is_clear(counts, len(points)):
        known = confirmed
    if known is not None:
        person = Person([_grown(points, look) for look in _looks_of(known)], from_references=True)
        own = {int(place) for look in person.looks for place in look.members}
        others = [n for clusters, n in zip(found, counts, strict=True) if own.isdisjoint(clusters[0].members.tolist())]
        return Folder(person, [len(own), *others])
    return Folder(Person(found[0]) if _is_clear(counts, len(points)) else None, counts)


def _is_clear(counts: list[int], photos: int) -> bool:
    """Whether the first person is seen often enough, and clearly more often than any other."""
    first, second = [*counts, 0, 0][:2]
    return first >= max(SURE, SHARE * photos) and second <= RIVAL * first


def evidence(faces: Vectors, point_of: Places, points: Vectors, person: Person) -> Floats:
    """Return the log odds of each face for the nearest look of the person, its own photo not among it.

    `point_of` says which of the points is each face's photo: repeats of a photo share one.
    """
    return np.asarray(np.max([_against(faces, point_of, points, look) for look in person.looks], axis=0))


def probabilities(odds: Floats, sole: Iterable[Places] = ()) -> tuple[Floats, float]:
    """Turn log odds into probabilities; return them with the share of right faces that they say there is.

    That share decides what a medium distance means, so it is estimated from the folder itself (Saerens 2002).
    `sole` are places of which at most one is right, except in a collage: faces in one photo.
    """
    share = RIGHT
    sets = list(sole)
    for _ in range(100):
        now = _posterior(odds, share, sets)
        again = min(CLEANEST, float((now.sum() + RIGHT * WEIGHT) / (len(now) + WEIGHT)))
        if abs(again - share) < 1e-6:
            break
        share = again
    return now, share


def _posterior(odds: Floats, share: float, sets: list[Places]) -> Floats:
    found = 1 / (1 + np.exp(-np.clip(odds + np.log(share / (1 - share)), -60, 60)))
    for places in sets:
        found[places] = _in_one_photo(found[places])
    return np.asarray(found)


def _in_one_photo(found: Floats) -> Floats:
    """Return the probabilities of faces in one photo: one of them is right, or more where it is a collage."""
    # Of all sets of right faces those of two and more weigh COLLAGE of what they would if faces were apart.
    ratios = found / np.maximum(1 - found, 1e-26)
    none = float(np.exp(-np.log1p(ratios).sum()))
    one = (1 - COLLAGE) * none
    return np.asarray((one * ratios + COLLAGE * found) / (one * (1 + ratios.sum()) + COLLAGE))


def _against(faces: Vectors, point_of: Places, points: Vectors, look: Cluster) -> Floats:
    away = squared_distances(faces, look.centre[None])[:, 0]
    found = log_odds(away, look.votes)
    inside = np.isin(point_of, look.members)
    if look.votes == 1 or not inside.any():
        return found
    # A face must not count for itself: its photo is taken out of the mean first.
    rest = (look.votes * look.centre - points[point_of[inside]]) / (look.votes - 1)
    found[inside] = log_odds(np.square(faces[inside] - rest).sum(1), look.votes - 1)
    return found


def _looks_of(known: Vectors) -> list[Cluster]:
    """Return the looks of reference pictures: each counts, also one that resembles no other."""
    clusters = find_clusters(known)
    alone = sorted(set(range(len(known))) - {int(place) for cluster in clusters for place in cluster.members})
    none = np.zeros(0, np.int64)
    return [Cluster(h.centre, none, h.votes) for h in clusters] + [Cluster(known[place], none, 1) for place in alone]


def _grown(points: Vectors, look: Cluster) -> Cluster:
    """Return a look extended by the folder's faces that clearly match it, so that few references suffice."""
    grown = look
    for _ in range(3):
        if not len(points):
            break
        sure = np.flatnonzero(log_odds(squared_distances(points, grown.centre[None])[:, 0], grown.votes) >= KNOWN)
        total = look.votes + len(sure)
        centre = (look.centre * look.votes + points[sure].sum(0)) / total
        grown = Cluster(np.asarray(centre, np.float32), sure, total)
    return grown
