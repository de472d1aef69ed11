"""Reading a folder of pictures: the files are the truth, the manifest says what is known of them."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path

from facekit.base import digests, images
from facekit.base.contract import BadImage, FacekitError, Link, Record, Source, Track, quiet, replace
from facekit.base.parallel import Jobs, must_see, ordered_map
from facekit.base.text import counted
from facekit.dataset import tombstones
from facekit.dataset.info import DatasetInfo, read_info
from facekit.dataset.layouts import Place
from facekit.dataset.listing import read_manifest
from facekit.dataset.pictures import FOLDERS
from facekit.dataset.records import GROUPS, MANIFEST, SOURCES, read_links, read_sources
from facekit.dataset.spelling import one_label_each
from facekit.options.common import SplitBy

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Dataset:
    """A tree of pictures with labels: `records` in input order, each with its file at `root / record.path`."""

    root: Path
    records: list[Record]
    sources: dict[str, Source] = field(default_factory=dict)
    info: DatasetInfo = field(default_factory=DatasetInfo)
    links: list[Link] = field(default_factory=list)
    """Why photos share a group, as far as it was seen on pixels."""
    left: Counter[str] = field(default_factory=Counter)
    """Reason -> files and folders that are no pictures of it, before any is decoded."""
    found_at: Path | None = None
    """Where the pictures came from, if `root` is a copy that is gone when they are read."""

    @classmethod
    def open(cls, root: Path, track: Track = quiet, wanted: str = FOLDERS, jobs: Jobs = 0) -> Dataset:
        """Read a tree, with or without a manifest. `wanted` is what to give in place of one without pictures.

        `jobs` are those who read the files that no manifest names, and who will read the pictures.

        Raises FacekitError: no such folder, no pictures, pictures outside any label's folder.
        """
        known = read_info(root)
        info = known or DatasetInfo()
        held = read_manifest(root)
        info = replace(info, split_given=info.split_given or held.listing.given)
        if held.gone:
            log.info("%s: %s removed by hand", root, counted(len(held.gone), "picture was", "pictures were"))
        # Where a picture stood before is the concern of the stage that made it, not of the next one.
        records = [replace(record, moved_from=None) for record in held.records]
        ours = known is not None or os.path.lexists(root / MANIFEST)  # else such files are another program's
        sources = read_sources(root / SOURCES) if ours else {}
        if info.complete:
            for record in _derive(root, held.unlisted, held.listing.places, track, jobs):
                records.append(record)
                sources.setdefault(record.id, Source(record.id, url=record.path, engine="folder"))
        else:  # what a killed run wrote without a line is for it to make again
            log.warning(_incomplete(root, info, records))
        records, left = _allowed(root, records, held.listing.left)
        if not records:
            raise FacekitError(f"{root} has no pictures; give {wanted}")
        must_see(jobs, root, [record.path for record in records])
        links = read_links(root / GROUPS) if ours else []
        return cls(root, one_label_each(records, root), sources, info, links, left)

    @property
    def labels(self) -> list[str]:
        """The labels that have pictures, sorted."""
        return sorted({record.label for record in self.records})

    @property
    def protocol(self) -> SplitBy | None:
        """How the split was drawn; None where it was not."""
        return self.info.protocol

    @cached_property
    def _paths(self) -> dict[tuple[str, str], str]:
        return {(record.label, record.id): record.path for record in reversed(self.records)}

    def by_label(self) -> dict[str, list[Record]]:
        """Return label -> its records, labels sorted, records in order."""
        return by_label(self.records)

    def bytes_of(self, record: Record) -> bytes:
        """Return the bytes of the picture of a record of this tree, also of one relabelled since. Raises BadImage."""
        return images.load(self.path_of(record))

    def path_of(self, record: Record) -> Path:
        """Return the file of the picture of a record of this tree, also of one relabelled since."""
        return self.root / self._paths[record.moved_from or record.label, record.id]

    def named_by_id(self, record: Record) -> Record:
        """Return the record with the path that facekit gives it, whatever its file is called.

        Its suffix is that of `suffix_of`.
        """
        suffix = suffix_of(record.path, lambda: self.bytes_of(record))
        return replace(record, path=photo_path(record.label, record.id, suffix))

    def hashed(self, track: Track = quiet) -> Dataset:
        """Return the tree with the hashes of its files as they are now: a manifest may be older than they are."""
        if not (self.root / MANIFEST).exists():  # hashed when it was read
            return self
        read = ordered_map(self._as_it_is, self.records)
        return replace(self, records=list(track(read, f"read {self.root.name}", total=len(self.records))))

    def _as_it_is(self, record: Record) -> Record:
        try:
            digest = digests.of(self.root / record.path)
        except BadImage:  # counted as unreadable where it is decoded
            return record
        return record if digest == record.sha256 else replace(record, sha256=digest)

    def digest(self) -> str:
        """Return a hash of what the tree holds: names, bytes, groups and split."""
        lines = sorted(json.dumps([r.label, r.id, r.sha256, r.group, r.split, r.synthetic]) for r in self.records)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _allowed(root: Path, records: list[Record], left: Counter[str]) -> tuple[list[Record], Counter[str]]:
    """Return the pictures but those that were removed for good, as far as their bytes show it; and what is left out."""
    stones = tombstones.read()
    if not stones:
        return records, left
    allowed = [one for one in records if not (stones.has_bytes(one.sha256) or stones.has_bytes(one.origin))]
    count = len(records) - len(allowed)
    if not count:
        return records, left
    log.warning(
        "%s: %s left out",
        root,
        counted(
            count, f"picture that {tombstones.FORGOTTEN} is", "pictures that were removed with `facekit forget` are"
        ),
    )
    return allowed, left + Counter({tombstones.FORGOTTEN: count})


def _incomplete(root: Path, info: DatasetInfo, records: Iterable[Record]) -> str:
    """Say that a folder was left in the middle, and what is not known of its pictures for that."""
    again = f"run the same `facekit {info.stage}` again" if info.stage else "run the command that makes it again"
    loose = sum(not record.group for record in records)
    groups = f", and for {loose} of its pictures it is not known yet which show the same photo" if loose else ""
    return f"{root} is not complete: pictures are missing{groups}; {again} to finish it"


def by_label(records: Iterable[Record]) -> dict[str, list[Record]]:
    """Return label -> its records, labels sorted, records in the order given."""
    groups: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        groups[record.label].append(record)
    return dict(sorted(groups.items()))


def distinct(records: Iterable[Record]) -> tuple[list[Record], list[tuple[Record, Record]]]:
    """Part the pictures of a name that are there once from those that repeat one's bytes, with that one.

    Only a plain tree has repeats: an id stands once under a label wherever facekit wrote it.
    """
    first: dict[tuple[str, str], Record] = {}
    again = []
    for record in records:
        if (record.label, record.id) in first:
            again.append((record, first[record.label, record.id]))
        else:
            first[record.label, record.id] = record
    return list(first.values()), again


def unreadable(dataset: Dataset, track: Track = quiet, jobs: Jobs = 0) -> dict[tuple[str, str], BadImage]:
    """Decode every picture; return (label, id) -> why not, for those that cannot be."""
    files = (dataset.root.absolute() / record.path for record in dataset.records)
    checked = track(ordered_map(_why_not, files, jobs), f"check {dataset.root.name}", len(dataset.records))
    return {(r.label, r.id): bad for r, bad in zip(dataset.records, checked, strict=True) if bad is not None}


def derive_id(parent: str, stage: str, detail: object, k: int = 0) -> str:
    """Return the id of a picture made from another: a hash of how it was made, never of its bytes."""
    text = json.dumps([parent, stage, detail, k], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def photo_path(label: str, id: str, suffix: str = ".jpg") -> str:
    """Return where a picture is, relative to its root: `label/first 16 digits of its id`."""
    return f"{label}/{id[:16]}{suffix}"


def suffix_of(path: str, data: Callable[[], bytes]) -> str:
    """Return the suffix that facekit gives a picture: its own where pictures have it, else that of its format."""
    own = Path(path).suffix.lower()
    if own in images.SUFFIXES:
        return own
    try:
        suffix = images.header(data()).suffix
    except BadImage:
        return ".jpg"
    return suffix if suffix in images.SUFFIXES else ".jpg"


def _why_not(file: Path) -> BadImage | None:
    """Return why a picture cannot be decoded; None where it can be."""
    try:
        images.read(file)
    except BadImage as error:
        return error
    return None


def _derive(root: Path, paths: list[str], places: Mapping[str, Place], track: Track, jobs: Jobs) -> list[Record]:
    """Make records of files that no manifest names: the id is the hash of the bytes as found.

    `places` is what the folder's layout says of them.
    """

    def derive(path: str, digest: str) -> Record:
        place = places.get(path) or Place(path, path.partition("/")[0])
        name = place.name or place.label
        return Record(digest, digest, path, place.label, name, digest, split=place.part, targets=place.targets or None)

    if not paths:
        return []
    must_see(jobs, root, paths)
    read = ordered_map(partial(_digest_of, root.absolute()), paths, jobs)
    tracked = track(read, f"read {root.name}", total=len(paths))
    # Strict: else what tracks it would not be asked to its end, and its bar would not be full.
    return [derive(path, digest) for path, digest in zip(paths, tracked, strict=True)]


def _digest_of(root: Path, path: str) -> str:
    try:
        return digests.of(root / path)
    except BadImage:  # counted as unreadable where it is decoded; until then its path is all there is
        return hashlib.sha256(path.encode(errors="surrogateescape")).hexdigest()
