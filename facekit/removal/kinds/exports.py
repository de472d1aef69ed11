"""Exported models: each has the names, and often embeddings of faces, inside. They are deleted, and exported again."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

from facekit.base import files
from facekit.base.contract import FacekitError
from facekit.removal.kinds.base import Doing, Gone, Kind, Part
from facekit.removal.kinds.texts import says
from facekit.runs.export.model import ABOUT, MAX_FILE, MODEL_FILE, TRITON
from facekit.runs.export.placing import LABELS, SUFFIX

ABOUT_FILE, EXTRA = "facekit.json", "assets.extra"
"""Where a SavedModel says what it is; a test compares the names."""


PART = ".facekit-export.part"
"""What `export` calls a version that is not whole, and deletes; a test compares the name."""


class Exports(Kind):
    """Files and folders that `export` writes."""

    name = "exported model"
    written_by: ClassVar = (
        *("facekit.runs.export.placing", "facekit.runs.export.saved_model", "facekit.runs.export.torch_file"),
        *("facekit.runs.export.litert_file", "facekit.runs.export.onnx_file", "facekit.runs.export.triton"),
    )
    order = 6

    def places(self, folder: Path, entries: Collection[str]) -> Iterator[Path]:
        """Each such file, and each version in the folder of a model."""
        for entry in sorted(entries):
            path = folder / entry
            is_file = path.suffix.lower() in SUFFIX.values() and path.is_file()
            is_version = entry.isdecimal() and (path / EXTRA / ABOUT_FILE).is_file()
            if (is_file or is_version) and not path.is_symlink():
                yield path

    def hides(self, folder: Path, entry: str) -> bool:
        """A SavedModel is looked at as a whole."""
        return entry.isdecimal() and (folder / entry / EXTRA / ABOUT_FILE).is_file()

    def plan(self, place: Path, doing: Doing) -> Part | None:
        """Return the export where it knows somebody who goes, or was made from a model that does."""
        said = _said(place)
        if said is None or not _knows(said, doing):
            return None
        gone = [Gone(place.name, files.sha256_of(place))] if place.is_file() else [Gone(place.name)]
        return Part(self.name, str(place), {"models": 1}, gone, "deleted; `facekit export` makes it again")

    def remove(self, place: Path, doing: Doing) -> None:
        """Delete it, and what stands beside the last version of a model."""
        part = place.parent / PART
        if part.is_dir() and not part.is_symlink():  # a kill came while a version was deleted
            shutil.rmtree(part)
            _tidy(place.parent)
        said = _said(place)
        if said is None or not _knows(said, doing):
            return
        if place.is_dir():
            place.replace(part)
            shutil.rmtree(part)
            _tidy(place.parent)
            return
        files.delete(place)
        if place.name == MODEL_FILE and place.parent.name.isdecimal():
            with suppress(OSError):
                place.parent.rmdir()
            _tidy(place.parent.parent)


def _tidy(folder: Path) -> None:
    """Delete what describes the versions of a model, once there is none."""
    if any(entry.name.isdecimal() for entry in folder.iterdir()):
        return
    for name in (TRITON, LABELS):
        (folder / name).unlink(missing_ok=True)
    with suppress(OSError):  # something else is in it
        folder.rmdir()


def _knows(said: str, doing: Doing) -> bool:
    return says(said, doing.targets) or any(one and one in said for one in doing.trained_on)


def _said(place: Path) -> str | None:
    """Return what an export says of itself, or the whole file as text; None for what facekit did not export."""
    try:
        if place.is_dir():
            return files.read_text(place / EXTRA / ABOUT_FILE)
        data = files.read_bytes(place, MAX_FILE)
    except (FileNotFoundError, FacekitError):
        return None
    if data[:4] == b"PK\3\4":
        return _zipped(place)
    mark = f'"{ABOUT}"'.encode()
    start = data.find(mark)
    return data[max(0, start - (1 << 20)) : start + (16 << 20)].decode(errors="replace") if start >= 0 else None


def _zipped(file: Path) -> str | None:
    try:
        with zipfile.ZipFile(file) as archive:
            entry = next((one for one in archive.infolist() if one.filename.endswith(f"/extra/{ABOUT}")), None)
            return None if entry is None else archive.read(entry)[: 16 << 20].decode(errors="replace")
    except (OSError, zipfile.BadZipFile, RuntimeError):
        return None
