"""Pictures as the page shows them: scaled down, encoded again, and never larger than a screen needs."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from facekit.base import images
from facekit.base.files import version
from facekit.base.parallel import workers

LONGEST = 1280
"""Longest side of a photo on the page, in pixels."""

THUMBNAIL_SIDES = (160, 320, 640)
"""Longest sides that a face can be asked for in."""

_KEPT_PHOTOS = 24
_QUALITY = 88


@dataclass(frozen=True)
class Photo:
    """A photo as the page shows it, and the size that its boxes are measured in."""

    data: bytes
    width: int
    height: int


class Pictures:
    """Decodes and encodes, a few at a time: a hundred requests must not decode a hundred photos at once."""

    def __init__(self) -> None:
        self._busy = threading.Semaphore(workers(0) + 1)
        self._photos: OrderedDict[tuple[Path, str], Photo] = OrderedDict()

    def thumbnail(self, file: Path, side: int) -> bytes:
        """Return a picture as JPEG, its longest side at most `side`. Raises BadImage."""
        with self._busy:
            return images.encode(images.shrink(images.read(file), side)[0], _QUALITY)

    def photo(self, file: Path) -> Photo:
        """Return a photo as JPEG, with its own size. Raises BadImage."""
        key = (file, version(file))
        found = self._photos.get(key)
        if found is None:
            with self._busy:
                image = images.read(file)
                small, _ = images.shrink(image, LONGEST)
                found = Photo(images.encode(small, _QUALITY), image.shape[1], image.shape[0])
            self._photos[key] = found
            while len(self._photos) > _KEPT_PHOTOS:
                self._photos.popitem(last=False)
        return found
