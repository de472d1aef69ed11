"""Ingest: a public data set in its own layout becomes a tree, with targets, official split, origins and terms."""

from __future__ import annotations

import hashlib
import logging
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from facekit.base import images
from facekit.base.contract import BadImage, FacekitError, Record, Rejection, Report, Source, Track, quiet, replace
from facekit.base.foldernames import safe
from facekit.base.parallel import ordered_map
from facekit.base.text import listed
from facekit.dataset import (
    REMOVED,
    REPEATED,
    Dataset,
    Output,
    check_places,
    lineage,
    photo_path,
    protocol,
    published,
    tombstones,
)
from facekit.dataset.published.pictures import IDENTITY, UNNAMED, Picture, Published, Unusable
from facekit.dataset.reasons import HELD_OUT
from facekit.dataset.tree import suffix_of
from facekit.options.ingest import ALL, Ingest

STAGE = "ingest"

NO_VALUE = "no label"
"""Nothing is known of the picture that a folder could be called by; the value is the target."""

DEFAULT_TARGETS = ("expression", "gender", "age", "age_group", "race")

_ORDER = ("test", "validation", "train", None)
"""Of a picture that is in two parts, it stays in the first of these: what is scored on stays whole."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Taken:
    """A picture that can be decoded, and what it is known by."""

    picture: Picture
    label: str
    id: str
    sha256: str
    suffix: str


def ingest(options: Ingest, track: Track = quiet) -> Report:
    """Write a tree of a public data set's pictures; damaged, missing and unlisted ones are counted with their reason.

    Raises FacekitError for a folder that is not the data set, and for targets that it does not have.
    """
    check_places(options.output, options.input)
    found = published.read(options.data_set, options.input)
    pictures = list(found.pictures)
    folders = options.folders or found.folders
    targets = _targets(options, folders, pictures)
    for note in found.notes:
        log.info("%s: %s", options.input, note)
    with Output(options.output, STAGE, options) as out:
        taken, left = _look(pictures, folders, options, track)
        if not options.official_split:
            taken = [replace(one, picture=replace(one.picture, part=None)) for one in taken]
        taken, again = _once(taken)
        records = [_record(one, found, folders, targets, out) for one in taken]
        _describe(out, options, found, records)
        removed = {(gone.label, gone.id) for gone in out.removed}
        files = {(one.label, one.id): one.picture for one in taken}
        kept = [_as_moved(out, record) for record in records if (record.label, record.id) not in removed]
        ways = _write(out, kept, files, options, track)
        left += again + [gone for gone in out.rejected if gone.reason == REMOVED]
        report = out.finish([_as_written(out, record) for record in kept], left)
    report.details |= {"data_set": found.terms.title, "licence": found.terms.licence, **ways}
    report.details["official_split"] = _split_words(found, options, records)
    return report


def _targets(options: Ingest, folders: str, pictures: Sequence[Picture | Unusable]) -> tuple[str, ...]:
    """Return the targets to write. Raises FacekitError for one that the data set does not have."""
    known = dict.fromkeys(name for one in pictures if isinstance(one, Picture) for name in one.labels)
    if folders not in known:
        raise FacekitError(
            f"{options.input}: no picture has a value of {folders}, by which the folders are to be called; "
            f"give --folders with one of {listed(list(known)) or 'its targets'}, or the list that says it"
        )
    others = [name for name in known if name != IDENTITY]
    if ALL in options.target:
        return tuple(others)
    unknown = next((name for name in options.target if name not in others), None)
    if unknown is not None:
        raise FacekitError(f"--target {unknown}: {options.input} does not have it; choose from {', '.join(others)}")
    return tuple(options.target) or tuple(name for name in DEFAULT_TARGETS if name in others)


def _look(
    pictures: Sequence[Picture | Unusable], folders: str, options: Ingest, track: Track
) -> tuple[list[_Taken], list[Rejection]]:
    """Decode every picture once; return those that can be used, and a rejection for each other."""
    taken, left = [], []
    seen = ordered_map(partial(_seen, folders), pictures, options.jobs)
    for one, result in track(zip(pictures, seen, strict=True), f"read {options.input.name}", len(pictures)):
        if isinstance(result, _Taken):
            taken.append(result)
        else:
            label = safe(one.labels.get(folders, UNNAMED)) if isinstance(one, Picture) else UNNAMED
            digest = hashlib.sha256(one.name.encode(errors="surrogateescape")).hexdigest()
            left.append(Rejection(STAGE, digest, label, one.name, result.reason, result.value))
    return taken, left


def _seen(folders: str, one: Picture | Unusable) -> _Taken | Unusable | BadImage:
    if isinstance(one, Unusable):
        return one
    label = one.labels.get(folders)
    if not label:
        return Unusable(one.name, NO_VALUE, folders)
    try:
        data = _bytes_of(one)
        digest = hashlib.sha256(data).hexdigest()
        tombstones.check(images.decode(data), digest)
    except BadImage as error:
        return error
    suffix = suffix_of(one.name if one.file else "", lambda: data)
    return _Taken(one, safe(label), one.id or digest, digest, suffix)


def _bytes_of(picture: Picture) -> bytes:
    """Return the bytes of a picture. Raises BadImage."""
    if picture.content is not None:
        return picture.content()
    assert picture.file is not None
    return images.load(picture.file)


def _once(taken: Sequence[_Taken]) -> tuple[list[_Taken], list[Rejection]]:
    """Part the pictures from those that repeat one: under a label, or in a part of the split that is not scored on.

    A picture under two labels of one part stays under both: which is right is not known here.
    """
    first: dict[str, _Taken] = {}
    for one in taken:
        before = first.setdefault(one.id, one)
        if _ORDER.index(one.picture.part) < _ORDER.index(before.picture.part):
            first[one.id] = one
    kept: dict[tuple[str, str], _Taken] = {}
    left = []
    for one in taken:
        best = first[one.id]
        if one.picture.part != best.picture.part:
            left.append(_repeat(one, HELD_OUT, best))
        elif (one.label, one.id) in kept:
            left.append(_repeat(one, REPEATED, kept[one.label, one.id]))
        else:
            kept[one.label, one.id] = one
    return list(kept.values()), left


def _repeat(one: _Taken, reason: str, other: _Taken) -> Rejection:
    return Rejection(STAGE, one.id, one.label, one.picture.name, reason, other.picture.name, origin=one.id)


def _record(one: _Taken, found: Published, folders: str, targets: Sequence[str], out: Output) -> Record:
    labels, terms = one.picture.labels, found.terms
    known = {name: labels[name] for name in targets if name in labels}
    if folders != IDENTITY and IDENTITY in labels:
        known[lineage.PERSON] = labels[IDENTITY]
    out.sources[one.id] = Source(
        one.id,
        url=one.picture.name,
        engine="folder",
        licence=f"{terms.title}: {terms.licence}",
        licence_url=terms.page,
        attribution=terms.attribution,
    )
    return Record(
        id=one.id,
        sha256=one.sha256,
        path=photo_path(one.label, one.id, one.suffix),
        label=one.label,
        name=labels[folders],
        origin=one.id,
        made_by=f"{STAGE} {terms.title}",
        split=one.picture.part,
        targets=known or None,
    )


def _describe(out: Output, options: Ingest, found: Published, records: list[Record]) -> None:
    """Write into `dataset.json` what the tree was read from, and whose split it has."""
    given = any(record.split for record in records)
    known = all((record.targets or {}).get(lineage.PERSON) for record in records)
    by_person = given and known and not lineage.people_crossing(records)
    root = options.input if options.input.is_dir() else options.input.parent
    info = replace(
        out.info,
        input=Dataset(root, records).digest(),
        made_from=os.path.relpath(root.resolve(), out.root.resolve()),
        split_given=given,
        protocol=protocol.PERSON if by_person else None,
    )
    out.note(info)


def _as_moved(out: Output, record: Record) -> Record:
    """Leave a picture where a person has since moved it."""
    there = out.records.get((record.label, record.id))
    if there is None or there.moved_from is None:
        return record
    return replace(record, label=there.label, name=there.name, path=there.path, moved_from=there.moved_from)


def _as_written(out: Output, record: Record) -> Record:
    there = out.records.get((record.moved_from or record.label, record.id))
    return record if there is None else replace(record, sha256=there.sha256)


def _write(
    out: Output, records: list[Record], files: Mapping[tuple[str, str], Picture], options: Ingest, track: Track
) -> dict[str, int]:
    """Put the pictures in place that are not there yet; return how many were linked, and how many copied."""
    ways: Counter[str] = Counter(linked=0, copied=0)
    missing = [one for one in records if (one.moved_from or one.label, one.id) not in out.records]
    for record in track(missing, STAGE, len(missing)):
        picture = files[record.moved_from or record.label, record.id]
        if options.links and picture.file is not None and out.link(record, picture.file):
            ways["linked"] += 1
            continue
        out.write(record, b"" if options.dry_run else _bytes_of(picture))
        ways["copied"] += 1
    return dict(ways)


def _split_words(found: Published, options: Ingest, records: Sequence[Record]) -> str:
    if found.split is None or not options.official_split:
        return "none" if found.split is None else "left out"
    parts = Counter(record.split or "no part" for record in records)
    return f"{found.split}: {', '.join(f'{count:,} {part}' for part, count in sorted(parts.items()))}"
