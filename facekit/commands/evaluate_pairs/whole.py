"""Embeddings of whole photos: of the main face, which is the person that a list of pairs refers to."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from facekit.base import images
from facekit.base.contract import BadImage, Embedder, Track
from facekit.base.parallel import ordered_map
from facekit.dataset import Dataset
from facekit.faces import detectors
from facekit.faces.landmarks import NO_FACE
from facekit.identity import embedders
from facekit.identity.embedders import DatasetEmbeddings
from facekit.identity.embedders.cache import Embedding, EmbeddingCache
from facekit.options.crop import FaceCrop


def embed_whole(
    photos: Dataset, crop: FaceCrop, embedder: Embedder, name: str, track: Track, jobs: int
) -> DatasetEmbeddings:
    """Return a vector for every photo, of the foremost face that is found as `crop` says.

    A photo without a face has none, unlike a picture of a tree, which is taken for a face as it is: a score
    counts it. Vectors come from the cache where the same photo was looked at before.
    """
    detectors.ready(crop)
    paths = [photos.root / record.path for record in photos.records]
    with EmbeddingCache(embedder) as cache:
        rows = track(
            ordered_map(_EmbedPhoto(cache, crop, name), paths, jobs), f"embed with {Path(name).name}", total=len(paths)
        )
        return DatasetEmbeddings.collect(iter(rows), len(paths), embedder.dimensions)


class _EmbedPhoto:
    """Embeds one photo; each thread has an embedder of its own."""

    def __init__(self, cache: EmbeddingCache, crop: FaceCrop, name: str) -> None:
        self._cache, self._crop = cache, crop
        self._how = f"of {crop.detector} {crop.cascade} {crop.verify} {crop.roll} {crop.min_size} {crop.detect_at}"
        self._embedder = embedders.PerThread(name)

    def __call__(self, photo: Path) -> Embedding | BadImage:
        try:
            return self._vector(photo)
        except BadImage as error:
            return error

    def _vector(self, photo: Path) -> Embedding:
        data = images.load(photo)
        key = (hashlib.sha256(data).digest(), self._how)
        (known,) = self._cache.load([key])
        if known is not None:
            return known
        image = images.decode(data)
        face = detectors.find_foremost(image, self._crop)
        if face is None:
            raise BadImage(NO_FACE)
        embedder = self._embedder()
        (vector,) = embedder.embed([embedder.align(image, face.box)])
        self._cache.save({key: vector})
        return np.asarray(vector, np.float32)
