"""A gallery: faces, denials, strangers, what was said of answers, and the index that is derived from them."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from facekit.base import plain
from facekit.base.contract import Source
from facekit.identity.gallery import Gallery, index, opening
from facekit.identity.gallery.values import KnownFace, Where
from facekit.options.galleries import is_database
from facekit.removal.kinds.base import Doing, Gone, Kind, Part
from facekit.removal.looks import look_at
from facekit.removal.targets import Targets, host

SAME = 1e-4
"""Greatest distance of two embeddings of one picture: the same numbers, once rounded."""

_BLOCK = 256
"""Embeddings that others are compared with at a time."""

Vectors = NDArray[np.float32]


@dataclass
class _Going:
    people: list[int] = field(default_factory=list)
    """Numbers of those who go with all they have."""
    names: list[str] = field(default_factory=list)
    faces: list[KnownFace] = field(default_factory=list)
    """Those of everybody that go, and denials."""
    strangers: list[str] = field(default_factory=list)


class Galleries(Kind):
    """The folders and databases of galleries."""

    name = "gallery"
    written_by: ClassVar = (
        *("facekit.identity.gallery.opening", "facekit.identity.gallery.index", "facekit.identity.gallery.graph"),
        *("facekit.identity.gallery.changes", "facekit.identity.gallery.migration"),
        *("facekit.identity.gallery.postgres", "facekit.identity.gallery.connecting"),
    )
    order = 2

    def places(self, folder: Path, entries: Collection[str]) -> Iterator[Path]:
        """A folder with the file of one."""
        if opening.FILE in entries:
            yield folder

    def hides(self, folder: Path, entry: str) -> bool:
        """The index is the gallery's own."""
        return entry == "index"

    def names(self, place: Path) -> Iterator[str]:
        """Yield the people, and the strangers that were added."""
        with Gallery.open(_named(place)) as gallery:
            yield from [person.name for person in gallery.store.people()]
            yield from [who for _, who in gallery.store.stranger_ids()]

    def spread(self, place: Path, targets: Targets) -> None:
        """Add the photos that faces of somebody who goes came from."""
        with Gallery.open(_named(place)) as gallery:
            for face in _going(gallery, targets).faces:
                targets.files.add(face.where.sha256)
                if face.where.origin:
                    targets.photos.add(face.where.origin)
                if source := _source(face.where):
                    targets.urls.update(one for one in (source.url, source.final_url) if one and "://" in one)

    def stays(self, place: Path, targets: Targets) -> Iterator[str]:
        """Yield the pictures of the faces that stay."""
        with Gallery.open(_named(place)) as gallery:
            going = {face.id for face in _going(gallery, targets).faces}
            yield from (face.where.sha256 for face in gallery.store.faces() if face.id not in going)

    def plan(self, place: Path, doing: Doing) -> Part | None:
        """Return the faces that go."""
        with Gallery.open(_named(place)) as gallery:
            going = _going(gallery, doing.targets)
        counts = {"people": len(going.people), "faces": len(going.faces), "strangers": len(going.strangers)}
        counts = {what: count for what, count in counts.items() if count}
        return Part(self.name, str(place), counts, [_gone(one.where) for one in going.faces]) if counts else None

    def remove(self, place: Path, doing: Doing) -> None:
        """Remove faces and people, so that the file holds nothing of them, and build the index again.

        The threshold is found again by whoever asks next: in a large gallery that takes minutes.
        """
        with Gallery.open(_named(place)) as gallery:
            going = _going(gallery, doing.targets)
            store = gallery.store
            if going.people or going.faces or going.strangers:
                store.remove(going.people, [one.id for one in going.faces])
                store.remove_strangers(going.strangers)
                store.remove(_empty(gallery, going), [])
            store.purge()
            index.drop(gallery.folder)
            gallery.people()  # which builds it again, and drops a graph that knows what is gone


def looks(place: Path, targets: Targets) -> Iterator[int]:
    """Yield the perceptual hashes of the pictures of faces that go and that the gallery keeps."""
    with Gallery.open(_named(place)) as gallery:
        for face in _going(gallery, targets).faces:
            crop = gallery.store.crop(face.id)
            if crop is not None and (look := look_at(crop.data)) is not None:
                yield look


def _named(place: Path) -> str:
    """Return a place as a gallery is opened by: `Path` makes one slash of an address's two."""
    text = str(place)
    head, slash, rest = text.partition(":/")
    address = f"{head}://{rest.lstrip('/')}"
    return address if slash and is_database(address) else text


def _going(gallery: Gallery, targets: Targets) -> _Going:
    going = _Going()
    store = gallery.store
    for person in store.people():
        if targets.has_name(person.name):
            going.people.append(person.number)
            going.names.append(person.name)
    faces, denied = list(store.faces()), list(store.denied())
    going.faces = [one for one in (*faces, *denied) if targets.has_name(one.name) or _of(one, targets)]
    known = {one.id for one in going.faces}
    same = _vectors(gallery, known)
    if len(same):  # one picture may be there twice, under another name or as a stranger
        twins = _twins(gallery, same)
        going.faces += [one for one in faces if one.id in twins and one.id not in known]
    going.strangers = [id for id, who in store.stranger_ids() if targets.has_name(who)]
    if len(same):
        strangers = store.stranger_vectors()
        near = _near(np.stack([vector for _, vector in strangers]), same).tolist() if strangers else []
        going.strangers += [id for (id, _), is_near in zip(strangers, near, strict=True) if is_near]
        going.strangers = list(dict.fromkeys(going.strangers))
    return going


def _of(face: KnownFace, targets: Targets) -> bool:
    where = face.where
    if targets.has_id(where.sha256) or targets.has_id(where.origin) or targets.has_place(where.path):
        return True
    source = _source(where)
    if source is not None and targets.of_source(source):
        return True
    fetched = source.fetched_at if source is not None else None
    return bool(targets.before and not fetched and face.at and face.at < targets.before)


def _source(where: Where) -> Source | None:
    if not where.source:
        return None
    try:
        return plain.parse(where.source, Source)
    except (ValueError, json.JSONDecodeError):
        return None


def _empty(gallery: Gallery, going: _Going) -> list[int]:
    """Return the people who have lost their last face: a name alone says that somebody was here."""
    touched = {one.name for one in going.faces}
    return [one.number for one in gallery.store.people() if one.name in touched and not one.faces]


def _vectors(gallery: Gallery, faces: set[str]) -> Vectors:
    """Return the embeddings of enrolled faces, shape (n, dimensions)."""
    rows = [vector for one in sorted(faces) if (vector := gallery.store.vector(one)) is not None]
    return np.stack(rows) if rows else np.empty((0, gallery.about.embedder.dimensions), np.float32)


def _twins(gallery: Gallery, same: Vectors) -> set[str]:
    """Return the ids of the faces whose embedding is one of those."""
    slots = {slot: face for face, slot in gallery.store.slots().items()}
    found = set()
    for some, block in gallery.store.vectors():
        found |= {slots[slot] for slot in some[_near(block, same)].tolist() if slot in slots}
    return found


def _near(vectors: Vectors, others: Vectors) -> NDArray[np.bool_]:
    """Return which of some embeddings are one of the others."""
    near = np.zeros(len(vectors), bool)
    for start in range(0, len(others), _BLOCK):
        some = others[start : start + _BLOCK].astype(np.float64)
        far = (vectors.astype(np.float64) ** 2).sum(axis=1)[:, None] - 2 * vectors @ some.T + (some**2).sum(axis=1)
        near |= (far <= SAME**2 + 1e-9).any(axis=1)
    return near


def _gone(where: Where) -> Gone:
    source = _source(where) or Source(where.origin)
    at = host(source.final_url or source.url or "")
    return Gone(where.path, where.sha256, where.origin, source.engine or "", at, source.fetched_at or "")
