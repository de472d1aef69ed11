"""The usual next command after a command, with output paths that are free or were made from the same folder."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from facekit.base.errors import FacekitError
from facekit.base.text import visible

PHOTOS = "PHOTOS"
"""Stands for photos of the user's own, which no command knows."""

_INFO, _RUN = "dataset.json", "model.json"


@dataclass(frozen=True)
class _Made:
    """What is read of a folder that is there already."""

    made_from: str | None = None


@dataclass(frozen=True)
class _Data:
    root: str


@dataclass(frozen=True)
class _Trained:
    """What is read of a model that is there already."""

    dataset: _Data


def command(name: str, *words: object) -> str:
    """Return a command line as a person types it, quoted for a shell."""
    return visible(shlex.join(["facekit", name, *map(str, words)]))


def using(run: Path, embeds: bool) -> str:
    """Return the command that names the faces in photos by a run; of an embedder that which enrolls people for it."""
    if embeds:
        return command("enroll", PHOTOS, "-o", "gallery", "--embedder", run)
    return command("predict", run, PHOTOS)


def beside(folder: Path, name: str) -> Path:
    """Return a path beside a folder for what is made from it: nothing is there, or what was made from it before."""
    for number in count(1):
        path = folder.parent / (name if number == 1 else f"{name}-{number}")
        if not os.path.lexists(path) or _made_from(path) == os.path.realpath(folder):
            return path
    raise AssertionError("unreachable")


def _made_from(folder: Path) -> str | None:
    from facekit.base.files import read_json  # what reads files is not needed for a command's help

    try:
        if os.path.lexists(folder / _RUN):
            return os.path.realpath(read_json(folder / _RUN, _Trained).dataset.root)
        made = read_json(folder / _INFO, _Made).made_from
    except (OSError, ValueError, FacekitError):
        return None
    return None if made is None else os.path.realpath(folder / made)
