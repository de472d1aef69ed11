"""Pixels that a caller hands over: an array, a Pillow image, or the path of a file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageOps

from facekit.base import images
from facekit.base.contract import BadImage, FacekitError, Image
from facekit.base.header import TOO_LARGE

if TYPE_CHECKING:
    from os import PathLike

Picture: TypeAlias = "NDArray[np.uint8] | Pillow.Image | str | PathLike[str]"
"""RGB pixels, shape (height, width, 3), dtype uint8; a Pillow image; or the path of a file."""

_WANTED = "give RGB pixels of shape (height, width, 3) and type uint8, a path, or a Pillow image"


def pixels_of(picture: Picture) -> Image:
    """Return a picture as RGB uint8 pixels, upright as its EXIF orientation says. Raises FacekitError."""
    if isinstance(picture, str | os.PathLike):
        return read(Path(picture))
    if isinstance(picture, Pillow.Image):
        picture = _of_pillow(picture)
    array = np.asarray(picture)
    if array.dtype != np.uint8:
        what = type(picture).__name__ if array.dtype == object else f"of type {array.dtype}"
        raise FacekitError(f"the picture is {what}; {_WANTED}")
    if array.ndim != 3 or array.shape[2] != 3 or not array.size:
        raise FacekitError(f"the picture has shape {array.shape}; {_WANTED}")
    return np.ascontiguousarray(array)


def read(path: Path) -> Image:
    """Return the RGB pixels of a file. Raises FacekitError, whose cause is the BadImage that says why."""
    try:
        return images.read(path)
    except BadImage as error:
        raise unusable(path, error) from error


def unusable(path: Path, error: BadImage) -> FacekitError:
    """Return the fault of a file that cannot be used."""
    detail = f" ({error.value})" if error.value not in (None, "") and error.reason != TOO_LARGE else ""
    return FacekitError(f"{path}: {error.reason}{detail}; give another picture, or leave this one out")


def _of_pillow(picture: Pillow.Image) -> Pillow.Image:
    """Return a picture upright and in RGB; what is transparent becomes white, as in a file."""
    upright = ImageOps.exif_transpose(picture)
    if upright.has_transparency_data:
        over = upright.convert("RGBA")
        upright = Pillow.alpha_composite(Pillow.new("RGBA", over.size, "white"), over)
    return upright.convert("RGB")
