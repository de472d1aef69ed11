"""Augmentation recipes: how much a child may differ from its photo, for faces cut out square."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

# Read when albumentations is imported: it asks a server for its newest version otherwise.
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

import albumentations as A  # noqa: E402, N812 - its own documentation's name
import cv2  # noqa: E402

from facekit.base.contract import Image  # noqa: E402


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


def augment_image(image: Image, recipe: str, seed: int) -> Image:
    """Return one changed copy of an RGB face, of the same shape; the seed alone decides how it is changed."""
    transform = _compose(recipe, image.shape[0], image.shape[1])
    transform.set_random_seed(seed)
    changed: Image = transform(image=image)["image"]
    return changed


@lru_cache(maxsize=16)
def _compose(recipe: str, height: int, width: int) -> Any:
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
