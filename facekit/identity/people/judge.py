"""Judge a whole tree: first within each name, then across all names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from facekit.dataset.groups import components
from facekit.identity.people.across import KIN, Elsewhere, Twins, centres, elsewhere, twins
from facekit.identity.people.evidence import DLIB, Floats, Model, Vectors
from facekit.identity.people.within import Folder, Places, View, doubted, evidence, find, probabilities

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
class Embedded:
    """What one embedder makes of the faces: scaled embeddings (see `scaled`), a row of NaN for a face that has none."""

    vectors: Vectors
    model: Model = DLIB
    known: Mapping[str, Vectors] = field(default_factory=dict)
    """Those of reference pictures, by label: they decide. Of a label the same pictures from every embedder."""


@dataclass(frozen=True)
class OfName:
    """A name's faces that have vectors: their places in the whole, the photo of each, and what is seen of them."""

    places: Places
    point_of: Places
    views: list[View]


def judge(
    faces: Sequence[Embedded],
    labels: Sequence[str],
    repeats: Iterable[tuple[int, int]] = (),
    photos: Sequence[str | None] = (),
    confirmed: Sequence[bool] = (),
) -> Judged:
    """Return how probable it is for each face to be the person that its folder is of.

    `faces` are what one embedder or more make of the same faces; only those that the first one has a vector of are
    judged. `repeats` are pairs of places that show one photo, which votes once. Faces of one label with one value in
    `photos` are in one photo, so at most one of them is right, except in a collage. Faces that a person has
    `confirmed` decide where nobody is clear without them.
    """
    given, known = set(labels), faces[0].known
    order = sorted(given | known.keys())
    number = {label: n for n, label in enumerate(order)}
    own = np.array([number[label] for label in labels], np.int64)
    names = _names(faces, own, len(order), repeats)
    sure = np.array(confirmed, bool) if len(confirmed) else np.zeros(len(labels), bool)
    folders = {n: _folder(name, faces, order[n], sure) for n, name in names.items()}
    people = {n: folder.person for n, folder in folders.items() if folder.person is not None}
    everyone = centres(people, [one.vectors.shape[1] for one in faces], [one.model for one in faces])
    judged = Judged([None] * len(labels), [None] * len(labels), {}, twins(everyone[0], order))
    for n, name in names.items():
        others = elsewhere([view.faces for view in name.views], n, everyone)
        odds = evidence(name.views, name.point_of, folders[n]) if n in people else None
        right = _note(judged, name, folders[n], odds, others, _sole(name, photos), order)
        if order[n] in given:
            judged.names[order[n]] = Named(folders[n], len(name.places), right)
    return judged


def split_by_name(faces: Sequence[Embedded], labels: Sequence[str]) -> dict[str, OfName]:
    """Split faces of which none is a repeat by their names."""
    order = sorted(set(labels))
    own = np.array([order.index(label) for label in labels], np.int64)
    return {order[n]: one for n, one in _names(faces, own, len(order), ()).items()}


def _folder(name: OfName, faces: Sequence[Embedded], label: str, sure: NDArray[np.bool_]) -> Folder:
    """Return whose folder it is: known pictures decide, else the crowd, else the faces that a person confirmed."""
    known = [one.known[label] for one in faces] if label in faces[0].known else None
    return find(name.views, known, [view.faces[sure[name.places]] for view in name.views])


def _note(
    judged: Judged,
    name: OfName,
    folder: Folder,
    odds: Floats | None,
    others: Elsewhere,
    sole: list[Places],
    order: list[str],
) -> float | None:
    """Record what is known of a name's faces; return the share that seem right."""
    stranger = np.log(1 - KIN + KIN * others.mean_odds)
    right, found = None, None
    if odds is not None:
        found, right = probabilities(odds - stranger, sole)
        found = doubted(found, name.point_of, folder)
        for place, value in zip(name.places, found, strict=True):
            judged.probability[place] = round(float(value), 4)
    wrong = np.ones(len(name.places)) if found is None else 1 - found
    share = wrong * KIN * np.exp(others.best_odds - stranger) / max(1, others.people)
    for place, value, best in zip(name.places, share, others.best, strict=True):
        if value > 0.5:
            judged.like[place] = order[best]
    return right


def _names(
    faces: Sequence[Embedded], own: Places, people: int, repeats: Iterable[tuple[int, int]]
) -> dict[int, OfName]:
    """Split the faces by name, and average those of one photo to a point."""
    photo = components(len(own), [(a, b) for a, b in repeats if own[a] == own[b]])
    there = np.isfinite(faces[0].vectors.sum(1))
    by_name = np.argsort(own, kind="stable")
    bounds = np.searchsorted(own[by_name], np.arange(people + 1))
    inside = [by_name[bounds[n] : bounds[n + 1]] for n in range(people)]
    return {n: _gathered(faces, places[there[places]], photo) for n, places in enumerate(inside)}


def _gathered(faces: Sequence[Embedded], places: Places, photo: Places) -> OfName:
    point_of = np.unique(photo[places], return_inverse=True)[1]
    return OfName(places, point_of, [_view(one, places, point_of) for one in faces])


def _view(faces: Embedded, places: Places, point_of: Places) -> View:
    vectors = faces.vectors[places]
    there = np.isfinite(vectors.sum(1))
    photos = int(point_of.max()) + 1 if len(point_of) else 0
    counts = np.bincount(point_of[there], minlength=photos)
    points = np.zeros((photos, vectors.shape[1]), np.float32)
    np.add.at(points, point_of[there], vectors[there])
    points[counts == 0] = np.nan
    return View(vectors, np.asarray(points / np.maximum(counts, 1)[:, None], np.float32), faces.model)


def _sole(name: OfName, photos: Sequence[str | None]) -> list[Places]:
    """Return the sets of a name's faces that are in one photo, repeats not counted."""
    sets: dict[str, list[int]] = defaultdict(list)
    for row, place in enumerate(name.places):
        photo = photos[place] if photos else None
        if photo is not None:
            sets[photo].append(row)
    return [np.array(rows) for rows in sets.values() if len({int(name.point_of[row]) for row in rows}) == len(rows) > 1]
