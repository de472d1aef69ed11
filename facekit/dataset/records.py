"""The lines of a folder's files, read as typed values and checked to be what facekit itself writes.

A manifest may come from a stranger. What names a file leads nowhere but into a label's folder, and an id is an id.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping
from pathlib import Path

from facekit.base.contract import PARTS, Box, Decision, FacekitError, Link, Record, Rejection, Source
from facekit.base.files import read_lines
from facekit.base.names import fold
from facekit.base.text import visible

MANIFEST = "manifest.jsonl"
SOURCES = "sources.jsonl"
REJECTED = "rejected.jsonl"
DECISIONS = "decisions.jsonl"
GROUPS = "groups.jsonl"

_ID = re.compile("[0-9a-f]{64}")
"""A SHA-256, as every id is."""

_LONGEST_NAME = 255
"""Bytes of a file's name; no file system that matters takes more."""

_FARTHEST = 1_000_000
"""Pixels that a box may lie from its photo's corner, and its sides may have."""

SYNTHETIC = (None, "copy", "augment")


def read_records(path: Path, outside: Collection[str] = ()) -> list[Record]:
    """Return the lines of a manifest.

    `outside` holds the paths and labels of the folder that are links out of it. Raises FacekitError, which names line
    and field, for a line that facekit would not write, and for one that names a picture outside.
    """

    share = Shared()

    def check(record: Record) -> None:
        check_record(record)
        share(record)
        if record.path in outside or record.label in outside:
            raise ValueError("`path` is a link out of the folder")

    return read_lines(own_file(path), Record, check)


def read_split(path: Path) -> list[Record]:
    """Return the lines of a run's split. Raises FacekitError, which names line and field, as `read_records` does."""
    share = Shared()

    def check(record: Record) -> None:
        check_parted(record)
        share(record)

    return read_lines(own_file(path), Record, check)


class Shared:
    """Lets equal texts of many records be one object: of a million, this saves half a gigabyte."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._qualities: dict[tuple[tuple[str, float], ...], Mapping[str, float]] = {}

    def __call__(self, record: Record) -> None:
        """Share what the record holds. It stays equal to what it was, which is why a frozen one may change."""
        same = object.__setattr__
        for name in ("label", "name", "made_by", "synthetic", "split"):
            text = getattr(record, name)
            if text is not None:
                same(record, name, self._texts.setdefault(text, text))
        for name in ("id", "sha256", "group", "parent"):
            if getattr(record, name) == record.origin:
                same(record, name, record.origin)
        if record.quality is not None:
            held = record.quality
            same(record, "quality", self._qualities.setdefault(tuple(held.items()), held))


def read_sources(path: Path) -> dict[str, Source]:
    """Return origin -> where the photo was found. Raises FacekitError for a line that facekit would not write."""
    return {source.origin: source for source in read_lines(own_file(path), Source, check_source)}


def read_links(path: Path) -> list[Link]:
    """Return why photos share a group. Raises FacekitError for a line that facekit would not write."""
    return read_lines(own_file(path), Link, _check_link)


def read_rejections(path: Path) -> list[Rejection]:
    """Return what was left out. Raises FacekitError for a line that facekit would not write."""
    return read_lines(own_file(path), Rejection, _check_rejection)


def read_decisions(path: Path) -> list[Decision]:
    """Return what a person decided, oldest first. Raises FacekitError for a line that is no decision."""
    return read_lines(own_file(path), Decision, _check_decision)


def own_file(path: Path) -> Path:
    """Return the path of a file that facekit writes beside the labels. Raises FacekitError for a link that leads away.

    Lines from elsewhere would be carried along into folders that are then given to others.
    """
    if path.is_symlink() and not os.path.realpath(path).startswith(os.path.realpath(path.parent) + os.sep):
        raise FacekitError(f"{path} is a link out of its folder; replace it with the file itself")
    return path


def is_name(name: str) -> bool:
    """Whether a folder or a file can have a name, and `scan` would list it: no separator in it, and not hidden."""
    try:
        size = len(name) if name.isascii() else len(os.fsencode(name))
    except UnicodeEncodeError:
        return False
    return 0 < size <= _LONGEST_NAME and not name.startswith(".") and "/" not in name and "\0" not in name


def check_record(record: Record) -> None:
    """Raise ValueError, which names the field, for a record that facekit would not write into a manifest."""
    check_parted(record)
    label, _, file = record.path.partition("/")
    # The folder may spell the label otherwise: see `base.names`.
    spelled = label == record.label or (is_name(label) and fold(label) == fold(record.label))
    if not spelled or not is_name(file):
        raise ValueError(f"`path` is {shown(record.path)}, not a file under the label {shown(record.label)}")


def check_parted(record: Record) -> None:
    """Raise ValueError, which names the field, for a record that facekit would not write into a run's split.

    Its picture may lie anywhere below the root: in a tree that facekit did not make, folders of parts are above labels.
    """
    _check_ids(id=record.id, sha256=record.sha256, origin=record.origin, group=record.group, parent=record.parent)
    _check_names(label=record.label, moved_from=record.moved_from)
    if not all(map(is_name, record.path.split("/"))):
        raise ValueError(f"`path` is {shown(record.path)}, not a file below a folder")
    if record.synthetic not in SYNTHETIC:
        raise ValueError(f"`synthetic` is {shown(record.synthetic)}, not copy or augment")
    if record.split is not None and record.split not in PARTS:
        raise ValueError(f"`split` is {shown(record.split)}, not one of {', '.join(PARTS)}")
    _check_box(record.box)


def check_source(source: Source) -> None:
    """Raise ValueError, which names the field, for a source that facekit would not write."""
    _check_ids(origin=source.origin)


def _check_link(link: Link) -> None:
    _check_ids(first=link.first, second=link.second)
    if not link.first < link.second:
        raise ValueError("`first` is not the lower of the two photos")


def _check_rejection(left: Rejection) -> None:
    _check_ids(id=left.id, parent=left.parent, origin=left.origin)
    _check_names(label=left.label, like=left.like)
    _check_box(left.box)


def _check_decision(decision: Decision) -> None:
    _check_names(label=decision.label, to=decision.to)
    _check_box(decision.box)


def _check_ids(**ids: str | None) -> None:
    right = None
    for field, id in ids.items():
        if id is None or id == right:
            continue
        if not _ID.fullmatch(id):
            raise ValueError(f"`{field}` is {shown(id)}, not 64 hexadecimal digits")
        right = id


def _check_names(**names: str | None) -> None:
    for field, name in names.items():
        if name is not None and not is_name(name):
            raise ValueError(f"`{field}` is {shown(name)}, which no folder of a person is called")


def _check_box(box: Box | None) -> None:
    if box is not None and not (max(map(abs, box)) <= _FARTHEST and box.w > 0 and box.h > 0):
        raise ValueError(f"`box` is {shown(str(list(box)))}, not a rectangle in a photo")


def shown(value: str) -> str:
    """Return the beginning of a value from outside, in quotes, as a message may hold it."""
    return repr(visible(value[:40]) + ("…" if len(value) > 40 else ""))
