"""“Not this person”: a face, and from then on faces like it, count against a name."""

from __future__ import annotations

import re
from pathlib import Path

from facekit.base import images
from facekit.base.contract import BadImage, FacekitError
from facekit.base.text import visible
from facekit.commands.gallery.told import Told
from facekit.identity.faces import Finder, the_face
from facekit.identity.gallery import Gallery, NewFace, Person
from facekit.identity.gallery.enrolling import new_face
from facekit.identity.gallery.values import KnownFace

_NUMBERED = re.compile(r"(.+)#([0-9]{1,4})")


def deny(gallery: Gallery, face: str, name: str, dry_run: bool = False) -> Told:
    """Note that a face is not a person. Raises FacekitError for a face that is not there, or is enrolled as them."""
    person = gallery.person(name)
    enrolled = next((one for one in gallery.store.faces() if one.id == face), None)
    if enrolled is not None and enrolled.name == person.name:
        raise FacekitError(
            f"{face} is enrolled as {visible(person.name)}; take it out with `facekit gallery remove GALLERY {face}`"
        )
    denied = _enrolled(gallery, enrolled) if enrolled is not None else _seen(gallery, face, person)
    new = dry_run or gallery.store.deny(person.number, denied)
    if not dry_run:
        gallery.promise()
    said = f"{face} is not {person.name}"
    return Told({"new": new}, lines=(said if new else f"{said}, as was decided before",))


def _enrolled(gallery: Gallery, face: KnownFace) -> NewFace:
    """Return an enrolled face as one that somebody else is not."""
    vector = gallery.store.vector(face.id)
    if vector is None:
        raise FacekitError(f"{face.id} was removed meanwhile; look again with `facekit gallery show`")
    return NewFace(face.where, vector, gallery.store.crop(face.id))


def _seen(gallery: Gallery, face: str, person: Person) -> NewFace:
    path, number = _picture(face)
    gallery.embedder()
    finder = Finder(gallery.about.embedder.name, gallery.about.crop)
    try:
        seen = finder.see(images.load(path))
    except BadImage as error:
        raise FacekitError(f"{path}: {error.reason}; give a photo that shows the face") from None
    if number is None and len(seen.faces) > 1:
        raise FacekitError(
            f"{path} shows {len(seen.faces)} faces; say which one is not {visible(person.name)}, from the largest: "
            f"`{path}#1` to `{path}#{len(seen.faces)}`"
        )
    chosen = the_face(seen, number or 1, str(path))
    (vector,), (reason,) = finder.embed([chosen.aligned])
    if reason is not None:
        raise FacekitError(f"{path}: {reason}; give another photo of that face")
    return new_face(seen, chosen, vector, str(path.absolute()), gallery.about.keep_crops)


def _picture(face: str) -> tuple[Path, int | None]:
    numbered = _NUMBERED.fullmatch(face)
    if Path(face).is_file() or numbered is None or not Path(numbered[1]).is_file():
        if not Path(face).is_file():
            raise FacekitError(
                f"{visible(face)!r} is neither a photo nor the id of an enrolled face; see `facekit gallery show`"
            )
        return Path(face), None
    return Path(numbered[1]), int(numbered[2])
