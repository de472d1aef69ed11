"""What is kept of a picture to compare it with others."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from facekit.base import images
from facekit.base.contract import Image
from facekit.base.images import Gray
from facekit.identity.likeness.features import Features, features
from facekit.identity.likeness.shape import mirrored, shape

DETAIL = (112, 320)
"""Least and greatest length, in pixels, at which features are looked for."""

LARGEST = 640
"""Length to which a larger picture is shrunk, once for all that is looked at in it."""

SHRINK = 0.7
"""A picture is shrunk so for its features: the finest ones do not outlive an edit."""

PIXELS = (96, 160)
"""Least and greatest length of the grey pixels that are kept."""

FEATURES = (40, 240)
"""Features kept of the smallest and of the largest picture."""


@dataclass(frozen=True)
class Fingerprint:
    """What is kept of a picture: difference hashes, as it is and mirrored, small grey pixels, shape and features.

    About 16 kB for a face of 160 pixels, 50 kB for a large photo.
    """

    hash: int
    mirrored: int
    pixels: Gray
    shape: NDArray[np.float16]
    features: Features

    def flipped(self) -> Fingerprint:
        """Return the fingerprint of the mirror image."""
        return Fingerprint(
            self.mirrored,
            self.hash,
            np.ascontiguousarray(self.pixels[:, ::-1]),
            mirrored(self.shape[None].astype(np.float32))[0].astype(np.float16),
            self.features.mirrored(self.pixels.shape[1]),
        )


def fingerprint(image: Image) -> Fingerprint:
    """Reduce an RGB picture to its `Fingerprint`."""
    grey = images.gray(image)
    if max(grey.shape) > LARGEST:
        grey = scaled(grey, LARGEST)
    length = float(np.clip(SHRINK * max(grey.shape), *DETAIL))
    share = (length - DETAIL[0]) / (DETAIL[1] - DETAIL[0])
    side = float(np.clip(length / 2, *PIXELS))
    count = round(FEATURES[0] + share * (FEATURES[1] - FEATURES[0]))
    pixels = scaled(grey, side)
    return Fingerprint(
        images.dhash(grey),
        images.dhash(grey[:, ::-1].copy()),
        pixels,
        shape(grey).astype(np.float16),
        features(scaled(grey, length), count, max(pixels.shape) / length),
    )


def scaled(grey: Gray, length: float) -> Gray:
    """Return grey pixels whose longer side is `length`."""
    scale = length / max(grey.shape)
    size = (max(1, round(grey.shape[1] * scale)), max(1, round(grey.shape[0] * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(grey, size, interpolation=how), np.uint8)


def hashes(prints: list[Fingerprint]) -> NDArray[np.uint64]:
    """Return the hashes of many fingerprints."""
    return np.array([one.hash for one in prints], np.uint64)
