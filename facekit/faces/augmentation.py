"""Augmentation recipes: how much a child may differ from its photo, for faces cut out square."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np

from facekit.base import plugins
from facekit.base.contract import Image


@dataclass(frozen=True)
class Strength:
    """The limits of one recipe; each change is drawn evenly within them."""

    rotate: float
    """Degrees, either way."""
    scale: float
    shift: float
    """Share of the side, either way."""
    light: float
    """Change of brightness and of contrast, as a share."""
    trim: float
    """Share of each border that may be cut off."""
    blur: float
    """Chance of a blur."""
    noise: float
    """Most standard deviation of the noise, as a share of 255."""
    occlude: float
    """Chance that a box hides part of the face."""


STRENGTHS = {
    "gentle": Strength(rotate=5, scale=0.05, shift=0.03, light=0.1, trim=0.03, blur=0.05, noise=0.02, occlude=0.0),
    "standard": Strength(rotate=12, scale=0.1, shift=0.06, light=0.25, trim=0.08, blur=0.15, noise=0.05, occlude=0.15),
    "strong": Strength(rotate=20, scale=0.18, shift=0.1, light=0.4, trim=0.12, blur=0.3, noise=0.1, occlude=0.4),
}


def ready() -> None:
    """Refuse to begin without Albumentations, which the first child imports: that is slow. Raises FacekitError."""
    if not plugins.installed("albumentations"):
        plugins.need("albumentations", "augment")


def augment_image(image: Image, recipe: str, seed: int) -> Image:
    """Return one changed copy of an RGB face, of the same shape; the seed alone decides how it is changed.

    Where chance changes nothing, that is the picture itself.
    """
    transform, parts = _seeded(recipe, image.shape[0], image.shape[1], threading.get_ident())
    _seed(parts, seed)
    changed: Image = transform(image=image)["image"]
    return changed


@lru_cache(maxsize=16)
def _seeded(recipe: str, height: int, width: int, thread: int) -> tuple[Any, list[Any]]:
    """Return the transform of a recipe, and all of its parts that draw by chance: each thread has its own."""
    transform = _compose(recipe, height, width)
    transform.set_random_seed(0)  # generators of its own for each part
    return transform, list(_parts(transform))


def _parts(transform: Any) -> Iterator[Any]:
    yield transform
    for part in getattr(transform, "transforms", ()):
        yield from _parts(part)


def _seed(parts: Sequence[Any], seed: int) -> None:
    """Do what `set_random_seed` does, which makes two new generators for each part, in a quarter of the time."""
    state = np.random.default_rng(seed).bit_generator.state
    for part in parts:
        part.seed = seed
        part.random_generator.bit_generator.state = state
        part.py_random.seed(seed)


def _compose(recipe: str, height: int, width: int) -> Any:
    # Read when albumentations is imported: it asks a server for its newest version otherwise.
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
    A = plugins.need("albumentations", "augment")  # noqa: N806 - its own documentation's name
    s = STRENGTHS[recipe]
    return A.Compose([
        A.HorizontalFlip(p=0.5),
        A.Affine(
            rotate=(-s.rotate, s.rotate),
            scale=(1 - s.scale, 1 + s.scale),
            translate_percent=(-s.shift, s.shift),
            border_mode=cv2.BORDER_REPLICATE,
            p=0.9,
        ),
        A.RandomCropFromBorders(crop_left=s.trim, crop_right=s.trim, crop_top=s.trim, crop_bottom=s.trim, p=0.5),
        A.Resize(height, width, interpolation=cv2.INTER_AREA),
        A.RandomBrightnessContrast(brightness_limit=s.light, contrast_limit=s.light, p=0.8),
        A.OneOf([A.GaussianBlur(blur_limit=(3, 5)), A.MotionBlur(blur_limit=(3, 5))], p=s.blur),
        A.GaussNoise(std_range=(0.2 * s.noise, s.noise), p=0.3),
        A.CoarseDropout(
            num_holes_range=(1, 1), hole_height_range=(0.1, 0.25), hole_width_range=(0.1, 0.25), fill=0, p=s.occlude
        ),
    ])  # fmt: skip
