"""The pictures that a run was trained on, read so that an untrusted run cannot expose other files.

`model.json` says in which folder the pictures are and `split.jsonl` what they are called, and either could name any
file of the user who opens the run. So a path must stay inside the folder, and a file is taken only if its bytes have
the hash that `split.jsonl` gives: the author of the run had these bytes already. No other picture there is opened.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from facekit.base import digests, images
from facekit.base.contract import BadImage, FacekitError, Record, Source, Track, quiet, replace
from facekit.base.files import inside, iterate_lines
from facekit.base.opening import open_regular
from facekit.base.parallel import ordered_map
from facekit.dataset import GROUPS, MANIFEST, SOURCES, Dataset, DatasetInfo
from facekit.dataset.lineage import TRAIN, VALIDATION
from facekit.dataset.records import check_record, check_source, own_file, read_links
from facekit.runs import SPLIT, Run

CHANGED = "gone or changed since training"


def dataset_of(run: Run, records: Sequence[Record], track: Track = quiet) -> Dataset:
    """Return those pictures of the run's split that are as they were, as a dataset in the run's own folder.

    Their targets and sources, and why photos share a group, are what the folder says by now. It is asked only once one
    of the pictures was found in it: until then it may be any folder. Raises FacekitError for a path that leads out of
    the folder.
    """
    info = DatasetInfo(
        crop=run.info.crop,
        drawn=run.info.drawn,
        protocol=run.protocol,
        split_given=run.info.split_given,
        matchers=run.info.matchers,
    )
    there = list(_unchanged(run, records, track))
    if not there:
        return Dataset(run.root, [], info=info)
    targets, links = _targets(run.root, there), read_links(run.root / GROUPS)
    records = [updated(run, record, targets.get((record.path, record.id))) for record in there]
    return Dataset(run.root, records, _sources(run.root, there), info, links)


def sources_of(run: Run, records: Sequence[Record]) -> dict[str, Source]:
    """Return origin -> where the photos behind some pictures of the run's split were found, as its folder says it.

    The folder is asked only once the first of the pictures was found in it, as it was.
    """
    ours = (run.root / MANIFEST).exists()  # else such a file is another program's
    if not ours or not any(_unchanged(run, records[:1], quiet)):
        return {}
    return _sources(run.root, records)


def updated(run: Run, record: Record, targets: Mapping[str, str] | None) -> Record:
    """Return a picture as it was trained on, with the targets that its folder has by now.

    Those that the run has learned are as they were: they may come from a table, and their spellings were made one.
    """
    learned = {target.name for target in run.targets}
    others = {name: text for name, text in (targets or {}).items() if name not in learned}
    return replace(record, targets={**(record.targets or {}), **others} or None)


def picture_of(run: Run, record: Record) -> bytes:
    """Return the bytes of a picture of the run's split.

    Raises BadImage where it is gone or has changed, FacekitError where its path leads out of the folder.
    """
    return picture_bytes(place_of(run, record), record.sha256)


def place_of(run: Run, record: Record) -> Path:
    """Return the file of a picture of the run's split. Raises FacekitError where it is outside the folder."""
    try:
        return inside(run.root, record.path)
    except FacekitError as error:
        raise FacekitError(f"{run.folder / SPLIT}, line {run.split.index(record) + 1}: {error}") from None


def picture_bytes(file: Path, sha256: str | None = None) -> bytes:
    """Return the bytes of a regular file. Raises BadImage where it cannot be read, or does not have that hash."""
    if sha256 is None:
        return images.load(file)
    try:
        data, found = digests.load(file)
    except BadImage:
        raise BadImage(CHANGED) from None
    if found != sha256:
        raise BadImage(CHANGED)
    return data


def _unchanged(run: Run, records: Sequence[Record], track: Track) -> Iterator[Record]:
    places = {record.path: place_of(run, record) for record in records}
    hashes = track(ordered_map(_sha256, places.values()), f"check {run.root.name}", len(places))
    held = dict(zip(places, hashes, strict=True))
    return (record for record in records if held[record.path] == record.sha256)


def _sha256(file: Path) -> str | None:
    """Return the SHA-256 of a picture's file, which is never in memory as a whole; None where it cannot be read."""
    if (found := digests.known(file)) is not None:
        return found
    before = digests.stamp(file)
    try:
        with open_regular(file) as data:
            if os.fstat(data.fileno()).st_size > images.MAX_BYTES:
                return None
            found = hashlib.file_digest(data, "sha256").hexdigest()
    except OSError:
        return None
    digests.keep(file, before, found)
    return found


def _targets(root: Path, records: Sequence[Record]) -> dict[tuple[str, str], Mapping[str, str]]:
    asked = {(record.path, record.id) for record in records}
    lines = iterate_lines(own_file(root / MANIFEST), Record, check_record)
    return {(one.path, one.id): one.targets for one in lines if one.targets and (one.path, one.id) in asked}


def _sources(root: Path, records: Sequence[Record]) -> dict[str, Source]:
    asked = {record.origin for record in records}
    lines = iterate_lines(own_file(root / SOURCES), Source, check_source)
    return {one.origin: one for one in lines if one.origin in asked}


def trained_on(run: Run) -> frozenset[str]:
    """Return the hashes of the pictures that a run was trained on or validated with, and of their photos.

    Empty for a model without its split, as one that was exported. Raises FacekitError for a broken one.
    """
    if not (run.folder / SPLIT).is_file():
        return frozenset()
    used = [one for one in run.split if one.split in (TRAIN, VALIDATION)]
    return frozenset(digest for one in used for digest in (one.sha256, one.origin))
