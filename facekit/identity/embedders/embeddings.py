"""The embeddings of a whole dataset: streamed, a few pictures at a time in each worker, and cached on disk."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np

from facekit.base import digests, images
from facekit.base.contract import BadImage, Box, Image, Record, Track, quiet
from facekit.base.parallel import Jobs, must_see, ordered_map
from facekit.dataset import Dataset, DatasetInfo
from facekit.identity.embedders.cache import Embedding, EmbeddingCache, Key
from facekit.identity.embedders.metrics import Embeddings
from facekit.identity.embedders.registry import full_name, load, of_this_thread

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


class _Asked(NamedTuple):
    """One picture of a batch: what a worker needs to embed it."""

    path: str
    margin: float | None
    """Around its face; None: it is not known where that is."""
    digest: str
    """The SHA-256 that its file should have."""
    embedded: bool
    """Whether the embedding of a file with that SHA-256 is in the cache."""
    sure: bool
    """Whether the file has that SHA-256; else that of its bytes decides: a manifest may be older than its files."""


Row = Embedding | BadImage | None
"""The embedding of a picture, or why it has none; None for one that is in the cache."""


@dataclass(frozen=True)
class _Work:
    """Embeds batches of pictures: in threads of this process, or in a worker on another machine."""

    root: Path
    embedder: str
    version: str

    def __call__(self, batch: Sequence[_Asked]) -> list[tuple[str, Row]]:
        """Return the SHA-256 of each picture, and its embedding."""
        embedder = of_this_thread(self.embedder, self.version)
        rows: list[tuple[str, Row]] = []
        faces: dict[int, Image] = {}
        for place, asked in enumerate(batch):
            digest, row = asked.digest, None
            try:
                if not (asked.sure and asked.embedded):
                    data, digest = digests.load(self.root / asked.path)
                    if not asked.embedded or digest != asked.digest:
                        image = images.decode(data)
                        faces[place] = embedder.align(image, _middle(image, asked.margin))
            except BadImage as error:
                row = error
            rows.append((digest, row))
        for place, row in zip(faces, embedder.embed(list(faces.values())), strict=True):
            rows[place] = rows[place][0], row
        return rows


def embed_dataset(dataset: Dataset, embedder: str, track: Track = quiet, jobs: Jobs = 0) -> DatasetEmbeddings:
    """Return an embedding for every picture of a dataset. `embedder` is a name, or the folder of a trained run.

    A picture that cannot be read, or on which no face can be aligned, has none. Embeddings come from the cache
    where the same picture was embedded before; workers compute the others, and only this process writes the cache.
    Raises FacekitError for an embedder that is not available.
    """
    must_see(jobs, dataset.root, [record.path for record in dataset.records])
    count, title = len(dataset.records), f"embed with {Path(embedder).name}"
    built = load(embedder)
    work = _Work(dataset.root.absolute(), full_name(embedder), built.version)
    with EmbeddingCache(built) as cache:
        rows = chain.from_iterable(_rows(dataset, cache, work, jobs))
        return DatasetEmbeddings.collect(iter(track(rows, title, total=count)), count, built.dimensions)


def face_in(image: Image, record: Record, info: DatasetInfo) -> Box | None:
    """Return where the face is in a picture of a dataset, with `info` its `dataset.json`; None: that is not known.

    A picture that `crop` cut, aligned or not, has it in its middle, inside the margin. A picture that is taken
    for a face as it is (`crop --no-detect`), and one of a plain tree, may show it anywhere.
    """
    return _middle(image, _margin(record, info))


def _rows(dataset: Dataset, cache: EmbeddingCache, work: _Work, jobs: Jobs) -> Iterator[list[Embedding | BadImage]]:
    """Yield the rows of a few pictures at a time."""
    waiting: deque[tuple[list[_Asked], list[Embedding | None]]] = deque()

    def batches() -> Iterator[list[_Asked]]:
        for start in range(0, len(dataset.records), BATCH):
            some = dataset.records[start : start + BATCH]
            known = [digests.known(dataset.root / record.path) for record in some]
            named = [digest or record.sha256 for digest, record in zip(known, some, strict=True)]
            margins = [_margin(record, dataset.info) for record in some]
            held = cache.load([_key(*one) for one in zip(named, margins, strict=True)])
            asked = [
                _Asked(record.path, margin, digest, row is not None, sure is not None)
                for record, margin, digest, row, sure in zip(some, margins, named, held, known, strict=True)
            ]
            waiting.append((asked, held))
            yield asked

    for found in ordered_map(work, batches(), jobs):
        asked, held = waiting.popleft()
        keys = [_key(digest, one.margin) for one, (digest, _) in zip(asked, found, strict=True)]
        fresh = [row for _, row in found]
        cache.save({key: row for key, row in zip(keys, fresh, strict=True) if isinstance(row, np.ndarray)})
        yield [_there(row, before) for row, before in zip(fresh, held, strict=True)]


def _there(row: Row, before: Embedding | None) -> Embedding | BadImage:
    if row is not None:
        return row
    assert before is not None  # the worker was told that it is in the cache
    return before


def _key(digest: str, margin: float | None) -> Key:
    return bytes.fromhex(digest), repr(margin)


def _margin(record: Record, info: DatasetInfo) -> float | None:
    crop = info.crop
    if record.box is None or (crop is not None and not crop.detect):
        return None
    return crop.margin if crop is not None else 0.0


def _middle(image: Image, margin: float | None) -> Box | None:
    if margin is None:
        return None
    height, width = image.shape[:2]
    side = round(min(height, width) / (1 + margin))
    return Box((width - side) // 2, (height - side) // 2, side, side)
