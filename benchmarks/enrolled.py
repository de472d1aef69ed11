"""Faces of a tree of photos with their embeddings, to enroll them: what the benchmarks of galleries share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from facekit.base import images
from facekit.base.contract import Record
from facekit.commands.crop import crop
from facekit.dataset import Dataset
from facekit.identity.embedders import embed_dataset
from facekit.identity.embedders.embeddings import face_in
from facekit.identity.gallery import Gallery, Identity, NewFace
from facekit.identity.gallery.gallery import about
from facekit.identity.gallery.values import Crop, Where
from facekit.options.crop import Crop as CropOptions

FPIR = 0.01
"""What the galleries are asked for."""


@dataclass(frozen=True)
class Faces:
    """Faces with embeddings."""

    dataset: Dataset
    vectors: np.ndarray

    def where(self, chosen: np.ndarray) -> Faces:
        """Return some of them."""
        records = [self.dataset.records[place] for place in chosen]
        return Faces(replace(self.dataset, records=records), self.vectors[chosen])

    @property
    def names(self) -> np.ndarray:
        """Who is on each."""
        return np.array([one.name for one in self.dataset.records])

    def new(self, place: int, crops: bool = False) -> NewFace:
        """Return one as a face to enroll."""
        record = self.dataset.records[place]
        return NewFace(Where(record.path, record.sha256), self.vectors[place], self._crop(record) if crops else None)

    def _crop(self, record: Record) -> Crop:
        data = self.dataset.bytes_of(record)
        return Crop(data, face_in(images.decode(data), record, self.dataset.info))


def faces(photos: Path, output: Path, embedder: str) -> Faces:
    """Return the faces of a tree of photos, cut with the defaults."""
    crop(CropOptions(input=photos, output=output, jobs=1))
    dataset = Dataset.open(output)
    vectors, reasons = embed_dataset(dataset, embedder, jobs=1)
    there = np.array([place for place, reason in enumerate(reasons) if reason is None])
    return Faces(dataset, vectors).where(there)


def parts(known: Faces, names: Sequence[str], share: float, seed: int) -> tuple[Faces, Faces]:
    """Return some photos of each person, and the rest."""
    rng, all_names = np.random.default_rng(seed), known.names
    first, second = [], []
    for name in names:
        own = rng.permutation(np.flatnonzero(all_names == name))
        count = max(1, round(share * len(own)))
        first += own[:count].tolist()
        second += own[count:].tolist()
    return known.where(np.array(sorted(first))), known.where(np.array(sorted(second)))


def filled(folder: Path, enrolled: Faces, embedder: str, crops: bool = False) -> Gallery:
    """Return a gallery of some faces."""
    gallery = Gallery.make(folder, about(embedder, enrolled.dataset.info.crop, FPIR, crops))
    people: dict[str, list[NewFace]] = defaultdict(list)
    for place, name in enumerate(enrolled.names):
        people[str(name)].append(enrolled.new(place, crops))
    gallery.store.enroll(people)
    return gallery


def asked(gallery: Gallery, some: Faces, rate: float | None = None) -> list[Identity]:
    """Return who the gallery says each face is, each in a picture of its own."""
    namer = gallery.namer(rate)
    return [namer.name(vector[None])[0] for vector in some.vectors]
