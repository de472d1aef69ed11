"""The vectors of a whole dataset: streamed, a few pictures at a time in each worker, and kept on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import NamedTuple

import numpy as np

from facekit.base import images
from facekit.base.contract import BadImage, Box, Image, Record, Track, quiet
from facekit.base.parallel import ordered_map
from facekit.dataset import Dataset, DatasetInfo
from facekit.identity.embedders.compare import Vectors
from facekit.identity.embedders.kept import Kept, Vector
from facekit.identity.embedders.named import Own

BATCH = 16
"""Pictures that a worker holds at a time; larger batches are no faster."""


class Embedded(NamedTuple):
    """The vectors of a dataset's pictures, shape (pictures, dimensions), in its order.

    Where there is none, the row is NaN and `reasons` says why; elsewhere that is None.
    """

    vectors: Vectors
    reasons: list[str | None]


@dataclass
class _Seen:
    """A picture's bytes, and the key under which its vector is kept."""

    record: Record
    data: bytes
    key: tuple[bytes, str]


def embed_dataset(dataset: Dataset, embedder: str, track: Track = quiet, jobs: int = 0) -> Embedded:
    """Return a vector for every picture of a dataset. `embedder` is a name, or the folder of a trained run.

    A picture that cannot be read, or on which no face can be aligned, has none. Vectors come from the cache
    where the same picture was embedded before. Raises FacekitError for an embedder that cannot be had.
    """
    own = Own(embedder)
    count = len(dataset.records)
    vectors = np.full((count, own().dimensions), np.nan, np.float32)
    reasons: list[str | None] = [None] * count
    with Kept(own()) as kept:
        work = partial(_embed, dataset, own, kept)
        rows = chain.from_iterable(ordered_map(work, _batches(dataset.records), jobs))
        for place, row in enumerate(track(rows, "embed", total=count)):
            if isinstance(row, BadImage):
                reasons[place] = row.reason
            else:
                vectors[place] = row
    return Embedded(vectors, reasons)


def face_in(image: Image, record: Record, info: DatasetInfo) -> Box | None:
    """Return where the face is in a picture of a dataset, with `info` its `dataset.json`; None: that is not known.

    A picture that `crop` cut, aligned or not, has it in its middle, inside the margin. A picture that is taken
    for a face as it is (`crop --no-detect`), and one of a plain tree, may show it anywhere.
    """
    room = _room(record, info)
    if room is None:
        return None
    height, width = image.shape[:2]
    side = round(min(height, width) / (1 + room))
    return Box((width - side) // 2, (height - side) // 2, side, side)


def _batches(records: Sequence[Record]) -> Iterator[tuple[Record, ...]]:
    return (tuple(records[place : place + BATCH]) for place in range(0, len(records), BATCH))


def _room(record: Record, info: DatasetInfo) -> float | None:
    crop = info.crop
    if record.box is None or (crop is not None and not crop.detect):
        return None
    return crop.margin if crop is not None else 0.0


def _embed(dataset: Dataset, own: Own, kept: Kept, records: Sequence[Record]) -> list[Vector | BadImage]:
    rows: dict[int, Vector | BadImage] = {}
    seen: dict[int, _Seen] = {}
    for place, record in enumerate(records):
        try:
            seen[place] = _read(dataset, record)
        except BadImage as error:
            rows[place] = error
    before = kept.found([one.key for one in seen.values()])
    rows.update((place, vector) for place, vector in zip(seen, before, strict=True) if vector is not None)
    fresh = _computed(dataset, own, {place: one for place, one in seen.items() if place not in rows})
    kept.add({seen[place].key: row for place, row in fresh.items() if not isinstance(row, BadImage)})
    rows.update(fresh)
    return [rows[place] for place in range(len(records))]


def _read(dataset: Dataset, record: Record) -> _Seen:
    try:
        data = (dataset.root / record.path).read_bytes()
    except OSError as error:
        raise BadImage("cannot be read", error.strerror or "") from None
    # Of the bytes that are there now: a manifest may be older than its files.
    return _Seen(record, data, (hashlib.sha256(data).digest(), repr(_room(record, dataset.info))))


def _computed(dataset: Dataset, own: Own, missing: Mapping[int, _Seen]) -> dict[int, Vector | BadImage]:
    embedder = own()
    rows: dict[int, Vector | BadImage] = {}
    faces: dict[int, Image] = {}
    for place, one in missing.items():
        try:
            image = images.decode(one.data)
            faces[place] = embedder.align(image, face_in(image, one.record, dataset.info))
        except BadImage as error:
            rows[place] = error
    return {**rows, **dict(zip(faces, embedder.embed(list(faces.values())), strict=True))}
