"""Who is in a gallery, what it was made with, and the faces of one person."""

from __future__ import annotations

from collections.abc import Iterable

from facekit.base.contract import Listing
from facekit.base.plain import Json
from facekit.commands.gallery.told import Told
from facekit.identity.gallery import Gallery
from facekit.identity.gallery.values import KnownFace


def list_people(gallery: Gallery) -> Told:
    """Return the people with how many faces each has."""
    people = gallery.store.people()
    rows = tuple((one.name, f"{one.faces:,}", f"{one.denied:,}") for one in people)
    listing = Listing(("name", "faces", "denied"), rows)
    details: dict[str, Json] = {
        "people": [{"name": one.name, "faces": one.faces, "denied": one.denied} for one in people],
    }
    return Told(details, listing)


def show(gallery: Gallery, name: str | None) -> Told:
    """Return what the gallery was made with and what it promises; with a name, the faces of that person."""
    if name is not None:
        return _person(gallery, name)
    about, promise, people = gallery.about, gallery.promise(), gallery.store.people()
    rows = (
        ("people", f"{len(people):,}"),
        ("faces", f"{sum(one.faces for one in people):,}"),
        ("faces that somebody is not", f"{sum(one.denied for one in people):,}"),
        ("embedder", f"{about.embedder.name} ({about.embedder.licence})"),
        ("faces found by", about.found_by),
        ("pictures of faces kept", "yes" if about.keep_crops else "no"),
        ("threshold", promise.line),
    )
    listing = Listing(("gallery", gallery.shown), rows)
    details: dict[str, Json] = {
        "faces": sum(one.faces for one in people),
        "embedder": about.embedder.name,
        "found_by": about.found_by,
        **promise.details(),
    }
    return Told(details, listing)


def _person(gallery: Gallery, name: str) -> Told:
    person = gallery.person(name)
    faces, denied = list(gallery.store.faces(person.number)), list(gallery.store.denied(person.number))
    rows = [*_rows(faces, "is"), *_rows(denied, "is not")]
    listing = Listing(("id", person.name, "picture", "place", "since"), tuple(rows))
    details: dict[str, Json] = {
        "name": person.name,
        "faces": [_plain(one) for one in faces],
        "denied": [_plain(one) for one in denied],
    }
    return Told(details, listing)


def _rows(faces: Iterable[KnownFace], word: str) -> list[tuple[str, ...]]:
    places = [(one, one.where.box) for one in faces]
    return [(one.id, word, one.where.path, box.words if box else "", one.at) for one, box in places]


def _plain(face: KnownFace) -> Json:
    box = face.where.box
    return {"id": face.id, "picture": face.where.path, "box": box and list(box), "at": face.at}
