"""The embeddings of a whole dataset: streamed, a few pictures at a time in each worker, and cached on disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np

from facekit.base import digests, images
from facekit.base.contract import BadImage, Box, Image, Record, Track, quiet
from facekit.base.parallel import ordered_map
from facekit.dataset import Dataset, DatasetInfo
from facekit.identity.embedders.cache import Embedding, EmbeddingCache, Key
from facekit.identity.embedders.metrics import Embeddings
from facekit.identity.embedders.registry import PerThread

BATCH = 16
"""Pictures that a worker holds at a time; larger batches are no faster."""

NOT_FINITE = "embedding is not a number"
"""Why a face has no embedding where its network answers NaN or infinity."""


class DatasetEmbeddings(NamedTuple):
    """The embeddings of a dataset's pictures, shape (pictures, dimensions), in its order.

    Where there is none, the row is NaN and `reasons` says why; elsewhere that is None.
    """

    vectors: Embeddings
    reasons: list[str | None]

    @classmethod
    def collect(cls, rows: Iterator[Embedding | BadImage], count: int, dimensions: int) -> DatasetEmbeddings:
        """Put one row a picture together, in order."""
        vectors = np.full((count, dimensions), np.nan, np.float32)
        reasons: list[str | None] = [None] * count
        for place, row in enumerate(rows):
            if isinstance(row, BadImage):
                reasons[place] = row.reason
            elif np.isfinite(row).all():
                vectors[place] = row
            else:
                reasons[place] = NOT_FINITE
        return cls(vectors, reasons)


@dataclass
class _Read:
    """The key under which a picture's embedding is cached, and its bytes, if its file had to be read for that."""

    record: Record
    key: Key
    data: bytes | None


def embed_dataset(dataset: Dataset, embedder: str, track: Track = quiet, jobs: int = 0) -> DatasetEmbeddings:
    """Return an embedding for every picture of a dataset. `embedder` is a name, or the folder of a trained run.

    A picture that cannot be read, or on which no face can be aligned, has none. Embeddings come from the cache
    where the same picture was embedded before. Raises FacekitError for an embedder that is not available.
    """
    embedders = PerThread(embedder)
    count = len(dataset.records)
    title = f"embed with {Path(embedder).name}"
    with EmbeddingCache(embedders()) as cache:
        work = partial(_embed, dataset, embedders, cache)
        rows = chain.from_iterable(ordered_map(work, _batches(dataset.records), jobs))
        return DatasetEmbeddings.collect(iter(track(rows, title, total=count)), count, embedders().dimensions)


def face_in(image: Image, record: Record, info: DatasetInfo) -> Box | None:
    """Return where the face is in a picture of a dataset, with `info` its `dataset.json`; None: that is not known.

    A picture that `crop` cut, aligned or not, has it in its middle, inside the margin. A picture that is taken
    for a face as it is (`crop --no-detect`), and one of a plain tree, may show it anywhere.
    """
    margin = _margin(record, info)
    if margin is None:
        return None
    height, width = image.shape[:2]
    side = round(min(height, width) / (1 + margin))
    return Box((width - side) // 2, (height - side) // 2, side, side)


def _batches(records: Sequence[Record]) -> Iterator[tuple[Record, ...]]:
    return (tuple(records[place : place + BATCH]) for place in range(0, len(records), BATCH))


def _margin(record: Record, info: DatasetInfo) -> float | None:
    crop = info.crop
    if record.box is None or (crop is not None and not crop.detect):
        return None
    return crop.margin if crop is not None else 0.0


def _embed(
    dataset: Dataset, embedders: PerThread, cache: EmbeddingCache, records: Sequence[Record]
) -> list[Embedding | BadImage]:
    rows: dict[int, Embedding | BadImage] = {}
    read: dict[int, _Read] = {}
    for place, record in enumerate(records):
        try:
            read[place] = _read(dataset, record)
        except BadImage as error:
            rows[place] = error
    cached = cache.load([one.key for one in read.values()])
    rows.update((place, row) for place, row in zip(read, cached, strict=True) if row is not None)
    fresh = _compute(dataset, embedders, {place: one for place, one in read.items() if place not in rows})
    cache.save({read[place].key: row for place, row in fresh.items() if not isinstance(row, BadImage)})
    rows.update(fresh)
    return [rows[place] for place in range(len(records))]


def _read(dataset: Dataset, record: Record) -> _Read:
    # Of the bytes that are there now: a manifest may be older than its files.
    file, data = dataset.root / record.path, None
    if (digest := digests.known(file)) is None:
        data, digest = digests.load(file)
    return _Read(record, (bytes.fromhex(digest), repr(_margin(record, dataset.info))), data)


def _compute(dataset: Dataset, embedders: PerThread, missing: Mapping[int, _Read]) -> dict[int, Embedding | BadImage]:
    embedder = embedders()
    rows: dict[int, Embedding | BadImage] = {}
    faces: dict[int, Image] = {}
    for place, one in missing.items():
        try:
            data = images.load(dataset.root / one.record.path) if one.data is None else one.data
            image = images.decode(data)
            faces[place] = embedder.align(image, face_in(image, one.record, dataset.info))
        except BadImage as error:
            rows[place] = error
    return {**rows, **dict(zip(faces, embedder.embed(list(faces.values())), strict=True))}
