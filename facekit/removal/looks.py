"""How a picture looks, in 64 bits: by these it is known when it was saved again, or made smaller for a page."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np

from facekit.base import images
from facekit.base.contract import BadImage

SMALLER = 6
"""Most bits by which the hash of a picture differs from that of a thumbnail of it."""


def look_of(file: Path) -> int | None:
    """Return the perceptual hash of a picture's file; None where it cannot be read."""
    try:
        return look_at(images.load(file))
    except BadImage:
        return None


def look_at(data: bytes) -> int | None:
    """Return the perceptual hash of a picture's bytes; None where they are none."""
    try:
        return images.dhash(images.gray(images.decode(data)))
    except BadImage:
        return None


def is_like(look: int, looks: Collection[int], bits: int = SMALLER) -> bool:
    """Whether a hash is one of those, but for a few bits."""
    if not looks:
        return False
    known = np.fromiter(looks, np.uint64, len(looks))
    return bool((np.bitwise_count(known ^ np.uint64(look)) <= bits).any())
