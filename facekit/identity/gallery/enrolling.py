"""Pictures to faces of a gallery: found or taken as they are, embedded, with what is kept of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from facekit.base import images, plain
from facekit.base.contract import BadImage, Image, Record
from facekit.base.parallel import ordered_map
from facekit.dataset import Dataset, tombstones
from facekit.dataset.info import DatasetInfo
from facekit.identity.embedders.cache import Embedding
from facekit.identity.embedders.embeddings import face_in
from facekit.identity.faces import Finder, Seen, SeenFace, kept
from facekit.identity.gallery.values import MOST_CROP, Crop, NewFace, Where

_BATCH = 8
"""Pictures that a worker holds at a time."""


@dataclass(frozen=True)
class _Read:
    """The face of one picture."""

    where: Where
    face: SeenFace
    crop: Crop | None


@dataclass(frozen=True)
class Enroller:
    """Makes faces of the pictures of a dataset. Threads may share one."""

    dataset: Dataset
    finder: Finder
    keep_crops: bool
    info: DatasetInfo
    """How the pictures were cut; of photos, that of a plain folder."""

    @classmethod
    def of(cls, dataset: Dataset, finder: Finder, keep_crops: bool) -> Enroller:
        """Return what makes faces of a dataset: of photos by the finder, of faces that `crop` cut as they are."""
        return cls(dataset, finder, keep_crops, dataset.info)

    def faces(self, records: Sequence[Record], jobs: int) -> Iterator[tuple[Record, NewFace | BadImage]]:
        """Yield each record with the face of its picture, or why it has none."""
        batches = (records[place : place + _BATCH] for place in range(0, len(records), _BATCH))
        return chain.from_iterable(ordered_map(self._batch, batches, jobs))

    def _batch(self, records: Sequence[Record]) -> list[tuple[Record, NewFace | BadImage]]:
        read = [self._read(record) for record in records]
        there = [one for one in read if isinstance(one, _Read)]
        vectors, reasons = self.finder.embed([one.face.aligned for one in there])
        made = iter(zip(there, vectors, reasons, strict=True))
        return [
            (record, one if isinstance(one, BadImage) else _made(*next(made)))
            for record, one in zip(records, read, strict=True)
        ]

    def _read(self, record: Record) -> _Read | BadImage:
        try:
            data = self.dataset.bytes_of(record)
            if self.info.crop is None:
                seen = self.finder.see(data, only_foremost=True)
                image, face, digest = seen.image, seen.faces[0], seen.sha256
            else:
                image, digest = images.decode(data), hashlib.sha256(data).hexdigest()
                inside = face_in(image, record, self.info)
                face = SeenFace(inside, self.finder.align(image, inside))
            tombstones.check(image)
        except BadImage as error:
            return error
        where = self._where(record, digest, face)
        return _Read(where, face, self._crop(data, image, face) if self.keep_crops else None)

    def _where(self, record: Record, digest: str, face: SeenFace) -> Where:
        source = self.dataset.sources.get(record.origin)
        line = "" if source is None else plain.dump_line(source)
        box = face.box if self.info.crop is None else None
        return Where(self._path(record), digest, box, record.origin, line)

    def _path(self, record: Record) -> str:
        if self.dataset.found_at is not None:  # the pictures of an archive are gone at the end
            return f"{self.dataset.found_at.absolute()}!{record.path}"
        return str(self.dataset.path_of(record).absolute())

    def _crop(self, data: bytes, image: Image, face: SeenFace) -> Crop:
        if self.info.crop is not None and len(data) <= MOST_CROP // 4:
            return Crop(data, face.box)
        return kept(image, face.box)


def new_face(seen: Seen, face: SeenFace, vector: Embedding, path: str, keep_crop: bool) -> NewFace:
    """Return a face of a picture that was looked at, with its embedding, as one to enroll or to deny."""
    where = Where(path, seen.sha256, face.box)
    return NewFace(where, vector, kept(seen.image, face.box) if keep_crop else None)


def _made(read: _Read, vector: Embedding, reason: str | None) -> NewFace | BadImage:
    return BadImage(reason) if reason is not None else NewFace(read.where, vector, read.crop)
