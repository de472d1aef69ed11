"""Children of faces, made by worker processes, which import this module and nothing of the commands."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import NamedTuple

import numpy as np

from facekit.base import images
from facekit.base.contract import Image
from facekit.faces.augmentation import augment_image

_NUMBER = 5
"""The stream of chance of `augment`."""

_MOST = 64 << 20
"""Bytes of decoded photos that a thread remembers: a person's, of which each has many children in turn."""


class _Memory(threading.local):
    """The photos that a thread has decoded, by file and version: a worker of a cluster outlives a run."""

    def __init__(self) -> None:
        self.photos: dict[tuple[Path, int, int], Image] = {}


_memory = _Memory()


class Child(NamedTuple):
    """One child to make: its id, and the file of its photo."""

    id: str
    photo: Path


def make_children(recipe: str, seed: int, children: list[Child]) -> list[bytes]:
    """Return the JPEG bytes of each child. (seed, its id) alone decide how it differs from its photo."""
    return [images.encode(augment_image(_photo(one.photo), recipe, _chance(seed, one.id))) for one in children]


def _chance(seed: int, child: str) -> int:
    return int(np.random.default_rng([seed, _NUMBER, int(child[:8], 16)]).integers(2**31))


def _photo(path: Path) -> Image:
    """Return the pixels of a photo, which no child of it changes. Raises BadImage."""
    try:
        now = path.stat()
    except OSError:
        return images.read(path)  # which says why not
    version, photos = (path, now.st_mtime_ns, now.st_size), _memory.photos
    if version not in photos:
        image = images.read(path)
        if sum(one.nbytes for one in photos.values()) + image.nbytes > _MOST:
            photos.clear()
        photos[version] = image
    return photos[version]
