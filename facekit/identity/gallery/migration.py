"""The same people with another embedder: a new gallery from the faces that are kept, else from their photos."""

from __future__ import annotations

import hashlib
import logging
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from facekit.base import images
from facekit.base.contract import BadImage, FacekitError, Image, Track
from facekit.base.parallel import ordered_map
from facekit.base.plain import Json
from facekit.base.text import counted, listed
from facekit.identity.faces import Finder, kept
from facekit.identity.gallery.confusion import confusion
from facekit.identity.gallery.gallery import Gallery, about
from facekit.identity.gallery.place import place_of
from facekit.identity.gallery.promise import Promise
from facekit.identity.gallery.values import KnownFace, NewFace, Where

GONE = "neither its picture nor its photo is there"

_AT_ONCE = 256

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Migrated:
    """What became of a gallery's faces."""

    people: int
    faces: int
    denials: int
    strangers: int
    lost: list[str]
    """Ids of the faces and denials that could not be embedded again."""
    reasons: Counter[str]
    nobody: list[str]
    """People of whom no face was left; they are not in the new gallery."""
    doubtful: int = 0
    """Faces that are nearer to another person than to their own."""
    promise: Promise | None = None

    def details(self) -> dict[str, Json]:
        """Return it as the details of a report."""
        found: dict[str, Json] = {
            "people": self.people,
            "faces": self.faces,
            "denials": self.denials,
            "strangers": self.strangers,
            "doubtful_faces": self.doubtful,
            "lost": list(self.lost),
            "reasons": dict(self.reasons),
            "people_without_a_face": list(self.nobody),
        }
        return found if self.promise is None else {**found, "threshold": self.promise.line}


def migrate(gallery: Gallery, embedder: str, output: str, jobs: int, track: Track, dry_run: bool) -> Migrated:
    """Make a gallery of the same people with another embedder. The old one is only read.

    The new one appears whole or not at all: it is made beside its place, and moved there at the end. Raises
    FacekitError for a place that is taken, and where no face can be embedded again.
    """
    place = place_of(output)
    place.check_free()
    old = gallery.about
    new = about(embedder, old.crop, old.fpir, old.keep_crops, old.drawn)
    if dry_run:
        people = gallery.store.people()
        return Migrated(len(people), sum(one.faces for one in people), 0, 0, [], Counter(), [])
    finder = Finder(embedder, old.crop)
    with place.built() as beside, Gallery.make(beside, new) as target:
        return _moved(gallery, target, _Again(gallery, finder), jobs, track)


def _moved(gallery: Gallery, target: Gallery, again: _Again, jobs: int, track: Track) -> Migrated:
    made, store = _Made(again, jobs, track), gallery.store
    faces = made.of(list(store.faces()), "migrate")
    while some := list(islice(faces, _AT_ONCE)):
        people: dict[str, list[NewFace]] = defaultdict(list)
        for face, new in some:
            people[face.name].append(new)
        target.store.enroll(people)
    there = {one.name: one.number for one in target.store.people()}
    denied = [face for face in store.denied() if face.name in there]
    denials = sum(target.store.deny(there[face.name], new) for face, new in made.of(denied, "denials"))
    ids = store.stranger_ids()
    strangers = [KnownFace(key, who, Where("", key.removeprefix("stranger-")), "", True) for key, who in ids]
    if strangers:
        target.store.set_strangers([(face.name, new) for face, new in made.of(strangers, "strangers")])
    return _told(gallery, target, denials, made.lost, made.reasons)


class _Made:
    """Embeds faces again, and counts those that cannot be."""

    def __init__(self, again: _Again, jobs: int, track: Track) -> None:
        self._again, self._jobs, self._track = again, jobs, track
        self.lost: list[str] = []
        self.reasons = Counter[str]()

    def of(self, faces: Sequence[KnownFace], title: str) -> Iterator[tuple[KnownFace, NewFace]]:
        """Yield each face with its new embedding."""
        results = ordered_map(self._again, faces, self._jobs)
        for face, result in zip(faces, self._track(results, title, total=len(faces)), strict=True):
            if isinstance(result, BadImage):
                self.reasons[result.reason] += 1
                self.lost.append(face.id)
            else:
                yield face, result


def _told(gallery: Gallery, target: Gallery, denials: int, lost: list[str], reasons: Counter[str]) -> Migrated:
    people = target.store.people()
    if not people:
        raise FacekitError(f"no face of {gallery.shown} can be embedded again: {GONE}; enroll from the photos")
    here = {one.name for one in people}
    nobody = [one.name for one in gallery.store.people() if one.name not in here]
    if lost:
        log.warning(
            "%s lost: %s",
            counted(len(lost), "face is", "faces are"),
            ", ".join(f"{n} {reason}" for reason, n in reasons.items()),
        )
    if nobody:
        log.warning("no face is left of %s; they are not in the new gallery", listed(nobody))
    found, promise = confusion(target.people(), 1), target.promise()
    if len(found.doubtful):
        log.warning(
            "%s more like another person than like the own one; `facekit gallery check GALLERY` names them",
            counted(len(found.doubtful), "face looks", "faces look"),
        )
    (log.info if promise.promised else log.warning)("%s", promise.line)
    strangers = sum(1 for _ in target.store.stranger_ids())
    faces = sum(one.faces for one in people)
    return Migrated(len(people), faces, denials, strangers, lost, reasons, nobody, len(found.doubtful), promise)


class _Again:
    """Embeds a face of a gallery again. Threads may share one."""

    def __init__(self, gallery: Gallery, finder: Finder) -> None:
        self._gallery, self._finder = gallery, finder

    def __call__(self, face: KnownFace) -> NewFace | BadImage:
        try:
            crop = self._gallery.store.crop(face.id)
            image = images.decode(crop.data) if crop is not None else self._photo(face.where)
        except BadImage as error:
            return error
        box = crop.box if crop is not None else face.where.box
        (vector,), (reason,) = self._finder.embed([self._finder.align(image, box)])
        if reason is not None:
            return BadImage(reason)
        if crop is None and self._gallery.about.keep_crops:
            crop = kept(image, box)
        return NewFace(face.where, vector, crop)

    @staticmethod
    def _photo(where: Where) -> Image:
        """Return the photo of a face, if that still has the bytes that it had. Raises BadImage."""
        try:
            data = images.load(Path(where.path)) if where.path else b""
        except BadImage:
            data = b""
        if not data or hashlib.sha256(data).hexdigest() != where.sha256:
            raise BadImage(GONE)
        return images.decode(data)
