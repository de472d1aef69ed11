"""Faces of labelled photos as embedders see them, and as their pixels are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from facekit.base import images
from facekit.base.contract import BadImage, Box, Embedder, Image, Record
from facekit.base.parallel import ordered_map
from facekit.dataset import Dataset
from facekit.faces.detectors import find
from facekit.identity import embedders
from facekit.identity.people import scaled
from facekit.identity.people.evidence import Vectors
from facekit.options.crop import Crop

FINDER = Crop(input=Path("in"), output=Path("out"), detector="dlib", min_size=80)

MIDDLE = Box(78, 78, 100, 100)
"""Where the face is in a photo: LFW's are aligned, and some show another face that is larger."""


@dataclass(frozen=True)
class Faces:
    """Photos with vectors in units of the threshold, of each embedder: who is on each, and what the file is called."""

    views: tuple[Vectors, ...]
    people: NDArray[np.str_]
    files: list[str]

    def of(self, people: set[str]) -> Faces:
        """Return the photos of some people."""
        inside = np.isin(self.people, sorted(people))
        files = [file for file, is_in in zip(self.files, inside, strict=True) if is_in]
        return Faces(tuple(vectors[inside] for vectors in self.views), self.people[inside], files)


def named_in(pairs: Path) -> set[str]:
    """Return the people that a list of pairs names."""
    rows = [line.split("\t") for line in pairs.read_text().splitlines()[1:]]
    return {name for row in rows for name in ((row[0],) if len(row) == 3 else row[::2])}


def pairs_of(list_: Path) -> Iterator[tuple[str, str, bool]]:
    """Yield the two files of each pair, and whether they show one person."""
    for row in (line.split("\t") for line in list_.read_text().splitlines()[1:]):
        first, second = (row[0], row[0]) if len(row) == 3 else (row[0], row[2])
        yield f"{first}_{int(row[1]):04}.jpg", f"{second}_{int(row[-1]):04}.jpg", len(row) == 3


def embedded(tree: Path, names: Sequence[str], people: Set[str] | None = None, most: int | None = None) -> Faces:
    """Return what embedders make of the face in the middle of each photo, of some people; NaN where one sees none.

    With `most`, of so many photos of each person, and of the middle as it is.
    """
    dataset = Dataset.open(tree)
    of_label = dataset.by_label()
    records = [r for label in of_label if people is None or label in people for r in of_label[label][:most]]
    ready = [embedders.PerThread(name) for name in names]

    def embed(record: Record) -> list[Vectors]:
        image = images.read(dataset.path_of(record))
        found = find(image, FINDER) if most is None else []
        box = min([*(face.box for face in found), MIDDLE], key=off_middle)
        return [_vector(embedder(), image, box) for embedder in ready]

    rows = list(zip(*ordered_map(embed, records), strict=True))
    views = [scaled(np.stack(row), e().metric, e().threshold) for row, e in zip(rows, ready, strict=True)]
    labels = np.array([record.label for record in records])
    return Faces(tuple(views), labels, [Path(record.path).name for record in records])


def _vector(embedder: Embedder, image: Image, box: Box) -> Vectors:
    try:
        return np.asarray(embedder.embed([embedder.align(image, box)])[0])
    except BadImage:
        return np.full(embedder.dimensions, np.nan, np.float32)


def off_middle(box: Box) -> float:
    """Return how far a box is from where LFW's faces are; the place itself is the last resort."""
    away = float(np.hypot(box.x + box.w / 2 - 125, box.y + box.h / 2 - 125))
    return away if box is not MIDDLE else 40.0


def pixels(tree: Path) -> Faces:
    """Return the middle of each photo as 32x32 grey pixels of mean 0 and length 1."""
    dataset = Dataset.open(tree)
    rows = []
    for record in dataset.records:
        grey = images.gray(images.read(dataset.path_of(record)))
        edge = grey.shape[0] * 7 // 25
        small = cv2.resize(grey[edge:-edge, edge:-edge], (32, 32), interpolation=cv2.INTER_AREA).astype(np.float32)
        row = (small - small.mean()).ravel()
        rows.append(row / max(float(np.linalg.norm(row)), 1e-6))
    people = np.array([record.label for record in dataset.records])
    return Faces((np.array(rows, np.float32),), people, [Path(record.path).name for record in dataset.records])


def by_components(train: Faces, sets: Sequence[Faces], pairs: Path) -> list[Faces]:
    """Return sets of pixels as components of the training set's, in units of the threshold that parts its pairs."""
    (vectors,) = train.views
    mean = vectors.mean(0)
    _, sizes, axes = np.linalg.svd(vectors - mean, full_matrices=False)
    turn = axes[:64].T / sizes[:64] * np.sqrt(len(vectors))
    at = {file: place for place, file in enumerate(train.files)}
    known = [(at[a], at[b], same) for a, b, same in pairs_of(pairs) if a in at and b in at]
    turned = (vectors - mean) @ turn
    apart = np.array([np.linalg.norm(turned[a] - turned[b]) for a, b, _ in known])
    same = np.array([is_same for _, _, is_same in known])
    threshold = max(np.unique(apart), key=lambda limit: float(((apart <= limit) == same).mean()))
    return [Faces((np.asarray((s.views[0] - mean) @ turn / threshold, np.float32),), s.people, s.files) for s in sets]
