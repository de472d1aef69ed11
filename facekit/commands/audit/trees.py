"""Read a folder of pictures by parts: facekit's own trees and runs, and common other layouts.

Read are a tree with a split in its manifest, a run's split, and what `dataset.layouts` reads: folders of parts, of
labels, metadata, a flat folder. A tree without parts has one part without a name. An audit looks further than other
commands, because what is shown twice may be anywhere: into parts of other names and with the pictures straight in
them, and into folders below a label.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from facekit import runs
from facekit.base.contract import PARTS, FacekitError, Track, quiet
from facekit.base.names import stored
from facekit.base.opening import no_folder
from facekit.base.text import counted
from facekit.dataset import MANIFEST, Dataset
from facekit.dataset.entries import is_dir, is_file, list_entries
from facekit.dataset.layouts import PART, is_described, lay_out
from facekit.dataset.pictures import DEEP, MAX_DEPTH, PHOTOS, Found, is_picture
from facekit.runs import Run, provenance
from facekit.runs.pictures import dataset_of
from facekit.scores.weights import WeightsCard

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
    targets: Mapping[str, str] | None = None
    """Its other labels, such as its expression, as far as they are known."""


@dataclass(frozen=True)
class Tree:
    """The pictures of a folder, part by part as they are listed: `root` is where their paths begin."""

    root: Path
    pictures: list[Picture]
    dataset: Dataset | None = None
    """The tree as facekit reads it, where it has a manifest of facekit's; of a run, the pictures that it still has."""
    given: bool = False
    """Whether its parts are those of folders, and not drawn by facekit."""
    weights: WeightsCard | None = None
    """Of a run's pictures, what its model knew before it was trained on them."""
    run: Run | None = None
    """The run whose pictures they are, where it is one."""

    @property
    def parts(self) -> list[str]:
        """The parts that have pictures: train, test, validation, then any others by name."""
        parts = {picture.part for picture in self.pictures}
        return [part for part in PARTS if part in parts] + sorted(parts - set(PARTS))


def read(folder: Path, track: Track = quiet) -> Tree:
    """Read a folder of any of the layouts. Raises FacekitError: no such folder, no pictures, a run whose are gone."""
    if not folder.is_dir():
        raise FacekitError(f"{no_folder(folder)}; give a tree of pictures, or a trained run")
    if (folder / runs.MODEL).is_file():
        return _of_run(folder, track)
    if (folder / MANIFEST).is_file():
        return _of_facekit(folder, track)
    tree = _plain(folder)
    if not tree.pictures:
        raise FacekitError(f"{folder} has no pictures; give {PHOTOS}")
    return tree


def _of_run(folder: Path, track: Track) -> Tree:
    """Read a run's split, with all that its folder of pictures says of those that are as they were."""
    run = runs.load(folder)
    if not run.root.is_dir():
        raise FacekitError(f"{run.root}, which {folder} was trained on, is gone; put it back, or give another tree")
    pictures = [Picture(r.path, r.split or UNSPLIT, r.label, r.sha256, r.targets) for r in run.split]
    dataset = dataset_of(run, run.split, track)
    known = dataset if dataset.records else None
    return Tree(run.root, pictures, known, given=run.info.split_given, weights=provenance.of_run(run), run=run)


def _of_facekit(folder: Path, track: Track) -> Tree:
    dataset = Dataset.open(folder, track)
    none = UNSPLIT if any(record.split for record in dataset.records) else ""
    pictures = [Picture(r.path, r.split or none, r.label, targets=r.targets) for r in dataset.records]
    return Tree(folder, pictures, dataset, dataset.info.split_given)


def _plain(folder: Path) -> Tree:
    left: Counter[str] = Counter()
    if is_described(folder):
        layout = lay_out(folder, left)
        pictures = [
            Picture(place.path, place.part or "", place.label, targets=place.targets) for place in layout.places
        ]
    else:
        pictures = list(_walk(folder, left))
    if any(left.values()):
        log.info("%s: left out: %s", folder, Found(left=+left))
    return Tree(folder, pictures, given=any(picture.part for picture in pictures))


def _walk(root: Path, left: Counter[str]) -> Iterator[Picture]:
    """Yield the pictures of folders of labels, or of parts, sorted by path; of a flat folder those in it."""
    folders, loose = _inside(root, left)
    if not folders:
        yield from (Picture(name, "", "") for name in loose)
    elif loose:
        log.warning(
            "%s: %s ignored",
            root,
            counted(len(loose), "picture outside any folder is", "pictures outside any folder are"),
        )
    split = _is_split(root, folders)
    for name in folders:
        if split:
            yield from _part(root, name, left)
        else:
            yield from (Picture(path, "", stored(name)) for path in _below(root, name, left))


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
        yield from (Picture(path, part, stored(label)) for path in _below(root, f"{name}/{label}", left))


def _below(root: Path, name: str, left: Counter[str], depth: int = 0) -> Iterator[str]:
    """Yield every file of a label, whatever it is called: what is no picture is counted where it is decoded."""
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
