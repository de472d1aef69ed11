"""The judgement of a whole tree: first within every name, then of all names against one another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from facekit.dataset.groups import components
from facekit.identity.people.across import KIN, Elsewhere, Twins, centres, elsewhere, twins
from facekit.identity.people.evidence import Floats, Vectors
from facekit.identity.people.within import Folder, Places, evidence, find, probabilities

PERSON = "person"
"""The quality of a kept face that holds the probability."""


@dataclass(frozen=True)
class Named:
    """What is known of one name."""

    folder: Folder
    faces: int
    """Faces that have an embedding."""
    right: float | None = None
    """The share of them that seem right; None where it is not known whose folder it is."""


@dataclass(frozen=True)
class Judged:
    """What is known of each face, in the order given, and of each name."""

    probability: list[float | None]
    """That the face is the person its folder is of; None where it has no embedding, or nobody clearly is."""
    like: list[str | None]
    """The other name whose person the face more probably is than not."""
    names: dict[str, Named] = field(default_factory=dict)
    twins: list[Twins] = field(default_factory=list)


@dataclass(frozen=True)
class _Name:
    """A name's faces that have vectors: their places in the whole, the photo of each, one vector a photo."""

    places: Places
    point_of: Places
    points: Vectors


def judge(
    vectors: Vectors,
    labels: Sequence[str],
    repeats: Iterable[tuple[int, int]] = (),
    photos: Sequence[str | None] = (),
    known: Mapping[str, Vectors] | None = None,
    confirmed: Sequence[bool] = (),
) -> Judged:
    """Return how probable it is for each face to be the person that its folder is of.

    `vectors` are scaled embeddings (see `scaled`), a row of NaN for a face that has none. `repeats` are pairs of places
    that show one photo, which votes once. Faces of one label with one value in `photos` are in one photo,
    so at most one of them is right, except in a collage. `known` are scaled embeddings of reference pictures by label:
    they decide. Faces that a person has `confirmed` decide where nobody is clear without them.
    """
    known, given = known or {}, set(labels)
    order = sorted(given | known.keys())
    number = {label: n for n, label in enumerate(order)}
    own = np.array([number[label] for label in labels], np.int64)
    names = _names(vectors, own, len(order), repeats)
    sure = np.array(confirmed, bool) if len(confirmed) else np.zeros(len(labels), bool)
    folders = {
        n: find(name.points, known.get(order[n]), vectors[name.places[sure[name.places]]]) for n, name in names.items()
    }
    people = {n: folder.person for n, folder in folders.items() if folder.person is not None}
    everyone = centres(people, vectors.shape[1])
    judged = Judged([None] * len(labels), [None] * len(labels), {}, twins(everyone, order))
    for n, name in names.items():
        others = elsewhere(vectors[name.places], n, everyone)
        odds = None
        if n in people:
            odds = evidence(vectors[name.places], name.point_of, name.points, people[n])
        right = _note(judged, name, odds, others, _sole(name, photos), order)
        if order[n] in given:
            judged.names[order[n]] = Named(folders[n], len(name.places), right)
    return judged


def _note(
    judged: Judged, name: _Name, odds: Floats | None, others: Elsewhere, sole: list[Places], order: list[str]
) -> float | None:
    """Record what is known of a name's faces; return the share that seem right."""
    stranger = np.log(1 - KIN + KIN * others.mean_odds)
    right, found = None, None
    if odds is not None:
        found, right = probabilities(odds - stranger, sole)
        for place, value in zip(name.places, found, strict=True):
            judged.probability[place] = round(float(value), 4)
    wrong = np.ones(len(name.places)) if found is None else 1 - found
    share = wrong * KIN * np.exp(others.best_odds - stranger) / max(1, others.people)
    for place, value, best in zip(name.places, share, others.best, strict=True):
        if value > 0.5:
            judged.like[place] = order[best]
    return right


def _names(vectors: Vectors, own: Places, people: int, repeats: Iterable[tuple[int, int]]) -> dict[int, _Name]:
    """Split the faces by name, and average those of one photo to a point."""
    photo = components(len(own), [(a, b) for a, b in repeats if own[a] == own[b]])
    there = np.isfinite(vectors.sum(1))
    by_name = np.argsort(own, kind="stable")
    bounds = np.searchsorted(own[by_name], np.arange(people + 1))
    inside = [by_name[bounds[n] : bounds[n + 1]] for n in range(people)]
    return {n: _gathered(vectors, places[there[places]], photo) for n, places in enumerate(inside)}


def _gathered(vectors: Vectors, places: Places, photo: Places) -> _Name:
    _, point_of, counts = np.unique(photo[places], return_inverse=True, return_counts=True)
    points = np.zeros((len(counts), vectors.shape[1]), np.float32)
    np.add.at(points, point_of, vectors[places])
    return _Name(places, point_of, np.asarray(points / counts[:, None], np.float32))


def _sole(name: _Name, photos: Sequence[str | None]) -> list[Places]:
    """Return the sets of a name's faces that are in one photo, repeats not counted."""
    sets: dict[str, list[int]] = defaultdict(list)
    for row, place in enumerate(name.places):
        photo = photos[place] if photos else None
        if photo is not None:
            sets[photo].append(row)
    return [np.array(rows) for rows in sets.values() if len({int(name.point_of[row]) for row in rows}) == len(rows) > 1]
