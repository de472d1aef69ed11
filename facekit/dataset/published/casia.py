"""CASIA-WebFace: a folder a person, `0000045/001.jpg`, or a RecordIO file.

Its authors no longer hand it out. What is published today is InsightFace's `faces_webface_112x112`: `train.rec`, with
`train.idx` and `property`, in MXNet's RecordIO. There the people are renumbered from 0, and faces aligned at 112 x 112.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from facekit.dataset.published import lists
from facekit.dataset.published.pictures import IDENTITY, UNREADABLE, Picture, Published, Terms, Unusable, wrong_folder
from facekit.dataset.published.recordio import Entry, payload, scan

TERMS = Terms(
    "CASIA-WebFace",
    "https://arxiv.org/abs/1411.7923",
    "non-commercial research and education only",
    "Yi, Lei, Liao and Li: Learning Face Representation from Scratch, 2014",
)

_WANTED = "folders like 0000045, or with train.rec"
_FOLDERS = ("", "CASIA-WebFace", "CASIA-maxpy-clean")
_RECORDS = ("", "faces_webface_112x112", "casia-webface")
_PERSON = re.compile(r"\d{7}")


def read(root: Path) -> Published:
    """Return what CASIA-WebFace holds. Raises FacekitError for another folder, and for a RecordIO file cut short."""
    file = root if root.suffix == ".rec" and root.is_file() else lists.find(root, ("train.rec",), _RECORDS)
    notes = ["there is no official split"]
    if file is not None:
        return Published(TERMS, IDENTITY, _records(file, scan(file)), None, notes)
    if root.is_dir():
        for folder in _FOLDERS:
            people = [one for one in _folders(root, folder) if _PERSON.fullmatch(Path(one).name)]
            if people:
                return Published(TERMS, IDENTITY, _files(root, people), None, notes)
    raise wrong_folder(root, "CASIA-WebFace", _WANTED)


def _folders(root: Path, folder: str) -> list[str]:
    there = lists.folders_in(root / folder) if (root / folder).is_dir() else []
    return [f"{folder}/{name}".lstrip("/") for name in there]


def _files(root: Path, people: list[str]) -> Iterator[Picture]:
    for person in people:
        for path in lists.pictures_in(root, person):
            yield Picture(path, {IDENTITY: Path(person).name}, file=root / path)


def _records(file: Path, entries: list[Entry]) -> Iterator[Picture | Unusable]:
    for entry in entries:
        name = f"{file.name}!{entry.number}"
        if entry.label < 0 or entry.label != int(entry.label):
            yield Unusable(name, UNREADABLE, f"label {entry.label:g}")
        else:
            yield Picture(name, {IDENTITY: f"{int(entry.label):05d}"}, content=partial(payload, file, entry))
