"""Faces of a tree of photos with their embeddings, to enroll them: what the benchmarks of galleries share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from facekit.base import images
from facekit.base.contract import Record
from facekit.commands.crop import crop
from facekit.dataset import Dataset
from facekit.identity.embedders import embed_dataset
from facekit.identity.embedders.embeddings import face_in
from facekit.identity.gallery import NewFace
from facekit.identity.gallery.values import Crop, Where
from facekit.options.crop import Crop as CropOptions


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
