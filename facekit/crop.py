"""Crop: the face of each photo, found by a Haar cascade, as a square picture."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from facekit import images
from facekit.contract import BadImage, Record, Rejection, Report, Track, quiet, replace
from facekit.dataset import REMOVED, REPEATED, Dataset, Output, derive_id, distinct, key, photo_path
from facekit.detectors import Cut, take
from facekit.options import Crop, settled
from facekit.parallel import ordered_map

STAGE = "crop"
NO_FACE, SEVERAL = "no face", "several faces"

Key = tuple[str, str]


@dataclass
class Outcome:
    """What became of one photo: its faces' records and what was left out."""

    records: list[Record] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)


def crop(options: Crop, track: Track = quiet) -> Report:
    """Write the faces of a tree of photos; a photo without one, or a bad one, is counted with its reason.

    Raises FacekitError for folders that cannot be read or written, and when no face is found at all.
    """
    source = Dataset.open(options.input, track)
    with Output(options.output, STAGE, options, source) as out:
        out.carry(crop=settled(options))
        done = _done(out, source)
        removed = {(gone.label, gone.id): gone for gone in out.removed}
        once, again = distinct(source.records)
        todo = [record for record in once if _key(record) not in done]
        results = ordered_map(partial(_faces_of, source, options), todo, options.jobs)
        for record, result in track(zip(todo, results, strict=True), STAGE, total=len(todo)):
            done[_key(record)] = _write(out, record, result, removed)
        records = [child for record in once for child in done[_key(record)].records]
        rejections = [left for record in once for left in done[_key(record)].rejections]
        rejections += [_rejection(record, REPEATED, first.path) for record, first in again]
        report = out.finish(records, rejections)
        report.details["photos"] = len(source.records)
        report.details["photos_with_several_faces"] = _several(records, rejections)
        return report


def _faces_of(source: Dataset, options: Crop, record: Record) -> list[tuple[Record, bytes]] | BadImage:
    """Return the records and JPEG bytes of a photo's faces, or why there are none."""
    try:
        image = images.read(source.root / record.path)
        if not options.detect:
            whole = images.cut(image, images.square(images.whole(image), 0))
            return [(_child(record, "whole", None), images.encode(images.resize(whole, options.size)))]
        cuts = take(image, options)
    except BadImage as error:
        return error
    if not cuts:
        return BadImage(NO_FACE, 0)
    if options.faces == "only" and len(cuts) > 1:
        return BadImage(SEVERAL, len(cuts))
    wanted = cuts if options.faces == "all" else cuts[:1]
    return [(_child(record, list(c.face.box), c, len(cuts)), images.encode(c.image)) for c in wanted]


def _child(record: Record, detail: object, cut: Cut | None, faces: int = 1) -> Record:
    id = derive_id(record.id, STAGE, detail)
    child = replace(record, id=id, path=photo_path(record.label, id), parent=record.id, made_by=STAGE, moved_from=None)
    if cut is None:
        return child
    return replace(child, box=cut.face.box, score=cut.face.score, quality={"faces": float(faces)})


def _write(
    out: Output, record: Record, result: list[tuple[Record, bytes]] | BadImage, removed: Mapping[Key, Rejection]
) -> Outcome:
    if isinstance(result, BadImage):
        rejection = _rejection(record, result.reason, result.value)
        out.reject(rejection)
        return Outcome(rejections=[rejection])
    outcome = Outcome()
    for child, data in result:
        if key(child) in removed:
            outcome.rejections.append(removed[key(child)])
        else:  # a face that is there already may have been moved by hand since
            outcome.records.append(out.records.get(key(child)) or out.write(child, data))
    return outcome


def _done(out: Output, source: Dataset) -> dict[Key, Outcome]:
    """Return what earlier runs made of each photo that is still there.

    A kill can fall between two faces of one photo; that photo is the last in the manifest, and where the
    folder is not complete it is done again, and so is one of which a face was removed since.
    """
    outcomes: dict[Key, Outcome] = defaultdict(Outcome)
    for record in out.records.values():
        outcomes[record.moved_from or record.label, record.parent or ""].records.append(record)
    for rejection in out.rejected:
        if rejection.reason != REPEATED:  # its id is that of the photo that it repeats
            photo = (rejection.parent or "") if rejection.reason == REMOVED else rejection.id
            outcomes[rejection.label, photo].rejections.append(rejection)
    if not out.complete:
        again = [(r.moved_from or r.label, r.parent or "") for r in list(out.records.values())[-1:]]
        for photo_key in again + [(r.label, r.parent or "") for r in out.removed]:
            outcomes.pop(photo_key, None)
    here = {_key(record) for record in source.records}
    return {photo_key: outcome for photo_key, outcome in outcomes.items() if photo_key in here}


def _several(records: list[Record], rejections: list[Rejection]) -> int:
    photos = {r.parent for r in records if r.quality and r.quality.get("faces", 1) > 1}
    return len(photos) + sum(r.reason == SEVERAL for r in rejections)


def _rejection(record: Record, reason: str, value: float | str | None) -> Rejection:
    return Rejection(STAGE, record.id, record.label, record.path, reason, value)


def _key(record: Record) -> Key:
    return record.label, record.id
