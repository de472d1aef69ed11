"""Filters, maps and heat as pictures that a person can look at."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, sqrt

import cv2
import numpy as np
from matplotlib import colormaps
from numpy.typing import NDArray

from facekit.base import images
from facekit.base.contract import Image

Floats = NDArray[np.float32]

SIDE = 240
"""Least side of a picture that is shown, in pixels."""

_TILE = 32
_GAP = 2
_GROUND = 255
_STRENGTH = 0.65


def grid(tiles: Sequence[Image]) -> Image:
    """Lay tiles of one size out in rows, each pixel of small ones drawn as a square."""
    times = max(1, ceil(_TILE / max(tiles[0].shape[:2])))
    height, width = (side * times for side in tiles[0].shape[:2])
    columns = ceil(sqrt(len(tiles)))
    rows = ceil(len(tiles) / columns)
    sheet = np.full((rows * (height + _GAP) - _GAP, columns * (width + _GAP) - _GAP, 3), _GROUND, np.uint8)
    for place, tile in enumerate(tiles):
        top, left = place // columns * (height + _GAP), place % columns * (width + _GAP)
        sheet[top : top + height, left : left + width] = tile.repeat(times, 0).repeat(times, 1)
    return sheet


def enlarged(image: Image) -> Image:
    """Return a picture large enough to look at, its pixels drawn as squares."""
    times = max(1, ceil(SIDE / max(image.shape[:2])))
    return np.asarray(image.repeat(times, 0).repeat(times, 1), np.uint8)


def colored(values: Floats, name: str = "viridis") -> Image:
    """Return values from 0 to 1, shape (height, width), as colours."""
    return np.asarray(colormaps[name](values, bytes=True)[..., :3], np.uint8)


def heated(image: Image, heat: Floats) -> Image:
    """Lay heat from 0 to 1, of any shape (height, width), over a picture: the colder, the less hides it."""
    shown = enlarged(image)
    height, width = shown.shape[:2]
    warm = np.clip(cv2.resize(heat, (width, height), interpolation=cv2.INTER_CUBIC), 0, 1)
    share = (_STRENGTH * warm)[..., None]
    return np.asarray(shown * (1 - share) + colored(warm, "turbo") * share, np.uint8)


def png(image: Image) -> bytes:
    """Encode a picture without loss."""
    return images.encode_png(image)
