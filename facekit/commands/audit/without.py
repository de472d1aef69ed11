"""Copy a tree without the training pictures that also appear in its held-out parts."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from facekit import __version__
from facekit.base.contract import BadImage, FacekitError, Track, quiet
from facekit.base.files import (
    check_ours,
    delete,
    guarded,
    inside,
    locked,
    read_json,
    replace_file,
    replace_lines,
    sha256_of,
    write_json,
)
from facekit.commands.audit.trees import Picture, Tree
from facekit.dataset import GROUPS, INFO, MANIFEST, SOURCES
from facekit.dataset.folder import write_links
from facekit.dataset.groups import links_about
from facekit.dataset.info import DatasetInfo
from facekit.dataset.records import own_file
from facekit.runs.pictures import CHANGED, picture_bytes

NOTE = "audit.json"

_HINT = "choose another folder for --without"


@dataclass(frozen=True)
class Note:
    """What `audit.json` in a copy's root says: that facekit made it, of what, and which files are the copy's own."""

    facekit: str
    of: str
    left_out: list[str]
    files: Mapping[str, str] | tuple[str, ...]
    """Path -> SHA-256 of the bytes that facekit wrote. Version 0.1.0 named the paths only."""


def check(folder: Path) -> None:
    """Refuse a folder that holds anything but an earlier copy. Raises FacekitError."""
    check_ours(folder, "audit", (folder / NOTE).is_file(), _HINT)


def copy(tree: Tree, drop: Collection[str], folder: Path, track: Track = quiet) -> int:
    """Copy the files of a tree but those of `drop`, in the folders in which they stand; return how many there are.

    Files are copied and not linked, so that whatever changes one in place leaves the source alone. A manifest
    of facekit's comes along, without what was left out. Raises FacekitError for a path that leaves the folder.
    """
    left = set(drop)
    pictures = [picture for picture in tree.pictures if picture.path not in left]
    with guarded(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        check(folder)
        _clear(folder)
        hashes = dict(_hashes(tree.root, track(pictures, "read", len(pictures))))
        # Before the first picture: what a kill leaves is known for facekit's own.
        write_json(folder / NOTE, Note(__version__, str(tree.root.resolve()), sorted(left), hashes))
        for path, sha256 in track(list(hashes.items()), "copy", len(hashes)):
            _copy(tree.root / path, sha256, inside(folder, path))
        _carry(tree, hashes.keys(), folder)
    return len(hashes)


def _hashes(root: Path, pictures: Iterable[Picture]) -> Iterator[tuple[str, str]]:
    """Yield path and hash of the files that are still what their tree says of them."""
    for picture in pictures:
        try:
            yield picture.path, hashlib.sha256(_read(root / picture.path, picture.sha256)).hexdigest()
        except BadImage:  # has changed since a run was trained on it
            continue


def _copy(source: Path, sha256: str, target: Path) -> None:
    try:
        data = _read(source, sha256)
    except BadImage:
        raise FacekitError(f"{source} has just changed; run the same command again") from None
    with guarded(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        replace_file(target, data)
        shutil.copystat(source, target)


def _read(source: Path, sha256: str | None) -> bytes:
    """Return a file's bytes. Raises BadImage where they have another hash, and FacekitError where there are none."""
    try:
        return picture_bytes(source, sha256)
    except BadImage as error:
        if error.reason == CHANGED:
            raise
        raise FacekitError(f"{source}: {error.reason}; delete it, or check its permissions") from None


def _carry(tree: Tree, stay: Collection[str], folder: Path) -> None:
    if tree.dataset is None:
        return
    records = [record for record in tree.dataset.records if record.path in stay]
    replace_lines(folder / SOURCES, (source.to_json() for source in tree.dataset.sources.values()))
    was = tree.dataset.info
    info = DatasetInfo(stage="audit", facekit=__version__).inherit(was)
    write_links(folder, links_about(tree.dataset.links, {record.origin for record in records}))
    replace_file(folder / INFO, info.to_bytes())
    replace_lines(folder / MANIFEST, (record.to_json() for record in records))


def _clear(folder: Path) -> None:
    """Delete what an earlier copy put here, and the folders that this empties; nothing else.

    Raises FacekitError, before anything is deleted, for a file that is no longer what was written.
    """
    files = read_note(folder)
    if files is None:
        return
    there = [file for file in files if os.path.lexists(file)]
    for file in there:
        if file.is_symlink() or not file.is_file() or sha256_of(file) != files[file]:
            raise FacekitError(f"{file} has changed since facekit wrote it; move it elsewhere, or {_HINT}")
    for file in (*there, *(folder / name for name in (MANIFEST, SOURCES, GROUPS, INFO))):
        delete(file)
    _prune(folder, files)


def read_note(folder: Path) -> dict[Path, str] | None:
    """Return the files that an earlier copy put into a folder, with their hashes; None where there was none.

    Raises FacekitError for a note that facekit would not write, and for one that names a file elsewhere.
    """
    try:
        note = read_json(own_file(folder / NOTE), Note, hint=_HINT)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not isinstance(note.files, Mapping):
        raise FacekitError(f"{folder / NOTE} was written by an earlier version, which stored no hashes; {_HINT}")
    return {inside(folder, path): sha256 for path, sha256 in note.files.items()}


def _prune(folder: Path, files: Iterable[Path]) -> None:
    emptied = {parent for file in files for parent in file.parents if parent.is_relative_to(folder)}
    for parent in sorted(emptied - {folder}, key=lambda one: -len(one.parts)):
        with suppress(OSError):  # one that still holds something stays
            parent.rmdir()
