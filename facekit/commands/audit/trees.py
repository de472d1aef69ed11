"""A folder of pictures as its parts: facekit's own trees and runs, and the layouts that others use.

Read are a tree with a split in its manifest, a run's split, folders of parts (`train/LABEL`, `test/LABEL`, or with
the pictures straight in them) and a plain tree of labels, which has one part without a name. Others' folders may be
nested at will below a label, where facekit's own commands read one level.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from facekit import runs
from facekit.base.contract import PARTS, FacekitError, Track, quiet
from facekit.dataset import MANIFEST, Dataset
from facekit.dataset.listing import is_dir, is_file, list_entries
from facekit.dataset.pictures import DEEP, MAX_DEPTH, Found, is_picture
from facekit.runs import provenance
from facekit.runs.pictures import check_paths, dataset_of
from facekit.scores.weights import WeightsCard

_CALLED = {
    "train": ("train", "training"),
    "test": ("test", "testing"),
    "validation": ("validation", "valid", "val"),
}
PART = {called: part for part, names in _CALLED.items() for called in names}
"""What others call a part -> what facekit calls it."""

_WORDS = re.compile("train|test|val|dev|fold|split|hold", re.IGNORECASE)
"""What names of parts have in them: `Training`, `PublicTest`, `fold_3`."""

UNSPLIT = "no part"
"""The part of a picture that a split says nothing of."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Picture:
    """One file: `path` is relative to its tree's root; `part` is empty in a tree without any, `label` where none."""

    path: str
    part: str
    label: str
    sha256: str | None = None
    """Of its bytes, where these are all that may be shown of it: see `runs.pictures`."""


@dataclass(frozen=True)
class Tree:
    """The pictures of a folder, part by part as they are listed: `root` is where their paths begin."""

    root: Path
    pictures: list[Picture]
    dataset: Dataset | None = None
    """The tree as facekit reads it, where it has a manifest of facekit's; of a run, the pictures that it still has."""
    weights: WeightsCard | None = None
    """Of a run's pictures, what its model knew before it was trained on them."""

    @property
    def parts(self) -> list[str]:
        """The parts that have pictures: train, test, validation, then any others by name."""
        parts = {picture.part for picture in self.pictures}
        return [part for part in PARTS if part in parts] + sorted(parts - set(PARTS))


def read(folder: Path, track: Track = quiet) -> Tree:
    """Read a folder of any of the layouts. Raises FacekitError: no such folder, no pictures, a run whose are gone."""
    if not folder.is_dir():
        raise FacekitError(f"no such folder: {folder}; give a tree of pictures, or a trained run")
    if (folder / runs.MODEL).is_file():
        return _of_run(folder, track)
    if (folder / MANIFEST).is_file():
        return _of_facekit(folder, track)
    tree = Tree(folder, list(_walk(folder)))
    if not tree.pictures:
        raise FacekitError(f"{folder} holds no pictures; give a folder with folders of pictures")
    return tree


def _of_run(folder: Path, track: Track) -> Tree:
    """Read a run's split, with all that its folder of pictures says of those that are as they were."""
    run = runs.load(folder)
    if not run.root.is_dir():
        raise FacekitError(f"{run.root}, which {folder} was trained on, is gone; put it back, or give another tree")
    check_paths(run)
    pictures = [Picture(r.path, r.split or UNSPLIT, r.label, r.sha256) for r in run.split]
    dataset = dataset_of(run, run.split, track)
    return Tree(run.root, pictures, dataset if dataset.records else None, provenance.of_run(run))


def _of_facekit(folder: Path, track: Track) -> Tree:
    dataset = Dataset.open(folder, track)
    none = UNSPLIT if any(record.split for record in dataset.records) else ""
    pictures = [Picture(r.path, r.split or none, r.label) for r in dataset.records]
    return Tree(folder, pictures, dataset)


def _walk(root: Path) -> Iterator[Picture]:
    """Yield the pictures of a tree that facekit did not make, sorted by path."""
    left: Counter[str] = Counter()
    folders, loose = _inside(root, left)
    if loose:
        log.warning("%s: %d pictures outside any folder are not looked at", root, len(loose))
    split = _is_split(root, folders)
    for name in folders:
        if split:
            yield from _part(root, name, left)
        else:
            yield from (Picture(path, "", name) for path in _below(root, name, left))
    if left:
        log.info("%s: left out are %s", root, Found(left=left))


def _is_split(root: Path, folders: Iterable[str]) -> bool:
    """Whether the folders are parts: called so, and full of folders; or two or more of the known parts."""
    held = {name: _inside(root / name, Counter()) for name in folders}
    if len({PART[name.lower()] for name in held if name.lower() in PART}) > 1:
        return True
    full = [name for name, (inner, pictures) in held.items() if inner or pictures]
    return bool(full) and all(_WORDS.search(name) and held[name][0] and not held[name][1] for name in full)


def _part(root: Path, name: str, left: Counter[str]) -> Iterator[Picture]:
    part = PART.get(name.lower(), name)
    labels, loose = _inside(root / name, left)
    yield from (Picture(f"{name}/{file}", part, "") for file in loose)
    for label in labels:
        yield from (Picture(path, part, label) for path in _below(root, f"{name}/{label}", left))


def _below(root: Path, name: str, left: Counter[str], depth: int = 0) -> Iterator[str]:
    """Yield every file of a label, whatever it is called: what is no picture is counted by whoever decodes it."""
    if depth > MAX_DEPTH:
        left[DEEP] += 1
        return
    for entry in list_entries(root / name, left):
        # A link to a folder further down may lead back up, and so on without end.
        if is_dir(entry) and (depth == 0 or not entry.is_symlink()):
            yield from _below(root, f"{name}/{entry.name}", left, depth + 1)
        elif is_file(entry):
            yield f"{name}/{entry.name}"


def _inside(folder: Path, left: Counter[str]) -> tuple[list[str], list[str]]:
    """Return the names of a folder's folders, and of its pictures."""
    entries = list_entries(folder, left)
    files = [entry.name for entry in entries if is_file(entry) and is_picture(Path(entry.path))]
    return [entry.name for entry in entries if is_dir(entry)], files
