"""A copy of a tree without the pictures that its held-out parts show too."""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Iterable
from pathlib import Path

from facekit import __version__
from facekit.base.contract import FacekitError, Track, quiet
from facekit.base.files import check_ours, guarded, locked, replace_file, replace_lines, write_json
from facekit.commands.audit.trees import Tree
from facekit.dataset import INFO, MANIFEST, SOURCES
from facekit.dataset.info import DatasetInfo

NOTE = "audit.json"
"""What says in a copy's root that facekit made it, of what, and which files it may delete when made again."""


def check(folder: Path) -> None:
    """Refuse a folder that holds anything but an earlier copy. Raises FacekitError."""
    check_ours(folder, "audit", (folder / NOTE).is_file(), "choose another folder for --without")


def copy(tree: Tree, drop: Collection[str], folder: Path, track: Track = quiet) -> int:
    """Copy the files of a tree but those, in the folders in which they stand; return how many there are.

    Files are copied and not linked, so that whatever changes one in place leaves the source alone. A manifest
    of facekit's comes along, without what was left out.
    """
    left = set(drop)
    paths = [picture.path for picture in tree.pictures if picture.path not in left]
    with guarded(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        check(folder)
        _clear(folder)
        # Before the first picture: what a kill leaves is known for facekit's own.
        note = {"facekit": __version__, "of": str(tree.root.resolve()), "left_out": sorted(left), "files": paths}
        write_json(folder / NOTE, note)
        for path in track(paths, "copy", len(paths)):
            with guarded(folder / path):
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(tree.root / path, folder / path)
        _carry(tree, set(paths), folder)
    return len(paths)


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
    note = folder / NOTE
    if not note.is_file():
        return
    try:
        files = json.loads(note.read_text())["files"]
    except (ValueError, KeyError, TypeError):
        raise FacekitError(f"{note} is not what facekit writes; choose another folder for --without") from None
    inside = [path for path in files if _leads_inside(folder, path)]
    for path in (*inside, MANIFEST, SOURCES, INFO):
        (folder / path).unlink(missing_ok=True)
    _prune(folder, inside)


def _leads_inside(folder: Path, path: str) -> bool:
    return (folder / path).parent.resolve().is_relative_to(folder.resolve())


def _prune(folder: Path, paths: Iterable[str]) -> None:
    emptied = {parent for path in paths for parent in (folder / path).parents if parent.is_relative_to(folder)}
    for parent in sorted(emptied - {folder}, key=lambda one: -len(one.parts)):
        if parent.is_dir() and not any(parent.iterdir()):
            parent.rmdir()
