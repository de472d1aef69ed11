"""Photos sorted by who is on them: a copy of each in a folder per person. Nothing is moved, changed or overwritten."""

from __future__ import annotations

import logging
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import TypeVar

from facekit.base.contract import FacekitError
from facekit.base.files import guarded, sha256_of
from facekit.base.foldernames import safe
from facekit.base.text import counted
from facekit.dataset import written
from facekit.dataset.given import Given
from facekit.dataset.reasons import NO_FACE
from facekit.dataset.written import Written

T = TypeVar("T")

_NOBODY = {"unknown", NO_FACE}
"""Folders that are no person's."""

_PART = ".part"
"""Ending of a copy that is being written; its name begins with a dot, so that no command takes it for a photo."""

log = logging.getLogger(__name__)


class SortedPhotos:
    """A folder with a folder for each person. A photo of several people has a copy with each of them."""

    def __init__(self, folder: Path, given: Iterable[str]) -> None:
        """Take the folder of `--sort-into`; `given` is what is looked at.

        Raises FacekitError where it cannot be one, or would be among the photos next time.
        """
        if folder.exists() and not folder.is_dir():
            raise FacekitError(f"--sort-into is {folder}, which is a file; give a folder")
        for one in given:
            if Path(one).is_dir() and folder.resolve().is_relative_to(Path(one).resolve()):
                raise FacekitError(
                    f"--sort-into is {folder}, which is in {one}, whose photos are sorted; give another folder"
                )
        self._folder, self._copied = folder, Counter[str]()
        self._there = 0

    def during(
        self, parts: Iterable[object], answers: Iterable[T], place: Callable[[T], tuple[str, str | None]]
    ) -> Iterator[T]:
        """Yield the answers, those about one photo together; copy each photo that is given after its last one.

        `place` says of an answer which photo it is about, as `Given.name` calls it, and the folder for it; None for a
        photo that stays where it is, such as one that cannot be read. Parts that hold no photos are passed over.
        """
        files = {part.name(file): file for part in parts if isinstance(part, Given) for file in part.files}
        last, folders = "", list[str]()
        try:
            for answer in answers:
                photo, folder = place(answer)
                if photo != last:
                    self._copy(files.get(last), folders)
                    last, folders = photo, []
                if folder is not None:
                    folders.append(folder)
                yield answer
            self._copy(files.get(last), folders)
        finally:
            self._say()

    def _say(self) -> None:
        """Say how many copies were made, and where."""
        copied = ", ".join(f"{name} {number:,}" for name, number in self._copied.most_common())
        before = f"; {self._there:,} there already" if self._there else ""
        made = counted(self._copied.total(), "copy", "copies")
        log.info("%s: %s made%s%s", self._folder, made, f" ({copied})" if copied else "", before)

    def _copy(self, photo: Path | None, folders: list[str]) -> None:
        """Copy a photo to the folders of those who are on it: to that of strangers only where nobody else is."""
        if photo is None:
            return
        known = [folder for folder in dict.fromkeys(folders) if folder not in _NOBODY]
        strangers = [folder for folder in folders if folder != NO_FACE]
        for folder in known or (strangers or folders)[:1]:
            new = _put(photo, self._folder / safe(folder))
            if new is None:
                self._there += 1
                continue
            self._copied[folder] += 1
            digest = sha256_of(new)
            path = f"{new.parent.name}/{new.name}"
            written.note(self._folder, Written(path, digest, digest, (folder,)))


def _put(photo: Path, folder: Path) -> Path | None:
    """Copy a photo into a folder, under a name that is free there; return the copy, None where it is there already.

    Raises FacekitError on a full disk.
    """
    with guarded(folder):
        folder.mkdir(parents=True, exist_ok=True)
        target = _free(photo, folder)
        if target is None:
            return None
        part = target.with_name(f".{target.name}{_PART}")
        shutil.copy2(photo, part)
        part.replace(target)
    return target


def _free(photo: Path, folder: Path) -> Path | None:
    """Return the path that a photo gets in a folder; None where a file of its name has the same bytes."""
    for number in count(1):
        target = folder / (photo.name if number == 1 else f"{photo.stem}-{number}{photo.suffix}")
        if not os.path.lexists(target):
            return target
        if target.is_file() and _same(target, photo):
            return None
    return None


def _same(one: Path, other: Path) -> bool:
    return one.stat().st_size == other.stat().st_size and sha256_of(one) == sha256_of(other)
