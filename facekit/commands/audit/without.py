"""A copy of a tree without the pictures that its held-out parts show too."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from facekit import __version__
from facekit.base.contract import BadImage, FacekitError, Track, quiet
from facekit.base.files import check_ours, guarded, inside, locked, read_json, replace_file, replace_lines, write_json
from facekit.commands.audit.trees import Picture, Tree
from facekit.dataset import INFO, MANIFEST, SOURCES
from facekit.dataset.info import DatasetInfo
from facekit.runs.pictures import CHANGED, picture_bytes

NOTE = "audit.json"

_HINT = "choose another folder for --without"


@dataclass(frozen=True)
class Note:
    """What `audit.json` in a copy's root says: that facekit made it, of what, and which files are the copy's own."""

    facekit: str
    of: str
    left_out: list[str]
    files: list[str]


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
        # Before the first picture: what a kill leaves is known for facekit's own.
        note = Note(__version__, str(tree.root.resolve()), sorted(left), [picture.path for picture in pictures])
        write_json(folder / NOTE, note)
        copied = {one.path for one in track(pictures, "copy", len(pictures)) if _copy(tree.root, one, folder)}
        _carry(tree, copied, folder)
    return len(copied)


def _copy(root: Path, picture: Picture, folder: Path) -> bool:
    """Copy one file; return whether it is still what the tree says of it."""
    source, target = root / picture.path, inside(folder, picture.path)
    try:
        data = picture_bytes(source, picture.sha256)
    except BadImage as error:
        if error.reason == CHANGED:
            return False
        raise FacekitError(f"{source}: {error.reason}; delete it, or check its permissions") from None
    with guarded(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        replace_file(target, data)
        shutil.copystat(source, target)
    return True


def _carry(tree: Tree, stay: Collection[str], folder: Path) -> None:
    if tree.dataset is None:
        return
    records = [record for record in tree.dataset.records if record.path in stay]
    replace_lines(folder / SOURCES, (source.to_json() for source in tree.dataset.sources.values()))
    was = tree.dataset.info
    info = DatasetInfo(stage="audit", facekit=__version__, protocol=was.protocol, crop=was.crop, drawn=was.drawn)
    replace_file(folder / INFO, info.to_bytes())
    replace_lines(folder / MANIFEST, (record.to_json() for record in records))


def _clear(folder: Path) -> None:
    """Delete what an earlier copy put here, and the folders that this empties; nothing else."""
    try:
        note = read_json(folder / NOTE, Note, hint=_HINT)
    except FileNotFoundError:
        return
    files = [inside(folder, path) for path in (*note.files, MANIFEST, SOURCES, INFO)]
    for file in files:
        if file.is_file():
            file.unlink()
    _prune(folder, files)


def _prune(folder: Path, files: Iterable[Path]) -> None:
    emptied = {parent for file in files for parent in file.parents if parent.is_relative_to(folder)}
    for parent in sorted(emptied - {folder}, key=lambda one: -len(one.parts)):
        with suppress(OSError):  # one that still holds something stays
            parent.rmdir()
