"""List one level of a folder; hidden and system files are not part of a collection."""

from __future__ import annotations

import logging
import os
from collections import Counter
from pathlib import Path

from facekit.base.contract import FacekitError
from facekit.base.text import counted
from facekit.dataset.pictures import DEAD, count_below, out_of_place

NESTED = "in a folder inside a label's folder"
"""Why pictures below a label's folder are left out; a link to a folder there is not looked into."""

log = logging.getLogger(__name__)


def list_entries(folder: Path, left: Counter[str], made: bool = False) -> list[os.DirEntry[str]]:
    """Return what a folder holds, sorted by name; what is hidden or a system's is counted in `left`.

    In a folder that facekit made, only hidden files are left out. Raises FacekitError if it may not be read.
    """
    try:
        with os.scandir(folder) as entries:
            held = sorted(entries, key=lambda one: one.name)
    except PermissionError:
        raise FacekitError(
            f"{folder} cannot be read (no permission); change its permissions, or choose another folder"
        ) from None
    if made:
        return [entry for entry in held if not entry.name.startswith(".")]
    left.update(reason for entry in held if (reason := out_of_place(entry.name)))
    return [entry for entry in held if not out_of_place(entry.name)]


def list_label(folder: Path, left: Counter[str], made: bool = False) -> list[os.DirEntry[str]]:
    """Return what a label's folder holds, as `list_entries` does.

    Links that lead nowhere are counted in `left`, and so are the pictures of folders in it, which nobody reads; these
    folders get a warning.
    """
    entries = list_entries(folder, left, made)
    nested = [entry for entry in entries if is_dir(entry)]
    if nested:
        inside = sum(count_below(Path(one.path)) for one in nested if not one.is_symlink())
        what = counted(len(nested), "folder inside it is", "folders inside it are")
        log.warning("%s: %s not read, with %s", folder, what, counted(inside, "picture"))
        left[NESTED] += inside
    left[DEAD] += sum(entry.is_symlink() and not is_dir(entry) and not is_file(entry) for entry in entries)
    return entries


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
