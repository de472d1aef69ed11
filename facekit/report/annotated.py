"""A photo with a box and a name around each face."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont
from PIL.ExifTags import Base

from facekit.base import images
from facekit.base.contract import Box, FacekitError, Image, Source
from facekit.base.files import guarded, replace_file, sha256_of
from facekit.base.opening import is_there
from facekit.base.text import visible
from facekit.dataset import written
from facekit.dataset.credits import source_of
from facekit.dataset.written import Written

KNOWN, UNKNOWN = (0, 160, 90), (200, 60, 40)
"""Colours of the box of somebody who is known, and of a stranger."""

_MOST_NAME = 60
"""Characters of a name that are drawn."""


@dataclass(frozen=True)
class Mark:
    """What is drawn around a face."""

    box: Box | None
    """None: the whole picture."""
    text: str
    known: bool


class Annotated:
    """A folder of annotated photos, all of one run."""

    def __init__(self, flag: str, folder: Path) -> None:
        """Make the folder; `flag` is the option that names it. Raises FacekitError where it cannot be one."""
        if folder.exists() and not folder.is_dir():
            raise FacekitError(f"{flag} is {folder}, which is a file; give a folder")
        with guarded(folder):
            folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._used = folder, set[str]()

    def write(self, photo: Path, image: Image, marks: Sequence[Mark]) -> Path:
        """Write a photo with its marks as a JPEG, and return its path. Photos of one name get numbers."""
        name, number = photo.stem, 1
        while name.casefold() in self._used:
            number += 1
            name = f"{photo.stem}-{number}"
        self._used.add(name.casefold())
        data = credited(images.encode(draw(image, marks)), source_of(photo))
        replace_file(self._folder / f"{name}.jpg", data)
        names = tuple(mark.text for mark in marks if mark.known)
        written.note(self._folder, Written(f"{name}.jpg", hashlib.sha256(data).hexdigest(), _digest(photo), names))
        return self._folder / f"{name}.jpg"


def credited(jpeg: bytes, source: Source | None) -> bytes:
    """Return the bytes of a JPEG with whose photo it shows, and under which licence, in its EXIF fields."""
    if source is None or not source.credit:
        return jpeg
    exif = Pillow.Exif()
    if source.creator:
        exif[Base.Artist] = source.creator
    if source.licence:
        exif[Base.Copyright] = " ".join(filter(None, (source.licence, source.licence_url)))
    data = exif.tobytes()
    return b"".join([jpeg[:2], b"\xff\xe1", (len(data) + 2).to_bytes(2, "big"), data, jpeg[2:]])


def _digest(photo: Path) -> str:
    """Return the SHA-256 of a photo; empty for a frame of a video, which has no file."""
    return sha256_of(photo) if is_there(photo) else ""


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
