"""What is in a folder: its files, held against what its manifest says of them."""

from __future__ import annotations

import logging
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from facekit.base.contract import FacekitError, Record, replace
from facekit.base.opening import no_folder
from facekit.dataset.pictures import DEAD, Found, is_picture, out_of_place
from facekit.dataset.records import MANIFEST, read_records

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Listing:
    """The files of a folder, one label after another, sorted, as paths relative to it."""

    files: list[str]
    outside: set[str] = field(default_factory=set)
    """Labels and paths that are links out of a folder that facekit made; they are not among the files."""


@dataclass(frozen=True)
class Manifest:
    """A manifest held against the files of its folder."""

    records: list[Record]
    """The records that have a file, as a person has since placed them."""
    gone: list[Record]
    """Those whose file is gone."""
    unlisted: list[str]
    """The files that no line names."""
    moved: bool
    """Whether a person moved or removed any of the pictures."""


def read_manifest(root: Path) -> Manifest:
    """Read a folder's manifest and hold it against its files; without one, no file is named.

    Raises FacekitError for a line that facekit would not write or that names a picture outside, and as `scan` does.
    """
    listing = scan(root)
    held = match_files(read_records(root / MANIFEST, listing.outside), listing.files)
    if listing.outside:
        log.warning("%s: %d links lead out of the folder and are not read", root, len(listing.outside))
    return held


def scan(root: Path) -> Listing:
    """List the files of a folder's labels.

    In a plain folder links are followed: people keep photos by them. In a folder with a manifest, which may come from
    a stranger, those that lead out of it are not.
    Raises FacekitError for a root that is no folder or holds pictures outside any label's folder.
    """
    if not root.is_dir():
        raise FacekitError(f"{no_folder(root)}; give a folder with one folder of pictures a person")
    made = os.path.lexists(root / MANIFEST)
    outside = _Outside(root if made else None)
    left: Counter[str] = Counter()
    entries = list_entries(root, left, made)
    labels = [entry for entry in entries if is_dir(entry)]
    files = [path for label in labels if not outside(label.name, label) for path in _files(label, outside, left, made)]
    beside = [entry for entry in entries if is_file(entry) and not (made and entry.is_symlink())]
    loose = sum(is_picture(Path(entry.path)) for entry in beside)
    if loose and not files:
        raise FacekitError(f"{root} holds {loose} pictures and no folders; put them into one folder a person")
    if loose:
        log.warning("%s: %d pictures outside any person's folder are not read", root, loose)
    if any(left.values()):
        log.info("%s: left out are %s", root, Found(left=+left))
    return Listing(files, outside.paths)


def match_files(records: Iterable[Record], files: Sequence[str]) -> Manifest:
    """Hold the records of a manifest against the files that are there.

    A file that a person moved to another label's folder takes its record along: label and path change,
    and `moved_from` says where the picture stood.
    """
    latest = {record.path: record for record in records}  # a later line for the same file wins
    names = {record.label: record.name for record in latest.values() if record.moved_from is None}
    there = set(files)
    strays: dict[str, list[str]] = defaultdict(list)
    for path in sorted(there - latest.keys()):
        strays[path.rpartition("/")[2]].append(path)
    kept, gone, moved = [], [], False
    for path, record in latest.items():
        elsewhere = strays.get(path.rpartition("/")[2])
        if path in there:
            kept.append(record)
        elif elsewhere:
            kept.append(_relabel(record, elsewhere.pop(0), names))
            moved = True
        else:
            gone.append(record)
    named = {record.path for record in kept}
    return Manifest(kept, gone, [path for path in files if path not in named], moved or bool(gone))


def _relabel(record: Record, path: str, names: Mapping[str, str]) -> Record:
    label = path.partition("/")[0]
    before = record.moved_from or record.label
    # Moved back to where it came from, it is as if it had never moved.
    moved_from = None if label == before else before
    return replace(record, label=label, name=names.get(label, label), path=path, moved_from=moved_from)


class _Outside:
    """Tells links that lead out of a folder, and collects them. Without a root, none does."""

    def __init__(self, root: Path | None) -> None:
        self._root = f"{os.path.realpath(root)}{os.sep}" if root is not None else None
        self.paths: set[str] = set()

    def __call__(self, path: str, entry: os.DirEntry[str]) -> bool:
        if self._root is None or not entry.is_symlink() or os.path.realpath(entry.path).startswith(self._root):
            return False
        self.paths.add(path)
        return True


def list_entries(folder: Path, left: Counter[str], made: bool = False) -> list[os.DirEntry[str]]:
    """Return what a folder holds, sorted by name; what is hidden or a system's is counted in `left`.

    In a folder that facekit made, only hidden files are left out. Raises FacekitError if it may not be read.
    """
    try:
        with os.scandir(folder) as entries:
            held = sorted(entries, key=lambda one: one.name)
    except PermissionError:
        raise FacekitError(f"{folder} may not be read; give yourself the right to, or choose another folder") from None
    if made:
        return [entry for entry in held if not entry.name.startswith(".")]
    left.update(reason for entry in held if (reason := out_of_place(entry.name)))
    return [entry for entry in held if not out_of_place(entry.name)]


def _files(label: os.DirEntry[str], outside: _Outside, left: Counter[str], made: bool) -> list[str]:
    entries = list_entries(Path(label.path), left, made)
    nested = sum(is_dir(entry) for entry in entries)
    if nested:
        log.warning("%s: %d folders inside it are not read", label.path, nested)
    left[DEAD] += sum(entry.is_symlink() and not is_dir(entry) and not is_file(entry) for entry in entries)
    paths = {f"{label.name}/{entry.name}": entry for entry in entries}
    return [path for path, entry in paths.items() if not outside(path, entry) and is_file(entry)]


def is_dir(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a folder, or leads to one; links that lead round in a circle do not."""
    try:
        return entry.is_dir()
    except OSError:  # links that lead round in a circle
        return False


def is_file(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a regular file, or leads to one; links that lead round in a circle do not."""
    try:
        return entry.is_file()
    except OSError:
        return False
