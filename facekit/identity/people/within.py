"""Who a folder of faces shows, and the probability that each face is that person.

The first embedder says who is with whom: it makes the clusters. Every embedder says how far a face is from them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from facekit.identity.embedders.metrics import squared_distances
from facekit.identity.people.clusters import SURE, Cluster, find_clusters, group_looks, votes
from facekit.identity.people.evidence import DLIB, Floats, Model, Vectors, combined, log_odds, plain_odds

Places = NDArray[np.int64]

RIVAL = 0.8
"""Share of the first person's photos from which a second makes it a guess whose folder it is."""

SHARE = 1 / 8
"""Least share of a folder's photos that show its person: of 100 strangers 5 are near one another by chance."""

RIGHT, WEIGHT = 0.8, 5.0
"""The share of right faces expected before looking, and how many faces that counts for."""

CLEANEST = 0.98
"""No folder is taken to hold more right faces: its one stranger would count as a bad picture of the person."""

LAPSE = 0.02
"""Share of faces whose vectors say nothing: half a face in the box, a pose that no network knows.

Of 250 right faces in raw search results two look like nobody, as often as not by every embedder. So no face is
rejected at less than about 1%.
"""

DOUBTFUL = 0.4
"""Greatest probability of a face in a cluster that is not the person's: a relative, or the person ten years ago."""

COLLAGE = 0.05
"""How much of its weight a photo that shows the person twice keeps: search results hold collages."""

KNOWN = 3.0
"""Log odds from which a face is added to the known pictures of its person."""


Look = tuple[Cluster, ...]
"""One look of a person: the cluster as each embedder sees it. `members` are the same, `votes` those with a vector."""


@dataclass(frozen=True)
class Person:
    """The person whose folder it is: the clusters of faces that show them, one for each look."""

    looks: list[Look]
    from_references: bool = False
    """Known pictures decided who it is."""


@dataclass(frozen=True)
class View:
    """What one embedder sees of a name: a vector a face, a vector a photo (the mean of its faces), NaN where none."""

    faces: Vectors
    points: Vectors
    model: Model = DLIB


@dataclass(frozen=True)
class Folder:
    """Who is in the folder of one name: `person` is None where nobody is clearly the one it is of."""

    person: Person | None
    counts: list[int] = field(default_factory=list)
    """Photos of each person that has two or more, the folder's own first, then the largest."""
    others: Sequence[Places] = ()
    """Photos of each cluster that is not the person's."""


def find(
    views: Sequence[View], known: Sequence[Vectors] | None = None, confirmed: Sequence[Vectors] | None = None
) -> Folder:
    """Return whose folder it is, as it seems to one embedder or more.

    `known` are embeddings of reference pictures, which decide; `confirmed` decide where nobody is clear without them.
    """
    points, first = [view.points for view in views], views[0].points
    found = group_looks(find_clusters(first))
    counts = [votes(person) for person in found]
    if known is None and confirmed is not None and len(confirmed[0]) and not _is_clear(counts, len(first)):
        known = confirmed
    if known is not None:
        person = Person([_grown(views, look) for look in _looks_of(known)], from_references=True)
        own = {int(place) for look in person.looks for place in look[0].members}
        rest = [(them, n) for them, n in zip(found, counts, strict=True) if own.isdisjoint(them[0].members.tolist())]
        return Folder(person, [len(own), *(n for _, n in rest)], _members([them for them, _ in rest]))
    if not _is_clear(counts, len(first)):
        return Folder(None, counts)
    return Folder(Person([_seen(points, look) for look in found[0]]), counts, _members(found[1:]))


def _members(people: Iterable[list[Cluster]]) -> list[Places]:
    return [cluster.members for person in people for cluster in person if cluster.votes >= SURE]


def _seen(points: Sequence[Vectors], first: Cluster) -> Look:
    """Return a cluster that the first embedder made as every embedder sees it."""
    return (first, *(_centre(vectors[first.members], first) for vectors in points[1:]))


def _centre(vectors: Vectors, cluster: Cluster) -> Cluster:
    """Return the cluster around the vectors that there are; NaN where there is none."""
    there = vectors[np.isfinite(vectors).all(1)]
    centre = there.mean(0) if len(there) else np.full(vectors.shape[1], np.nan, np.float32)
    return replace(cluster, centre=np.asarray(centre, np.float32), votes=len(there))


def _is_clear(counts: list[int], photos: int) -> bool:
    """Whether the first person is seen often enough, and clearly more often than any other."""
    first, second = [*counts, 0, 0][:2]
    return first >= max(SURE, SHARE * photos) and second <= RIVAL * first


def evidence(views: Sequence[View], point_of: Places, folder: Folder) -> Floats:
    """Return the log odds of each face for the nearest look of the folder's person, its own photo not among it.

    `point_of` says which of the points is each face's photo: repeats of a photo share one. The faces of another
    cluster are one person, too: where they are on average nearer than one of them alone, that holds for it. So the
    photos of ten years ago are right, doubtful or wrong together.
    """
    assert folder.person is not None
    odds = np.max([_against_look(views, point_of, look) for look in folder.person.looks], axis=0)
    for members in folder.others:
        inside = np.isin(point_of, members)
        odds[inside] = np.maximum(odds[inside], odds[inside].mean())
    return np.asarray(odds)


def doubted(found: Floats, point_of: Places, folder: Folder) -> Floats:
    """Return the probabilities, where nobody can be sure as far as clusters go that are not the person's."""
    apart = np.isin(point_of, np.concatenate([np.zeros(0, np.int64), *folder.others]))
    return np.where(apart, np.minimum(found, DOUBTFUL), found)


def _against_look(views: Sequence[View], point_of: Places, look: Look) -> Floats:
    pairs = zip(views, look, strict=True)
    return combined([_against(view, point_of, cluster) for view, cluster in pairs])


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
    return LAPSE * share + (1 - LAPSE) * now, share


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


def unbounded(view: View, point_of: Places, folder: Folder) -> Floats:
    """Return the log odds of each face by one embedder, before calibration; what the calibration is fitted to."""
    assert folder.person is not None
    first = [look[0] for look in folder.person.looks]
    return np.asarray(np.max([_against(view, point_of, look, plain_odds) for look in first], axis=0))


def _against(view: View, point_of: Places, look: Cluster, odds: Callable[..., Floats] = log_odds) -> Floats:
    if not look.votes:
        return np.full(len(view.faces), np.nan)
    away = squared_distances(view.faces, look.centre[None])[:, 0]
    found = odds(away, look.votes, view.model)
    # A face must not count for itself: its photo is taken out of the mean first.
    inside = np.isin(point_of, look.members) & np.isfinite(view.points[point_of]).all(1)
    if look.votes == 1 or not inside.any():
        return found
    rest = (look.votes * look.centre - view.points[point_of[inside]]) / (look.votes - 1)
    found[inside] = odds(np.square(view.faces[inside] - rest).sum(1), look.votes - 1, view.model)
    return found


def _looks_of(known: Sequence[Vectors]) -> list[tuple[Vectors, ...]]:
    """Return the looks of reference pictures, the vectors of each: one that resembles no other is a look of its own."""
    clusters = find_clusters(known[0])
    members = [cluster.members for cluster in clusters]
    alone = sorted(set(range(len(known[0]))) - {int(place) for inside in members for place in inside})
    looks = [*members, *(np.array([place], np.int64) for place in alone)]
    return [tuple(vectors[inside] for vectors in known) for inside in looks]


def _grown(views: Sequence[View], known: tuple[Vectors, ...]) -> Look:
    """Return a look extended by the folder's faces that clearly match it, so that few references suffice."""
    points, grown = views[0].points, Cluster(known[0].mean(0), np.zeros(0, np.int64), len(known[0]))
    for _ in range(3):
        if not len(points):
            break
        away = squared_distances(points, grown.centre[None])[:, 0]
        sure = np.flatnonzero(log_odds(away, grown.votes, views[0].model) >= KNOWN)
        centre = np.concatenate([known[0], points[sure]]).mean(0)
        grown = Cluster(np.asarray(centre, np.float32), sure, len(known[0]) + len(sure))
    both = [np.concatenate([own, view.points[grown.members]]) for own, view in zip(known[1:], views[1:], strict=True)]
    return (grown, *(_centre(vectors, grown) for vectors in both))
