"""The pictures that a command is asked about: photos, folders of photos, and archives of them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from facekit.base.contract import FacekitError, Track
from facekit.dataset import pictures
from facekit.dataset.archives import is_archive
from facekit.dataset.inputs import Input, open_input
from facekit.dataset.pictures import PHOTOS, Found

T = TypeVar("T")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Given:
    """Pictures in order."""

    files: list[Path]
    names: Mapping[Path, str]
    """What a picture is called that is only here until the end: `photos.zip!Ada/1.jpg`."""
    others: list[Path] = field(default_factory=list)
    """What was asked for in addition to pictures in the folders, such as videos."""

    def name(self, file: Path) -> str:
        """Return what a picture is called."""
        return self.names.get(file, str(file))


def open_given(
    paths: Iterable[Path], stack: ExitStack, track: Track, also: Callable[[Path], bool] = lambda path: False
) -> Given:
    """Return the pictures of photos, folders and archives, which are unpacked until the stack is left.

    `also` says which other files of folders are asked for, in addition to pictures. Raises FacekitError for what is not
    there, and for a folder without pictures.
    """
    found = [(one, _pictures(one, also)) for one in _inputs(paths, stack, track)]
    held = [(one, file) for one, some in found for file in some.files]
    names = {file: one.name(file) for one, file in held if one.is_copy}
    return Given([file for _, file in held], names, [file for _, some in found for file in some.others])


def while_open(answers: Iterator[T], stack: ExitStack) -> Iterator[T]:
    """Yield the answers about given pictures; what was unpacked for them is removed at the end."""
    with stack:
        yield from answers


def _inputs(paths: Iterable[Path], stack: ExitStack, track: Track) -> list[Input]:
    """Return the folders, photos and archives; a photo is read where it is."""
    found: list[Input] = []
    for path in paths:
        if not path.exists():
            raise FacekitError(f"no such picture or folder: {path}; give {PHOTOS}")
        is_photo = not path.is_dir() and not is_archive(path)
        found.append(Input(path, path) if is_photo else stack.enter_context(open_input(path, track)))
    if not found:
        raise FacekitError(f"no pictures given; give {PHOTOS}")
    return found


def _pictures(held: Input, also: Callable[[Path], bool] = lambda path: False) -> Found:
    folder = held.folder
    if not folder.is_dir():
        return Found([folder])
    found = pictures.below(folder, also)
    if found.left:
        log.warning("%s: left out: %s", held.given, found)
    if not found.files and not found.others:
        raise FacekitError(f"{held.given} has no pictures; give {PHOTOS}")
    return found
