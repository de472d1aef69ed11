"""Reading a folder of pictures: the files are the truth, the manifest says what is known of them."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from facekit.base import images
from facekit.base.contract import BadImage, FacekitError, Record, Source, Track, quiet, replace
from facekit.base.files import read_lines, replace_file
from facekit.base.parallel import ordered_map

MANIFEST = "manifest.jsonl"
SOURCES = "sources.jsonl"
REJECTED = "rejected.jsonl"
DECISIONS = "decisions.jsonl"
INFO = "dataset.json"

_PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".pgm")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Dataset:
    """A folder-per-label tree: `records` in input order, each with its file at `root / record.path`."""

    root: Path
    records: list[Record]
    sources: dict[str, Source] = field(default_factory=dict)
    info: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def open(cls, root: Path, track: Track = quiet) -> Dataset:
        """Read a tree, with or without a manifest.

        Raises FacekitError: no such folder, no pictures, pictures outside any label's folder.
        """
        info = read_info(root)
        found = scan(root)
        lined, missing = place(read_lines(root / MANIFEST, Record), found)
        if missing:
            log.info("%s: %d pictures were removed by hand", root, len(missing))
        if info.get("complete", True):
            known = {record.path for record in lined}
            fresh = [path for label in found for path in found[label] if path not in known]
        else:
            # What a killed run wrote without a line is its own to make again.
            log.warning("%s is not complete; the command that makes it goes on when run again", root)
            fresh = []
        # Where a picture stood before is the concern of the stage that made it, not of the next one.
        lined = [replace(record, moved_from=None) for record in lined]
        records = lined + _derived(root, fresh, track)
        if not records:
            raise FacekitError(f"{root} holds no pictures; give a folder with one folder of pictures a person")
        sources = {s.origin: s for s in read_lines(root / SOURCES, Source)}
        for record in records[len(lined) :]:
            sources.setdefault(record.id, Source(record.id, url=record.path, engine="folder"))
        return cls(root, records, sources, info)

    @property
    def labels(self) -> list[str]:
        """The labels that have pictures, sorted."""
        return sorted({record.label for record in self.records})

    @property
    def protocol(self) -> str | None:
        """How the split was asked for: `group`, `image`, or None where none was."""
        return self.info.get("protocol")

    @cached_property
    def _paths(self) -> dict[tuple[str, str], str]:
        return {(record.label, record.id): record.path for record in reversed(self.records)}

    def by_label(self) -> dict[str, list[Record]]:
        """Return label -> its records, labels sorted, records in order."""
        return by_label(self.records)

    def bytes_of(self, record: Record) -> bytes:
        """Return the bytes of the picture that a record of this tree, or one relabelled since, stands for."""
        return self.path_of(record).read_bytes()

    def path_of(self, record: Record) -> Path:
        """Return the file of the picture that a record of this tree, or one relabelled since, stands for."""
        return self.root / self._paths[record.moved_from or record.label, record.id]

    def digest(self) -> str:
        """Return a hash of what the tree holds: names, bytes, groups and split."""
        lines = sorted(json.dumps([r.label, r.id, r.sha256, r.group, r.split, r.synthetic]) for r in self.records)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


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


def unreadable(dataset: Dataset, track: Track = quiet) -> dict[tuple[str, str], BadImage]:
    """Decode every picture; return (label, id) -> why not, for those that cannot be."""

    def check(record: Record) -> BadImage | None:
        try:
            images.read(dataset.root / record.path)
        except BadImage as error:
            return error
        return None

    checked = track(ordered_map(check, dataset.records), f"check {dataset.root.name}", len(dataset.records))
    return {(r.label, r.id): bad for r, bad in zip(dataset.records, checked, strict=True) if bad is not None}


def derive_id(parent: str, stage: str, detail: object, k: int = 0) -> str:
    """Return the id of a picture made from another: a hash of how it was made, never of its bytes."""
    text = json.dumps([parent, stage, detail, k], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def photo_path(label: str, id: str, suffix: str = ".jpg") -> str:
    """Return where a picture stands, relative to its root: `label/first 16 digits of its id`."""
    return f"{label}/{id[:16]}{suffix}"


def named_by_id(record: Record) -> Record:
    """Return the record with the path that facekit gives it, whatever its file was called."""
    suffix = Path(record.path).suffix.lower() or ".jpg"
    return replace(record, path=photo_path(record.label, record.id, suffix))


def read_info(root: Path) -> dict[str, Any]:
    """Return `dataset.json`, empty where there is none. Raises FacekitError for a broken one."""
    try:
        info = json.loads((root / INFO).read_text())
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except ValueError:
        raise FacekitError(f"{root / INFO} is not JSON; delete it to read the folder as plain pictures") from None
    return info if isinstance(info, dict) else {}


def annotate(root: Path, **facts: Any) -> None:
    """Add facts to a folder's `dataset.json` that later stages inherit: `drawn`."""
    info = {**read_info(root), **facts}
    replace_file(root / INFO, info_bytes(info))


def info_bytes(info: Mapping[str, Any]) -> bytes:
    """Return `dataset.json` as it is written."""
    return (json.dumps(info, indent=2, ensure_ascii=False) + "\n").encode()


def scan(root: Path) -> dict[str, list[str]]:
    """Return label -> the paths of its files, relative to the root, both sorted.

    Raises FacekitError for a root that is no folder or holds pictures outside any label's folder.
    """
    if not root.exists():
        raise FacekitError(f"no such folder: {root}; give a folder with one folder of pictures a person")
    if not root.is_dir():
        raise FacekitError(f"{root} is a file; give a folder with one folder of pictures a person")
    entries = sorted((entry for entry in _entries(root) if not entry.name.startswith(".")), key=lambda e: e.name)
    found = {entry.name: _files(Path(entry.path)) for entry in entries if entry.is_dir()}
    loose = sum(entry.name.lower().endswith(_PICTURES) for entry in entries if entry.name not in found)
    if loose and not any(found.values()):
        raise FacekitError(f"{root} holds {loose} pictures and no folders; put them into one folder a person")
    if loose:
        log.warning("%s: %d pictures outside any person's folder are not read", root, loose)
    return found


def place(records: Iterable[Record], found: Mapping[str, list[str]]) -> tuple[list[Record], list[Record]]:
    """Hold a manifest against the files: return the records that have one, and those whose file is gone.

    A file that a person moved to another label's folder takes its record along: label and path change,
    and `moved_from` says where the picture stood.
    """
    latest = {record.path: record for record in records}  # a later line for the same file wins
    names = {record.label: record.name for record in latest.values() if record.moved_from is None}
    files = {path for paths in found.values() for path in paths}
    strays: dict[str, list[str]] = defaultdict(list)
    for path in sorted(files - latest.keys()):
        strays[path.rpartition("/")[2]].append(path)
    kept, gone = [], []
    for path, record in latest.items():
        moved = strays.get(path.rpartition("/")[2])
        if path in files:
            kept.append(record)
        elif moved:
            to = moved.pop(0)
            kept.append(_relabel(record, to, names))
        else:
            gone.append(record)
    return kept, gone


def _relabel(record: Record, path: str, names: Mapping[str, str]) -> Record:
    label = path.partition("/")[0]
    before = record.moved_from or record.label
    # Moved back to where it came from, it is as if it had never moved.
    moved_from = None if label == before else before
    return replace(record, label=label, name=names.get(label, label), path=path, moved_from=moved_from)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except PermissionError:
        raise FacekitError(f"{folder} may not be read; give yourself the right to, or choose another folder") from None


def _files(folder: Path) -> list[str]:
    found = _entries(folder)
    nested = sum(entry.is_dir() for entry in found)
    if nested:
        log.warning("%s: %d folders inside it are not read", folder, nested)
    return sorted(f"{folder.name}/{e.name}" for e in found if not e.name.startswith(".") and e.is_file())


def _derived(root: Path, paths: list[str], track: Track) -> list[Record]:
    """Make records of files that no manifest names: the id is the hash of the bytes as found."""

    def derive(path: str) -> Record:
        try:
            data = (root / path).read_bytes()
        except OSError:  # whoever decodes it will count it as unreadable; until then its path is all there is
            data = path.encode(errors="surrogateescape")
        digest = hashlib.sha256(data).hexdigest()
        label = path.partition("/")[0]
        return Record(id=digest, sha256=digest, path=path, label=label, name=label, origin=digest)

    if not paths:
        return []
    return list(track(ordered_map(derive, paths), f"read {root.name}", total=len(paths)))
