"""The pictures that a run was trained on, read so that a run from a stranger shows no other file.

`model.json` says in which folder the pictures are and `split.jsonl` what they are called, and either could name any
file of whoever looks into the run. So a path must stay inside the folder, and a file is taken only if its bytes have
the hash that `split.jsonl` gives: whoever wrote that had these bytes already.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from facekit.base import images
from facekit.base.contract import BadImage, FacekitError, Record
from facekit.base.files import inside
from facekit.runs import SPLIT, Run

CHANGED = "gone or changed since training"


def check_paths(run: Run) -> None:
    """Refuse a run whose split names a file outside its folder of pictures. Raises FacekitError with the line."""
    for record in run.split:
        place_of(run, record)


def picture_of(run: Run, record: Record) -> bytes:
    """Return the bytes of a picture of the run's split.

    Raises BadImage where it is gone or has changed, FacekitError where its path leads out of the folder.
    """
    return picture_bytes(place_of(run, record), record.sha256)


def place_of(run: Run, record: Record) -> Path:
    """Return the file of a picture of the run's split. Raises FacekitError where it is outside the folder."""
    try:
        return inside(run.root, record.path)
    except FacekitError as error:
        raise FacekitError(f"{run.folder / SPLIT}, line {run.split.index(record) + 1}: {error}") from None


def picture_bytes(file: Path, sha256: str | None = None) -> bytes:
    """Return the bytes of a regular file. Raises BadImage where it cannot be read, or does not have that hash."""
    if sha256 is None:
        return images.load(file)
    try:
        data = images.load(file)
    except BadImage:
        raise BadImage(CHANGED) from None
    if hashlib.sha256(data).hexdigest() != sha256:
        raise BadImage(CHANGED)
    return data
