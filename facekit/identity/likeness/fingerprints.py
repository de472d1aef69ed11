"""What is kept of a picture to compare it with others, and what is made of many of them at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from facekit.base import images
from facekit.base.contract import Image
from facekit.base.images import Gray

SIDE = 64

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Fingerprint:
    """What is kept of a picture to compare it: difference hashes, as it is and mirrored, and 64x64 grey."""

    hash: int
    mirrored: int
    pixels: Gray


def fingerprint(image: Image) -> Fingerprint:
    """Reduce an RGB picture to its `Fingerprint`."""
    grey = images.gray(image)
    pixels = cv2.GaussianBlur(images.thumbnail(grey, SIDE), (0, 0), 1.0)
    return Fingerprint(images.dhash(grey), images.dhash(grey[:, ::-1].copy()), np.asarray(pixels, np.uint8))


def small(pictures: Sequence[Gray], side: int) -> Gray:
    """Return pictures at side x side, smooth enough for their slopes to mean something: (pictures, side, side)."""
    shrunk = np.empty((len(pictures), side, side), np.uint8)
    for place, pixels in enumerate(pictures):
        smooth = cv2.GaussianBlur(pixels, (0, 0), 0.6 * SIDE / side)
        shrunk[place] = cv2.resize(smooth, (side, side), interpolation=cv2.INTER_AREA)
    return shrunk


def unit(pixels: Gray) -> Floats:
    """Return pictures of one size as vectors of length 1 and mean 0, shape (pictures, pixels); flat ones are 0."""
    flat = pixels.reshape(len(pixels), pixels.shape[1] * pixels.shape[2]).astype(np.float32)
    flat -= flat.mean(axis=1, keepdims=True)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    flat /= np.where(length > 1e-3, length, np.inf)
    return flat


class Tangent:
    """What a picture becomes by small moves, turns and stretches.

    To first order a warped picture is the picture and a mix of its slopes (Simard, LeCun and Denker 1993). So
    how much of another picture lies in that mix says whether the two can be one, for the price of a few
    products, where laying one over the other takes a thousand times as long.
    """

    def __init__(self, pixels: Floats) -> None:
        """Take a square picture with slopes that mean something: see `small`."""
        right, down = np.zeros_like(pixels), np.zeros_like(pixels)
        right[:, 1:-1] = pixels[:, 2:] - pixels[:, :-2]
        down[1:-1] = pixels[2:] - pixels[:-2]
        x, y = _grid(pixels.shape[0])
        moves = np.stack([pixels, right, down, x * right, y * right, x * down, y * down]).reshape(7, -1)
        self._moves = moves - moves.mean(axis=1, keepdims=True)
        products = self._moves @ self._moves.T
        # A flat picture has no slopes, and what is near flat none to speak of.
        self._inverse = np.linalg.inv(products + np.eye(7, dtype=np.float32) * (1e-6 * products.trace() + 1e-6))

    def share(self, pictures: Gray) -> Floats:
        """Return how much of each picture, shape (pictures, side, side), lies in the mix, 0 to 1; none of a flat one.

        Moves have a mean of 0, so a picture's own drops out of their products.
        """
        flat = pictures.reshape(len(pictures), -1).astype(np.float32)
        # NumPy's product would wake a thread a core for each of very many small ones.
        inside = cv2.gemm(flat, self._moves, 1, None, 0, flags=cv2.GEMM_2_T)
        found = np.einsum("ij,ij->i", inside @ self._inverse, inside)
        spread = np.einsum("ij,ij->i", flat, flat) - flat.sum(axis=1) ** 2 / flat.shape[1]
        return np.asarray(found / np.where(spread > 1, spread, np.inf), np.float32)


@cache
def _grid(side: int) -> tuple[Floats, Floats]:
    y, x = np.mgrid[:side, :side].astype(np.float32) * (2 / side) - 1
    return x, y


def hashes(prints: Sequence[Fingerprint]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Return the hashes of many fingerprints, as they are and mirrored."""
    return (
        np.array([one.hash for one in prints], np.uint64),
        np.array([one.mirrored for one in prints], np.uint64),
    )
