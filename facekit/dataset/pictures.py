"""Which files of a folder are pictures: one rule for every command.

Hidden files and folders, and those that systems put into people's folders, are no part of a collection. Of the rest,
the content decides: a file is a picture if it begins as one, whatever its name is. A file that is only called like a
picture is looked at as well, so that decoding it says what is wrong with it.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from facekit.base import images
from facekit.base.opening import is_there, open_regular
from facekit.base.text import counted
from facekit.dataset.records import MANIFEST

HIDDEN, SYSTEM, DEAD, OUT, CLOSED, DEEP, OTHER = (
    "hidden",
    "system files or folders",
    "broken link",
    "link out of the folder",
    "may not be read",
    "folder nested too deeply",
    "not a picture",
)
"""Why a file or a folder is left out before anything is decoded."""

FOLDERS = "a folder with one folder of pictures per person"
PHOTOS = "photos, a folder of photos, or a zip or tar of them"
"""What commands read, as their messages name it: trees, and whatever holds photos."""

MAX_DEPTH = 64
"""Folders inside one another that are looked into; people nest a few, and an archive can hold thousands."""

_SYSTEM = {
    *("__macosx", "$recycle.bin", "system volume information", "lost+found", "__pycache__"),
    *("@eadir", "@recycle", "@sharebin", "@recently-snapshot", "@tmp", "#recycle", "#snapshot"),
    *("thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "icon\r"),
}
"""What macOS, Windows, Synology and QNAP put into folders, in lower case."""


@dataclass(frozen=True)
class Found:
    """The pictures below a folder, sorted by path, and what was left out: reason -> files and folders."""

    files: list[Path] = field(default_factory=list)
    left: Counter[str] = field(default_factory=Counter)
    others: list[Path] = field(default_factory=list)
    """What was asked for in addition to pictures, sorted by path."""

    def __str__(self) -> str:
        """Return what was left out, as a person reads it."""
        return ", ".join(f"{count:,} {reason}" for reason, count in self.left.most_common())


def out_of_folders(count: int) -> str:
    """Return what is said of pictures that lie in no person's folder."""
    where = "outside any person's folder"
    return counted(count, f"picture {where} is not read", f"pictures {where} are not read")


def out_of_place(name: str) -> str | None:
    """Return why a file or a folder of that name is no part of a collection; None where it is."""
    if name.startswith("."):
        return HIDDEN
    return SYSTEM if name.lower() in _SYSTEM else None


def is_picture(path: Path) -> bool:
    """Return whether a file begins as a picture, or is called like one."""
    if path.name.lower().endswith(images.SUFFIXES):
        return True
    try:
        with open_regular(path) as file:
            return images.begins_as_picture(file.read(16))
    except OSError:
        return False


def below(folder: Path, also: Callable[[Path], bool] = lambda path: False) -> Found:
    """Find the pictures of a folder and of those in it. A folder that links lead back to is looked into once.

    `also` says which files are asked for in addition to pictures. Where a manifest, which may come from a stranger, is
    in the folder, links out of it are not followed, and facekit's own files are passed over.
    """
    found = Found()
    made = os.path.lexists(folder / MANIFEST)
    root = f"{os.path.realpath(folder)}{os.sep}" if made else ""
    for entry in _walk(folder, found.left, set(), root):
        if made and Path(entry.path).parent == folder and entry.name.endswith((".json", ".jsonl", ".csv")):
            continue
        if also(Path(entry.path)):
            found.others.append(Path(entry.path))
        elif is_picture(Path(entry.path)):
            found.files.append(Path(entry.path))
        else:
            found.left[OTHER if os.access(entry.path, os.R_OK) else CLOSED] += 1
    return Found(sorted(found.files), found.left, sorted(found.others))


def count_below(folder: Path) -> int:
    """Return how many pictures are in a folder and in those in it; no link is followed."""
    count = 0
    for place, inner, names in os.walk(folder):
        deep = len(Path(place).relative_to(folder).parts) >= MAX_DEPTH
        inner[:] = [] if deep else [name for name in inner if out_of_place(name) is None]
        files = [Path(place, name) for name in names if out_of_place(name) is None]
        count += sum(is_there(file) and not file.is_symlink() and is_picture(file) for file in files)
    return count


def _walk(folder: Path, left: Counter[str], seen: set[str], root: str, depth: int = 0) -> Iterator[os.DirEntry[str]]:
    where = os.path.realpath(folder)
    if where in seen:
        return
    if depth > MAX_DEPTH:
        left[DEEP] += 1
        return
    seen.add(where)
    try:
        with os.scandir(folder) as entries:
            held = sorted(entries, key=lambda entry: entry.name)
    except OSError:
        left[CLOSED] += 1
        return
    for entry in held:
        reason = _why_left(entry, root)
        if reason is not None:
            left[reason] += 1
        elif _leads(entry):
            yield from _walk(Path(entry.path), left, seen, root, depth + 1)
        else:
            yield entry


def _why_left(entry: os.DirEntry[str], root: str) -> str | None:
    """Return why an entry is left out, whatever it holds; `root` is the folder that links may not lead out of."""
    if (reason := out_of_place(entry.name)) is not None:
        return reason
    if _leads(entry) is None:
        return DEAD
    outside = root and entry.is_symlink() and not os.path.realpath(entry.path).startswith(root)
    return OUT if outside else None


def _leads(entry: os.DirEntry[str]) -> bool | None:
    """Return whether an entry is a folder, or leads to one; None for a broken link, or in a circle."""
    try:
        return entry.is_dir() or (None if entry.is_symlink() and not entry.is_file() else False)
    except OSError:
        return None
