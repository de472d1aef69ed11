"""What is in a folder: its files, compared with its manifest."""

from __future__ import annotations

import logging
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from facekit.base.contract import FacekitError, Record, replace
from facekit.base.names import check_encoding, fold
from facekit.base.opening import no_folder
from facekit.base.text import counted
from facekit.dataset.archives import is_archive
from facekit.dataset.entries import is_dir, is_file, list_entries, list_label
from facekit.dataset.info import INFO
from facekit.dataset.layouts import LOOSE, Place, lay_out
from facekit.dataset.pictures import FOLDERS, Found, is_picture, out_of_folders
from facekit.dataset.records import MANIFEST, read_records
from facekit.options.following import command

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Listing:
    """The files of a folder, one label after another, sorted, as paths relative to it."""

    files: list[str]
    outside: set[str] = field(default_factory=set)
    """Labels and paths that are links out of a folder that facekit made; they are not among the files."""
    places: Mapping[str, Place] = field(default_factory=dict)
    """Path -> what the layout of a folder says of it that facekit did not make."""
    given: bool = False
    """Whether that layout gives a split."""
    left: Counter[str] = field(default_factory=Counter)
    """Reason -> files and folders that were left out before anything is decoded."""


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
    listing: Listing = field(default_factory=lambda: Listing([]))
    """What the files were read from."""


def read_manifest(root: Path) -> Manifest:
    """Read a folder's manifest and hold it against its files; without one, no file is named.

    Raises FacekitError for a line that facekit would not write or that names a picture outside, and as `scan` does.
    """
    listing = scan(root)
    held = match_files(_lines(root, listing.outside), listing.files)
    if listing.outside:
        what = counted(len(listing.outside), "link that leads out of it is", "links that lead out of it are")
        log.warning("%s: %s not read", root, what)
    return replace(held, listing=listing)


def _lines(root: Path, outside: set[str]) -> list[Record]:
    """Read the lines of a manifest. Raises FacekitError as `read_records` does."""
    try:
        return read_records(root / MANIFEST, outside)
    except FacekitError as error:
        what, fix, _ = str(error).partition("; fix or delete that line")
        if not fix or os.path.lexists(root / INFO):
            raise
        raise FacekitError(
            f"{what}; if another program made that file, move it elsewhere, and the folder is read as plain pictures"
        ) from None


def _instead(path: Path) -> str:
    """Return what to give in place of a path that is no folder; of photos, what makes a folder of their faces."""
    if is_archive(path) or (path.is_file() and is_picture(path)):
        return f"make a folder of its faces with `{command('crop', path, '-o', 'faces')}`, and give that"
    return f"give {FOLDERS}"


def scan(root: Path) -> Listing:
    """List the files of a folder's labels.

    In a plain folder, which `layouts` reads, links are followed: people keep photos by them. In a folder with a
    manifest, which may come from a stranger, those that lead out of it are not.
    Raises FacekitError for a root that is no folder, and as `lay_out` does.
    """
    check_encoding()
    if not root.is_dir():
        raise FacekitError(f"{no_folder(root)}; {_instead(root)}")
    left: Counter[str] = Counter()
    if os.path.lexists(root / MANIFEST):
        listing = _of_facekit(root, left)
    else:
        layout = lay_out(root, left)
        places = {place.path: place for place in layout.places}
        listing = Listing(list(places), places=places, given=layout.given)
    if any(left.values()):
        log.info("%s: left out: %s", root, Found(left=+left))
    return replace(listing, left=+left)


def _of_facekit(root: Path, left: Counter[str]) -> Listing:
    """List the files of the labels of a folder that facekit made."""
    outside = _Outside(root)
    entries = list_entries(root, left, made=True)
    labels = [entry for entry in entries if is_dir(entry) and not outside(entry.name, entry)]
    files = [path for label in labels for path in _files(label, outside, left)]
    loose = sum(is_file(entry) and not entry.is_symlink() and is_picture(Path(entry.path)) for entry in entries)
    if loose:
        log.warning("%s: %s", root, out_of_folders(loose))
        left[LOOSE] += loose
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
    if fold(label) == fold(record.label):  # another disk spells the folder otherwise
        return replace(record, path=path)
    before = record.moved_from or record.label
    # Moved back to where it came from, it is as if it had never moved.
    moved_from = None if label == before else before
    return replace(record, label=label, name=names.get(label, label), path=path, moved_from=moved_from)


class _Outside:
    """Tells links that lead out of a folder, and collects them."""

    def __init__(self, root: Path) -> None:
        self._root = f"{os.path.realpath(root)}{os.sep}"
        self.paths: set[str] = set()

    def __call__(self, path: str, entry: os.DirEntry[str]) -> bool:
        if not entry.is_symlink() or os.path.realpath(entry.path).startswith(self._root):
            return False
        self.paths.add(path)
        return True


def _files(label: os.DirEntry[str], outside: _Outside, left: Counter[str]) -> list[str]:
    paths = {f"{label.name}/{entry.name}": entry for entry in list_label(Path(label.path), left, made=True)}
    return [path for path, entry in paths.items() if not outside(path, entry) and is_file(entry)]
