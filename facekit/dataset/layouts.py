"""How a folder of pictures that facekit did not make is read: one rule for every command.

- `LABEL/picture`: a folder for each label, as torchvision's ImageFolder and Keras's `image_dataset_from_directory`
  read it.
- `train/LABEL/picture`: a folder for each part of a split that is given, where every folder of the root is called like
  a part and folders of labels are in them. Somebody called Test, beside others or alone, stays a label.
- `metadata.jsonl` or `metadata.csv` beside the pictures, in the folder of a part or above the parts: see
  `dataset.metadata`.
- Pictures and no folders: one label, called like the folder.
"""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from facekit.base import images
from facekit.base.contract import FacekitError
from facekit.base.foldernames import safe
from facekit.base.text import counted
from facekit.dataset import metadata
from facekit.dataset.entries import is_dir, is_file, list_entries, list_label
from facekit.dataset.pictures import is_picture, out_of_folders

_CALLED = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test", "testing", "eval", "evaluation"),
}
PART = {called: part for part, names in _CALLED.items() for called in names}
"""What others call a part, in lower case -> what facekit calls it; trained on first, as `dataset.groups.ORDER`."""

LOOSE = "not in a label's folder"
UNNAMED = "not listed in metadata"

log = logging.getLogger(__name__)


class Place(NamedTuple):
    """A file of a tree, and what its place says of it."""

    path: str
    """Relative to the root."""
    label: str
    part: str | None = None
    name: str | None = None
    """The name that the label stands for, where that is spelled otherwise."""
    targets: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Layout:
    """The files of a folder, those of the training part first, then label by label, sorted."""

    places: list[Place] = field(default_factory=list)
    given: bool = False
    """Whether the folders say which part of a split a picture is in."""


def lay_out(root: Path, left: Counter[str]) -> Layout:
    """Read a folder by the rule; what is no part of it is counted in `left`.

    Raises FacekitError for a folder that may not be read, for metadata that is broken or names no labels, and for
    parts beside which other folders lie.
    """
    entries = list_entries(root, left)
    tops = [entry for entry in entries if is_dir(entry)]
    parts = parts_of(root, [entry.name for entry in tops])
    described = _described(root, "", parts, None, left)
    if described is not None:
        return Layout(described, given=any(place.part for place in described))
    if parts:
        return Layout([place for name in parts for place in _part(root, name, parts[name], left)], given=True)
    places = [place for entry in tops for place in _label(root, entry.name, None, left)]
    loose = [entry.name for entry in entries if is_file(entry) and is_picture(Path(entry.path))]
    if loose and not places:
        label = flat_label(root)
        log.info("%s: %s as one label, %s", root, counted(len(loose), "picture is read", "pictures are read"), label)
        return Layout([Place(name, label) for name in loose])
    if loose:
        log.warning("%s: %s", root, out_of_folders(len(loose)))
        left[LOOSE] += len(loose)
    if not places:
        _refuse_others(root, [entry.name for entry in tops])
    return Layout(places)


def parts_of(root: Path, tops: Iterable[str]) -> dict[str, str]:
    """Return folder -> part, in the order of `PART`, where the folders of a root are parts; empty where they are not.

    No file is opened.
    """
    called = _called_parts(tops)
    if not any(_holds_labels(root / name) for name in called):
        return {}
    order = list(_CALLED)
    return dict(sorted(called.items(), key=lambda one: (order.index(one[1]), one[0])))


def _called_parts(tops: Iterable[str]) -> dict[str, str]:
    """Return folder -> part, where every folder is called like a part; empty where one is not."""
    called = {name: PART.get(name.lower(), "") for name in tops}
    return called if all(called.values()) else {}


def is_described(root: Path) -> bool:
    """Whether metadata says what the pictures of a folder, or of a part of its split, show. Nothing else is read."""
    places = [root, *(root / part for part in parts_of(root, folders(root)))]
    files = filter(None, map(metadata.find, places))
    return any(metadata.read(file) is not None for file in files)


def flat_label(path: Path) -> str:
    """Return the label of pictures that lie not in a label's folder: what their folder, photo or archive is called."""
    return safe(path.resolve().name or "photos")


def folders(folder: Path) -> list[str]:
    """Return the names of the folders in a folder, sorted. Raises FacekitError if it may not be read."""
    return [entry.name for entry in list_entries(folder, Counter()) if is_dir(entry)]


def _holds_labels(folder: Path) -> bool:
    """Whether a folder holds folders of pictures and no pictures itself, or metadata that says the labels."""
    try:
        entries = list_entries(folder, Counter())
    except FacekitError:
        return False
    if any(entry.name in metadata.FILES for entry in entries):
        return True
    if any(is_file(entry) and entry.name.lower().endswith(images.SUFFIXES) for entry in entries):
        return False
    return any(_has_file(Path(entry.path)) for entry in entries if is_dir(entry))


def _has_file(folder: Path) -> bool:
    try:
        return any(is_file(entry) for entry in list_entries(folder, Counter()))
    except FacekitError:
        return False


def _part(root: Path, name: str, part: str, left: Counter[str]) -> Iterator[Place]:
    described = _described(root, name, {}, part, left)
    if described is not None:
        yield from described
        return
    entries = list_entries(root / name, left)
    loose = sum(is_file(entry) and is_picture(Path(entry.path)) for entry in entries)
    if loose:
        log.warning(
            "%s: %s not in a label's folder, and not read", root / name, counted(loose, "picture is", "pictures are")
        )
        left[LOOSE] += loose
    for entry in filter(is_dir, entries):
        yield from _label(root, f"{name}/{entry.name}", part, left)


def _label(root: Path, folder: str, part: str | None, left: Counter[str]) -> Iterator[Place]:
    """Yield every file of a label's folder, whatever it is called: decoding it will count what is no picture."""
    label = folder.rpartition("/")[2]
    files = filter(is_file, list_label(root / folder, left))
    yield from (Place(f"{folder}/{entry.name}", label, part) for entry in files)


def _described(
    root: Path, folder: str, parts: Mapping[str, str], part: str | None, left: Counter[str]
) -> list[Place] | None:
    """Return the pictures that a folder's metadata describes; None where it has none.

    `part` is the folder's own; in the root, `parts` says which one a picture's first folder stands for. Folders that
    are called like parts are parts as well where the metadata says the labels, which folders of pictures then are not.
    """
    file = metadata.find(root / folder)
    found = None if file is None else metadata.read(file)
    if file is None or found is None:
        return None
    called = {} if folder else _called_parts(one.path.rpartition("/")[0].partition("/")[0] for one in found)
    places = []
    for one in metadata.without_gone(file, found, left):
        first, _, rest = one.path.partition("/")
        own = part or parts.get(first) or (called.get(first) if one.label else None)
        inner = rest if first in parts else one.path
        label = one.label or inner.rpartition("/")[0].rpartition("/")[2]
        if not label:
            raise FacekitError(f"{file} has no label for {one.path}; add a column `label`")
        path = f"{folder}/{one.path}".lstrip("/")
        places.append(Place(path, safe(label), own, label, one.targets or None))
    _count_unnamed(root, {place.path for place in places}, folder, file, left)
    order = [*_CALLED, None]
    return sorted(places, key=lambda place: (order.index(place.part), place.label, place.path))


def _count_unnamed(root: Path, named: set[str], folder: str, file: Path, left: Counter[str]) -> None:
    """Count the pictures in the folders of those that metadata names of which it says nothing."""
    inside = {os.path.dirname(path) for path in named} | {folder}  # noqa: PTH120 - thousands of them
    count = 0
    for one in sorted(inside):
        for entry in list_entries(root / one, Counter()):
            if is_file(entry) and f"{one}/{entry.name}".lstrip("/") not in named:
                count += is_picture(Path(entry.path))
    if count:
        what = counted(count, "picture in its folders is", "pictures in its folders are")
        log.warning("%s: %s not listed, so not read", file, what)
        left[UNNAMED] += count


def _refuse_others(root: Path, tops: Sequence[str]) -> None:
    """Refuse parts of a split beside which other folders lie: no picture would be found. Raises FacekitError."""
    known = [name for name in tops if name.lower() in PART and _holds_labels(root / name)]
    other = [name for name in tops if name.lower() not in PART]
    if known and other:
        raise FacekitError(
            f"{root} holds parts of a split, {' and '.join(known)}, and {other[0]}, which is none; "
            f"move that elsewhere, or give {root / known[0]}"
        )
