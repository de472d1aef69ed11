"""Galleries of made embeddings, for tests of what does not depend on a network."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from facekit.base.contract import Box
from facekit.identity.gallery import About, Gallery, NewFace
from facekit.identity.gallery.values import Crop, Where
from facekit.options.crop import CarriedCrop
from facekit.runs import Backbone

DIMENSIONS = 8


def about(metric: str = "euclidean", fpir: float = 0.01, dimensions: int = DIMENSIONS) -> About:
    """What a gallery of made embeddings says of itself."""
    embedder = Backbone(name="dlib", version="made", metric=metric, dimensions=dimensions, licence="none")  # type: ignore[arg-type]
    return About(id="made", embedder=embedder, threshold=0.6, crop=CarriedCrop(), fpir=fpir)


def face(key: str, vector: np.ndarray, crop: bool = False) -> NewFace:
    """A face with an embedding; the key tells it from others."""
    where = Where(f"{key}.jpg", key, Box(1, 2, 3, 4))
    return NewFace(where, np.asarray(vector, np.float32), Crop(key.encode()) if crop else None)


def people(count: int, faces: int, seed: int = 0, spread: float = 0.05) -> dict[str, list[NewFace]]:
    """People whose faces lie around points that are far apart: p0, p1, …"""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(count, DIMENSIONS))
    return {
        f"p{number}": [
            face(f"p{number}-{k}", centre + spread * rng.normal(size=DIMENSIONS), crop=True) for k in range(faces)
        ]
        for number, centre in enumerate(centres)
    }


def made(place: str | Path, count: int = 3, faces: int = 4, seed: int = 0, metric: str = "euclidean") -> Gallery:
    """A gallery of such people."""
    gallery = Gallery.make(place, about(metric))
    gallery.store.enroll(people(count, faces, seed))
    return gallery
