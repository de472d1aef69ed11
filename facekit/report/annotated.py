"""A photo with a box and a name around each face."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from facekit.base import images
from facekit.base.contract import Box, FacekitError, Image
from facekit.base.files import guarded, replace_file
from facekit.base.text import visible

KNOWN, UNKNOWN = (0, 160, 90), (200, 60, 40)
"""Colours of the box of somebody who is known, and of a stranger."""

_MOST_NAME = 60
"""Characters of a name that are drawn."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Mark:
    """What is drawn around a face."""

    box: Box | None
    """None: the whole picture."""
    text: str
    known: bool


def check_folder(flag: str, folder: Path) -> None:
    """Make the folder for annotated photos. Raises FacekitError where it cannot be one."""
    if folder.exists() and not folder.is_dir():
        raise FacekitError(f"{flag} is {folder}, which is a file; give a folder")
    with guarded(folder):
        folder.mkdir(parents=True, exist_ok=True)


def write(folder: Path, photo: Path, image: Image, marks: Sequence[Mark]) -> Path:
    """Write a photo with its marks as a JPEG, and return its path. Photos of one name do not replace each other."""
    file = folder / f"{photo.stem}.jpg"
    number = 1
    while file in _written.setdefault(folder, {}) and _written[folder][file] != photo:
        number += 1
        file = folder / f"{photo.stem}-{number}.jpg"
    _written[folder][file] = photo
    replace_file(file, images.encode(draw(image, marks)))
    return file


_written: dict[Path, dict[Path, Path]] = {}


def draw(image: Image, marks: Sequence[Mark]) -> Image:
    """Return a photo with a box and a name around each face, in its own size."""
    canvas = Pillow.fromarray(image)
    pen = ImageDraw.Draw(canvas)
    line = max(1, round(max(image.shape[:2]) / 400))
    font = ImageFont.load_default(size=max(10, round(max(image.shape[:2]) / 45)))
    for mark in marks:
        box, colour = mark.box or images.whole(image), KNOWN if mark.known else UNKNOWN
        pen.rectangle((box.x, box.y, box.x + box.w - 1, box.y + box.h - 1), outline=colour, width=line)
        _label(pen, font, box, visible(mark.text)[:_MOST_NAME], colour)
    return np.asarray(canvas, np.uint8)


def _label(
    pen: ImageDraw.ImageDraw,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    box: Box,
    text: str,
    colour: tuple[int, int, int],
) -> None:
    left, top, right, bottom = pen.textbbox((0, 0), text, font=font)
    high = bottom - top + 4
    y = box.y - high if box.y >= high else box.y + box.h
    pen.rectangle((box.x, y, box.x + right - left + 6, y + high), fill=colour)
    pen.text((box.x + 3 - left, y + 2 - top), text, font=font, fill=(255, 255, 255))
