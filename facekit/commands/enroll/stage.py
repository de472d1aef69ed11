"""Enroll people: their faces are embedded and added, some people at a time, each whole or not at all."""

from __future__ import annotations

import logging
import shlex
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

from facekit.base import text
from facekit.base.contract import BadImage, FacekitError, Record, Report, Track, quiet
from facekit.base.names import fold
from facekit.base.plain import Json
from facekit.dataset import Dataset
from facekit.dataset.inputs import open_tree
from facekit.dataset.strangers import each_another
from facekit.identity import embedders
from facekit.identity.faces import Finder, suited
from facekit.identity.gallery import About, Gallery, NewFace
from facekit.identity.gallery.enrolling import Enroller
from facekit.identity.gallery.gallery import about as about_new
from facekit.identity.gallery.place import place_of
from facekit.identity.gallery.values import found_by
from facekit.options.crop import CarriedCrop
from facekit.options.enroll import FPIR, Enroll

STAGE = "enroll"
DEFAULT = "dlib"

TWICE, SOMEBODY_ELSE = "is enrolled already", "is enrolled as somebody else"

_AT_ONCE = 256
"""Faces after which the people who are whole are written: what is written then is there after any kill."""

log = logging.getLogger(__name__)


def enroll(options: Enroll, track: Track = quiet) -> Report:
    """Enroll the people of a folder in a gallery, and find its threshold.

    Killed and typed again it goes on. Raises FacekitError for a gallery that was made with another embedder or
    detector, which is left as it is, and where no picture shows a face.
    """
    began = time.monotonic()
    with open_tree(options.input, track) as dataset:
        about = _about(options, dataset)
        if options.dry_run:
            return Report(STAGE, str(options.output), 0, len(dataset.records), details={"people": len(dataset.labels)})
        finder = Finder(about.embedder.name, about.crop)
        with Gallery.make(options.output, about) as gallery:
            if options.overwrite and gallery.about.id != about.id:
                gallery.store.clear(about)
            return _enrolled(options, gallery, dataset, finder, track, began)


def _about(options: Enroll, dataset: Dataset) -> About:
    """Return what the gallery says of itself: as it does, or as a new one will.

    Raises FacekitError where the options are not those that it was made with.
    """
    if not options.overwrite and place_of(options.output).is_begun():
        with Gallery.open(options.output) as gallery:
            return _kept(options, gallery, dataset)
    name = options.embedder or DEFAULT
    embedders.load(name)
    return about_new(name, _crop(options, name, dataset), options.fpir or FPIR, options.crops, dataset.info.drawn)


def _kept(options: Enroll, gallery: Gallery, dataset: Dataset) -> About:
    name = options.embedder or gallery.about.embedder.name
    gallery.check_embedder(name)
    if not options.detector and options.detect and dataset.info.crop is None:
        return gallery.about
    crop = _crop(options, name, dataset)
    if found_by(crop) != gallery.about.found_by:
        again = f"facekit crop PHOTOS --detector {gallery.about.crop.detector} -o FACES"
        if dataset.info.crop is None:
            again = f"facekit enroll {shlex.quote(str(options.input))} -o {shlex.quote(str(options.output))}"
        raise FacekitError(
            f"the faces of {gallery.shown} were found by {text.visible(gallery.about.found_by)}, and these by "
            f"{text.visible(found_by(crop))}; type `{again}`, or enroll them in another gallery"
        )
    return gallery.about


def _crop(options: Enroll, embedder: str, dataset: Dataset) -> CarriedCrop:
    if not options.detect:
        return CarriedCrop(detect=False)
    return dataset.info.crop or suited(embedder, options.detector)


def _enrolled(
    options: Enroll, gallery: Gallery, dataset: Dataset, finder: Finder, track: Track, began: float
) -> Report:
    left, new = Counter[str](), 0
    enroller = Enroller.of(dataset, finder, gallery.about.keep_crops)
    todo = _todo(options, gallery, dataset, left)
    faces = track(enroller.faces(todo, options.jobs), STAGE, total=len(todo))
    for people in _whole_people(faces, left):
        new += gallery.store.enroll(people, options.replace)
        log.info("enrolled %s", text.listed([f"{name} ({len(some)})" for name, some in people.items()]))
    if not gallery.store.people():
        why = ", ".join(f"{count} {reason}" for reason, count in left.most_common())
        raise FacekitError(f"{options.input}: no picture shows a face that can be enrolled ({why})")
    if options.strangers is not None:
        _add_strangers(options, gallery, finder, track)
    if options.fpir is not None and options.fpir != gallery.about.fpir:
        gallery.store.set_about(replace(gallery.about, fpir=options.fpir))
    return _report(options, gallery, new, left, began)


def _todo(options: Enroll, gallery: Gallery, dataset: Dataset, left: Counter[str]) -> list[Record]:
    """Return the records to look at, those of one person together; what is enrolled already is counted."""
    records = [record for some in dataset.hashed().by_label().values() for record in some]
    replaced = {spelling for record in records if options.replace for spelling in _spellings(record)}
    known = {digest: fold(name) for digest, name in gallery.store.pictures().items() if fold(name) not in replaced}
    todo = []
    for record in records:
        if record.sha256 in known:
            left[TWICE if known[record.sha256] in _spellings(record) else SOMEBODY_ELSE] += 1
        else:
            todo.append(record)
            known[record.sha256] = fold(record.name)
    return todo


def _spellings(record: Record) -> set[str]:
    return {fold(record.name), fold(record.label)}


def _whole_people(
    faces: Iterable[tuple[Record, NewFace | BadImage]], left: Counter[str]
) -> Iterator[dict[str, list[NewFace]]]:
    """Yield name -> faces of whole people, about so many faces at a time."""
    people: dict[str, list[NewFace]] = {}
    for record, face in faces:
        if isinstance(face, BadImage):
            left[face.reason] += 1
            continue
        if record.name not in people and sum(map(len, people.values())) >= _AT_ONCE:
            yield people
            people = {}
        people.setdefault(record.name, []).append(face)
    if people:
        yield people


def _add_strangers(options: Enroll, gallery: Gallery, finder: Finder, track: Track) -> None:
    assert options.strangers is not None
    with open_tree(options.strangers, track) as opened:
        dataset = each_another(opened)
        known = {fold(one.name) for one in gallery.store.people()}
        records = [one for one in dataset.records if not _spellings(one) & known]
        own = sorted({one.label for one in dataset.records} - {one.label for one in records})
        if own:
            log.warning(
                "%s: people of the gallery are no strangers and are left out: %s", dataset.root, text.listed(own)
            )
        enroller = Enroller.of(dataset, finder, gallery.about.keep_crops)
        found = track(enroller.faces(records, options.jobs), "strangers", total=len(records))
        faces = [(record.name, face) for record, face in found if not isinstance(face, BadImage)]
        if not faces:
            raise FacekitError(f"--strangers: {options.strangers} shows no face of a stranger; give a folder of others")
        gallery.store.set_strangers(faces)


def _report(options: Enroll, gallery: Gallery, new: int, left: Counter[str], began: float) -> Report:
    promise = gallery.promise()
    (log.info if promise.promised else log.warning)("%s: %s", gallery.shown, promise.line)
    people = gallery.store.people()
    details: dict[str, Json] = {"people": len(people), **promise.details(), "embedder": gallery.about.embedder.name}
    details["threshold"] = round(promise.open_set.threshold, 4)
    seconds = round(time.monotonic() - began, 2)
    return Report(STAGE, str(options.output), new, sum(one.faces for one in people), left, seconds, details)
