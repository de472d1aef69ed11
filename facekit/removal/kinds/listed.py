"""Photos in folders that have no manifest: sorted and annotated ones, and copies that `audit --without` makes."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

from facekit.base import files
from facekit.base.contract import FacekitError
from facekit.dataset import MANIFEST, written
from facekit.dataset.records import is_name, own_file
from facekit.dataset.written import Written
from facekit.removal.kinds.base import Doing, Gone, Kind, Part
from facekit.removal.targets import Targets

COPY = "audit.json"
"""What `audit --without` writes beside a copy; a test compares the name."""


class Sorted(Kind):
    """Folders of `--sort-into` and `--annotate`."""

    name = "sorted or annotated photos"
    written_by: ClassVar = ("facekit.dataset.sorting", "facekit.dataset.written", "facekit.report.annotated")
    order = 4

    def places(self, folder: Path, entries: Collection[str]) -> Iterator[Path]:
        """A folder with the note of what facekit wrote there."""
        if written.NOTE in entries:
            yield folder

    def plan(self, place: Path, doing: Doing) -> Part | None:
        """Return the photos that show somebody who goes."""
        going = [one for one in written.read(place) if _goes(one, doing.targets)]
        if not going:
            return None
        return Part(
            self.name, str(place), {"pictures": len(going)}, [Gone(one.path, one.sha256, one.of) for one in going]
        )

    def remove(self, place: Path, doing: Doing) -> None:
        """Delete the photos, then their lines."""
        known = written.read(place)
        going = [one for one in known if _goes(one, doing.targets)]
        for one in going:
            _unlink(place, one.path)
        written.replace(place, [one for one in known if one not in going])


class Copies(Kind):
    """Copies of data sets without repeats; one with a manifest is a data set as well."""

    name = "copy without repeats"
    written_by: ClassVar = ("facekit.commands.audit.without",)
    order = 4

    def places(self, folder: Path, entries: Collection[str]) -> Iterator[Path]:
        """A folder with the list of what was copied."""
        if COPY in entries:
            yield folder

    def plan(self, place: Path, doing: Doing) -> Part | None:
        """Return the pictures that show somebody who goes, and the lines of the list."""
        said, targets = _list(place), doing.targets
        going = {path: sha256 for path, sha256 in said["files"].items() if _is_of(path, sha256, targets)}
        left = sum(_is_of(path, "", targets) for path in said["left_out"])
        counts = {"pictures": len(going), "lines": left}
        counts = {what: count for what, count in counts.items() if count}
        return Part(self.name, str(place), counts, [Gone(*one) for one in going.items()]) if counts else None

    def remove(self, place: Path, doing: Doing) -> None:
        """Delete the pictures, then their lines."""
        said, targets = _list(place), doing.targets
        for path, sha256 in said["files"].items():
            if _is_of(path, sha256, targets):
                _unlink(place, path)
        said["files"] = {path: one for path, one in said["files"].items() if not _is_of(path, one, targets)}
        said["left_out"] = [path for path in said["left_out"] if not _is_of(path, "", targets)]
        files.write_json(place / COPY, said)


def _goes(one: Written, targets: Targets) -> bool:
    return targets.has_name(*one.names) or targets.has_id(one.sha256) or targets.has_id(one.of)


def _is_of(path: str, sha256: str, targets: Targets) -> bool:
    return targets.has_id(sha256) or targets.has_place(path)


def _list(place: Path) -> dict[str, Any]:
    """Return what the list says; version 0.1.0 named the paths only. Raises FacekitError for a broken one."""
    try:
        said = files.read_json(own_file(place / COPY), dict[str, Any])
    except FileNotFoundError:
        said = {}
    there = said.get("files") or {}
    said["files"] = dict(there) if isinstance(there, dict) else dict.fromkeys(there, "")
    said["left_out"] = list(said.get("left_out") or [])
    return said


def _unlink(place: Path, path: str) -> None:
    """Delete a file, and the folders that this empties. Raises FacekitError for a path that leads out."""
    if not all(map(is_name, path.split("/"))):
        raise FacekitError(f"{place}: {path!r} leads out of the folder; delete that line")
    file = files.inside(place, path)
    if os.path.lexists(file) and not file.is_symlink():
        files.delete(file)
    for folder in file.parents:
        if folder == place or not folder.is_relative_to(place) or (folder / MANIFEST).exists():
            break
        with suppress(OSError):  # one that still holds something stays
            folder.rmdir()
