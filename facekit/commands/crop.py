"""Crop: save the face of each photo as a square picture, aligned if requested."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import get_args

from facekit.base import images
from facekit.base.cluster.client import hired
from facekit.base.contract import BadImage, Face, Image, Record, Rejection, Report, Track, quiet, replace
from facekit.base.parallel import Jobs, here, ordered_map
from facekit.base.text import counted
from facekit.dataset import (
    REMOVED,
    REPEATED,
    Dataset,
    Output,
    derive_id,
    distinct,
    key,
    photo_path,
    read_info,
    tombstones,
)
from facekit.dataset.groups import draw_groups
from facekit.dataset.inputs import open_tree
from facekit.dataset.reasons import NO_FACE, SEVERAL, UNCONFIRMED
from facekit.dataset.tombstones import Tombstones
from facekit.faces.detectors import Search, cut_out, ready, search, settled
from facekit.identity import groups
from facekit.identity.likeness import MATCHER, Fingerprint, fingerprint, proofs
from facekit.options.crop import CarriedCrop, Crop, Verify
from facekit.options.typed import typed

STAGE = "crop"

_MANY = 0.05
"""Share of photos without a face from which another detector is named."""

BOXES = "unconfirmed"
"""Quality of a face: how many boxes its photo has besides that were not confirmed. That photo is not left out."""

log = logging.getLogger(__name__)

Key = tuple[str, str]


@dataclass
class Made:
    """The records and JPEG bytes of a photo's faces, and what it has besides that cannot be used, by reason."""

    fingerprint: Fingerprint | None = None
    """Of the whole photo; None where that is not a picture, or not asked for."""
    pictures: list[tuple[Record, bytes]] = field(default_factory=list)
    bad: list[BadImage] = field(default_factory=list)


@dataclass
class Outcome:
    """What became of one photo: its faces' records and what was left out."""

    records: list[Record] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)


def crop(options: Crop, track: Track = quiet) -> Report:
    """Write the faces of photos; a photo without one, or a bad one, is counted with its reason.

    The photos are a tree, a flat folder, a single photo, or an archive of any of these.
    Raises FacekitError for folders that cannot be read or written, for a detector that cannot work here, and
    when no face is found at all.
    """
    options = _settled(options)
    ready(options)
    with hired(options.cluster, options.jobs) as jobs, open_tree(options.input, track, jobs) as source:
        return _crop(options, source, jobs, track)


def _crop(options: Crop, source: Dataset, jobs: Jobs, track: Track) -> Report:
    with Output(options.output, STAGE, options, source) as out:
        out.note(replace(out.info, crop=CarriedCrop.of(options)))
        done = _done(out, source)
        removed = {(gone.label, gone.id): gone for gone in out.removed}
        once, again = distinct(source.records)
        todo = [record for record in once if _key(record) not in done]
        if options.dry_run:
            return _planned(out, source, once, todo, again)
        compared = _is_compared(source, out, todo)
        prints: dict[Key, Fingerprint | None] = {}
        work = partial(_faces_of, source.root.absolute(), options, compared, tombstones.read().by_looks())
        results = ordered_map(work, todo, jobs)
        for record, result in track(zip(todo, results, strict=True), STAGE, total=len(todo)):
            done[_key(record)] = _write(out, record, result, removed)
            prints[_key(record)] = result.fingerprint
        if compared:
            _compare(out, once, prints, jobs, track)
        records = [child for record in once for child in done[_key(record)].records]
        if compared or groups.is_grouped(source) or groups.is_current(out.info.matchers):
            records = draw_groups([*once, *records], links=out.links)[len(once) :]
        rejections = [left for record in once for left in done[_key(record)].rejections]
        rejections += [_rejection(record, REPEATED, first.path) for record, first in again]
        report = out.finish(records, rejections)
        report.details["photos"] = len(source.records)
        report.details["photos_with_several_faces"] = _several(records, rejections)
        report.details["boxes_not_confirmed"] = _unconfirmed(records, rejections)
        _advise(options, source, report)
        return report


def _advise(options: Crop, source: Dataset, report: Report) -> None:
    """Name the detector that finds more, where the cascade has found no face in a good part of the photos."""
    without, photos = report.left.get(NO_FACE, 0), len(source.records)
    if options.detector == "haar" and without > _MANY * photos:
        log.info(
            "%s without a face that the Haar cascade finds; YuNet also finds faces that are turned, tilted or partly "
            "covered: `%s`",
            counted(without, "photo"),
            typed(options, detector="yunet", verify="auto", overwrite=True),
        )


def _planned(
    out: Output, source: Dataset, once: Sequence[Record], todo: Sequence[Record], again: Sequence[tuple[Record, Record]]
) -> Report:
    """Return what is known before any photo is opened; how many faces it shows takes as long as the crop itself."""
    report = out.report(rejections=[_rejection(record, REPEATED, first.path) for record, first in again])
    report.details |= {
        "photos": len(source.records),
        "photos_to_search": len(todo),
        "photos_done": len(once) - len(todo),
    }
    report.details["faces"] = "not known until the photos are searched"
    if isinstance(out.options, Crop) and not out.options.detect:
        del report.details["faces"]
        report.made, report.kept = len(todo), report.kept + len(todo)
    return report


def _is_compared(source: Dataset, out: Output, todo: Sequence[Record]) -> bool:
    """Whether photos are to be compared: unless an earlier stage did, or this one has compared all that are there."""
    if groups.is_grouped(source):
        return False
    if todo or not out.complete:
        return True
    if groups.is_current(out.info.matchers):  # photos that were deleted since leave nothing to compare
        return False
    # What 0.1.0 made has no matcher; it stays as it is until its photos change.
    return bool(out.info.matchers) or not out.unchanged


def _compare(
    out: Output, photos: Sequence[Record], prints: Mapping[Key, Fingerprint | None], jobs: Jobs, track: Track
) -> None:
    """Link the photos that are one, those without a face too: they may be the crops by which two others are known."""
    source = out.source
    assert source is not None
    groups.record_matcher(out, MATCHER)
    before = [record for record in photos if _key(record) not in prints]  # done by an earlier run
    if before and prints:
        new = counted(len(prints), "photo searched now may be a copy", "photos searched now may be copies")
        log.info("%s of the %s searched before, which are read again to compare them", new, f"{len(before):,}")
    looked = groups.look(partial(groups.bytes_at, source.root.absolute()), before, track, jobs)
    every = {**prints, **dict(zip(map(_key, before), looked, strict=True))}
    proved = proofs([every[_key(record)] for record in photos], jobs=here(jobs), track=track)
    out.links += groups.links_of(photos, proved, STAGE, MATCHER)


def _faces_of(root: Path, options: Crop, compared: bool, removed: Tombstones, record: Record) -> Made:
    """Return the pictures of a photo's faces, and why there are none, or fewer.

    `removed` comes from the parent: a worker on another machine does not know what its user has removed.
    """
    made = Made()
    try:
        image = images.read(root / record.path)
        removed.check(image)
        made.fingerprint = fingerprint(image) if compared else None
        if options.detect:
            _take(made, image, record, options)
        else:
            made.pictures.append((_child(record, "whole", None), images.encode(_whole(image, options))))
    except BadImage as error:
        made.bad.append(error)
    return made


def _take(made: Made, image: Image, record: Record, options: Crop) -> None:
    """Find the faces of a photo and cut out those that are wanted. Raises BadImage for a photo that is left out."""
    found = search(image, options)
    _check(found, options)
    unaligned = []
    for face in found.faces if options.faces == "all" else found.faces[:1]:
        try:
            child = _child(record, list(face.box), face, found)
            made.pictures.append((child, images.encode(cut_out(image, face, options))))
        except BadImage as error:
            unaligned.append(error)
    if unaligned:  # one line for all of them
        made.bad.append(BadImage(unaligned[0].reason, len(unaligned)))


def _check(found: Search, options: Crop) -> None:
    """Refuse a photo without a face, and one with several where one is wanted. Raises BadImage."""
    if not found.faces:
        boxes = len(found.unconfirmed)
        raise BadImage(UNCONFIRMED if boxes else NO_FACE, boxes)
    if options.faces == "only" and len(found.faces) > 1:
        raise BadImage(SEVERAL, len(found.faces))


def _whole(image: Image, options: Crop) -> Image:
    """Return a picture that is a face already, square and at the size that was asked for."""
    box = images.square(images.whole(image), 0)
    if options.align != "none":
        return cut_out(image, Face(images.whole(image), 0.0), options)
    return images.resize(images.cut(image, box), options.size)


def _child(record: Record, detail: object, face: Face | None, found: Search | None = None) -> Record:
    id = derive_id(record.id, STAGE, detail)
    child = replace(record, id=id, path=photo_path(record.label, id), parent=record.id, made_by=STAGE, moved_from=None)
    if face is None or found is None:
        return child
    quality = {"faces": float(len(found.faces))}
    if found.unconfirmed:
        quality[BOXES] = float(len(found.unconfirmed))
    return replace(child, box=face.box, score=face.score, quality=quality)


def _write(out: Output, record: Record, made: Made, removed: Mapping[Key, Rejection]) -> Outcome:
    outcome = Outcome()
    for child, data in made.pictures:
        if key(child) in removed:
            outcome.rejections.append(removed[key(child)])
        else:  # a face that is there already may have been moved by hand since
            outcome.records.append(out.records.get(key(child)) or out.write(child, data))
    for bad in made.bad:  # after the pictures: a photo is done again unless its last line is there
        outcome.rejections.append(_rejection(record, bad.reason, bad.value))
        out.reject(outcome.rejections[-1])
    return outcome


def _settled(options: Crop) -> Crop:
    """Return the options with `--verify auto` settled: as the folder was begun, else by what can be had here."""
    before = None if options.overwrite else read_info(options.output)
    then = before.options.get("verify") if before is not None and before.stage == STAGE else None
    as_begun: Verify | None = next((one for one in get_args(Verify) if one == then), None)
    return replace(options, verify=as_begun) if options.verify == "auto" and as_begun else settled(options)


def _done(out: Output, source: Dataset) -> dict[Key, Outcome]:
    """Return what earlier runs made of each photo that is still there.

    A kill can fall between two faces or two lines of one photo; that photo is the last in the manifest or among what
    was left out. Where the folder is not complete it is done again, and so is one of which a face was removed since.
    """
    outcomes: dict[Key, Outcome] = defaultdict(Outcome)
    for record in out.records.values():
        outcomes[record.moved_from or record.label, record.parent or ""].records.append(record)
    for rejection in out.rejected:
        if rejection.reason != REPEATED:  # its id is that of the photo that it repeats
            photo = (rejection.parent or "") if rejection.reason == REMOVED else rejection.id
            if rejection not in (said := outcomes[rejection.label, photo].rejections):  # said again after a kill
                said.append(rejection)
    if not out.complete:
        again = [(r.moved_from or r.label, r.parent or "") for r in list(out.records.values())[-1:]]
        again += [(r.label, r.id) for r in out.rejected if r.reason not in (REPEATED, REMOVED)][-1:]
        for photo_key in again + [(r.label, r.parent or "") for r in out.removed]:
            outcomes.pop(photo_key, None)
    here = {_key(record) for record in source.records}
    done = {photo_key: outcome for photo_key, outcome in outcomes.items() if photo_key in here}
    if not out.complete and not out.fresh:
        log.info(
            "%s of %s are done; still to search: %s, also the last ones of the earlier run, which may be half done",
            *(f"{len(done):,}", counted(len(here), "photo"), f"{len(here) - len(done):,}"),
        )
    return done


def _unconfirmed(records: Sequence[Record], rejections: Sequence[Rejection]) -> int:
    """Return how many boxes were not confirmed: in photos that are left out, and beside faces."""
    beside = {record.parent: record.quality.get(BOXES, 0.0) for record in records if record.quality}
    return sum(_count(one.value) for one in rejections if one.reason == UNCONFIRMED) + int(sum(beside.values()))


def _several(records: list[Record], rejections: list[Rejection]) -> int:
    photos = {r.parent for r in records if r.quality and r.quality.get("faces", 1) > 1}
    return len(photos) + sum(r.reason == SEVERAL for r in rejections)


def _count(value: float | str | None) -> int:
    return int(value) if isinstance(value, int | float) else 0


def _rejection(record: Record, reason: str, value: float | str | None) -> Rejection:
    return Rejection(STAGE, record.id, record.label, record.path, reason, value)


def _key(record: Record) -> Key:
    return record.label, record.id
