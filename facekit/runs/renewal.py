"""A run whose dataset has grown since training: what is new, and the command that trains it again.

A run may come from a stranger and name any folder of its user's. So that folder is listed only once pictures of the
run were found in it, byte for byte, and no other file there is opened: file names alone say what is new.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path, PurePosixPath

from facekit.base import images
from facekit.base.contract import FacekitError, StaleError, replace
from facekit.base.files import inside
from facekit.base.names import fold
from facekit.dataset import MANIFEST, metadata
from facekit.dataset.changes import Changes
from facekit.dataset.entries import is_dir, list_entries
from facekit.options.base import Value, describe, from_mapping
from facekit.options.common import is_stranger
from facekit.options.train import Train
from facekit.options.typed import typed
from facekit.runs import MODEL, Run


def additions(run: Run) -> Changes:
    """Return which names and pictures the run's own folder has besides those of its split, by their file names.

    No file is opened. The folder may be any. Pictures that were in it and in no part of the split are known by their
    hashes alone, so that as many are not counted as new.
    """
    known = {record.path for record in run.split}
    new = [path for path in _pictures(run.root, known) if path not in known]
    if len(new) <= len(run.info.in_no_part):
        return Changes()
    before = {fold(_label(path)) for path in known}
    names = {label for label in map(_label, new) if fold(label) not in before}
    return Changes(tuple(sorted(names)), new=len(new) - len(run.info.in_no_part))


def check_no_additions(run: Run, otherwise: str) -> None:
    """Refuse a run whose folder has pictures that it was not trained on. `otherwise` is what else may be typed.

    To be asked only where pictures of the run were found in that folder. Raises StaleError.
    """
    if more := additions(run):
        raise StaleError(f"{run.root} has changed since {run.folder} was trained ({more})", command(run), otherwise)


def options_of(run: Run, own: Mapping[str, Value]) -> Train:
    """Return the options that a run was trained with, and those of `own` in place of its own.

    Raises FacekitError for values that options cannot have.
    """
    known = {option.name for option in describe(Train)}
    kept = {name: value for name, value in run.info.options.items() if name in known}
    kept["backbone"] = run.backbone  # what its head was fitted to, whatever its options say
    if run.info.kind is None and any(map(is_stranger, run.labels)):  # 0.1.0 did not ask what labels are
        kept["labels"] = "classes"
    return from_mapping(Train, {**kept, **own}, f"{run.folder / MODEL}, options")


def command(run: Run, root: Path | None = None) -> str:
    """Return the command line that trains a run again, on the pictures in `root` or where it was trained."""
    try:
        options = options_of(run, {"input": root or run.root, "output": run.folder, "overwrite": True})
    except FacekitError:  # of a version whose options are no longer there
        options = Train(input=root or run.root, output=run.folder, overwrite=True, backbone=run.backbone)
    return typed(replace(options, resume=False))


def _label(path: str) -> str:
    return PurePosixPath(path).parent.name


def _pictures(root: Path, known: Collection[str]) -> Iterator[str]:
    """Yield the files that are called like pictures, relative to the root: those beside the known ones, one folder up.

    So the folders of the labels are found wherever they are: in the root, or below `train` and `test`. In a folder
    that facekit made no link is followed, as when it is read. Where metadata names the pictures, others are none.
    """
    made = os.path.lexists(root / MANIFEST)
    for folder in sorted({PurePosixPath(path).parent.parent for path in known}):
        if metadata.find(inside(root, str(folder))) is not None:
            continue
        for label in filter(is_dir, _entries(inside(root, str(folder)), made)):
            if metadata.find(Path(label.path)) is not None:
                continue
            files = _entries(Path(label.path), made)
            yield from (str(folder / label.name / one.name) for one in files if _is_called_picture(one))


def _is_called_picture(entry: os.DirEntry[str]) -> bool:
    """Whether a file has the ending of a picture's name."""
    return entry.name.lower().endswith(images.SUFFIXES)


def _entries(folder: Path, made: bool) -> list[os.DirEntry[str]]:
    try:
        return [one for one in list_entries(folder, Counter(), made) if not (made and one.is_symlink())]
    except (OSError, FacekitError):
        return []
