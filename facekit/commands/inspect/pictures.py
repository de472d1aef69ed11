"""Which pictures to look at: those that a person gives, or some of the run's own that it has not learned from."""

from __future__ import annotations

import hashlib
import logging
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, zip_longest
from pathlib import Path

import numpy as np

from facekit.base import images
from facekit.base.contract import BadImage, FacekitError, Image, Record
from facekit.dataset import by_label, pictures
from facekit.dataset.targets import value
from facekit.runs import Run
from facekit.runs.pictures import picture_of

MOST = 24
"""Pictures on one page."""

HELD = ("test", "validation", "train")
"""The parts of a run's split, those first that it has learned least from."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Chosen:
    """A picture to look at: its pixels, what to call its files, and the label that it has, where that is known."""

    file: Path
    image: Image
    stem: str
    sha256: str
    true: str | None = None


@dataclass(frozen=True)
class Choice:
    """The pictures, where they come from, and why others were left out."""

    pictures: list[Chosen]
    of: str
    left: Counter[str]


def given(paths: Sequence[Path]) -> Choice:
    """Read the pictures that a person gives, files or folders. Raises FacekitError for none, or too many."""
    files = [file for path in paths for file in _files(path)]
    if len(files) > MOST:
        raise FacekitError(f"one page cannot show {len(files)} pictures; give at most {MOST}")
    choice = _read([_Candidate(file, None, partial(images.load, file)) for file in files], len(files), "those given")
    if not choice.pictures:
        raise FacekitError("no pictures given; give pictures of faces, or folders of them")
    return choice


def own(run: Run, count: int, seed: int) -> Choice:
    """Choose some of a run's own, label after label, of the part that it has learned least from.

    Raises FacekitError where they are gone, or lead out of the folder of its pictures.
    """
    if not run.root.is_dir():
        raise FacekitError(f"{run.root}, which {run.folder} was trained on, is gone; give pictures")
    part = next((part for part in HELD if run.part(part)), "all")
    records = sorted(run.part(part), key=lambda record: (record.label, record.id))
    shuffled = [records[place] for place in np.random.default_rng(seed).permutation(len(records))]
    rows = zip_longest(*by_label(shuffled).values())
    turns: list[Record] = [record for record in chain.from_iterable(rows) if record is not None]
    name = run.targets[0].name
    candidates = (_Candidate(run.root / one.path, value(one, name), partial(picture_of, run, one)) for one in turns)
    choice = _read(candidates, count, f"its own {part} part")
    if not choice.pictures:
        raise FacekitError(f"{run.root}: no {part} picture can be read; give other pictures")
    return choice


@dataclass(frozen=True)
class _Candidate:
    file: Path
    true: str | None
    load: Callable[[], bytes]


def _read(candidates: Iterable[_Candidate], count: int, of: str) -> Choice:
    pictures: list[Chosen] = []
    left: Counter[str] = Counter()
    for one in candidates:
        if len(pictures) == count:
            break
        try:
            data = one.load()
            image = images.decode(data)
        except BadImage as error:
            left[error.reason] += 1
            continue
        stem = f"{len(pictures) + 1:02d}-{safe(one.file.stem)}"
        pictures.append(Chosen(one.file, image, stem, hashlib.sha256(data).hexdigest(), one.true))
    return Choice(pictures, of, left)


def safe(name: str) -> str:
    """Return a name as a part of a file's name on any system."""
    return re.sub(r"[^\w.-]+", "_", name.encode(errors="replace").decode()).strip("._")[:60] or "picture"


def _files(path: Path) -> Iterator[Path]:
    if not path.exists():
        raise FacekitError(f"no such picture or folder: {path}; give pictures of faces, or folders of them")
    if not path.is_dir():
        yield path
        return
    found = pictures.below(path)
    if found.left:
        log.warning("%s: left out: %s", path, found)
    yield from found.files
