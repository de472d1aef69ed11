"""Values of a gallery's rows: SQLite's columns have no fixed type, and the file may be a stranger's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, unquote_to_bytes

import numpy as np
from numpy.typing import NDArray

from facekit.base.contract import Box
from facekit.identity.gallery.values import MOST_NAME, KnownFace, Where

_MOST_TEXT = 1 << 16
_NOT_UTF8 = "\ufdd0"
LARGEST = 1e6
"""Largest number of an embedding."""


class Bad(Exception):
    """A value that facekit did not write; the message says which."""


class Reader:
    """Turns what SQLite returns into values, and refuses what no gallery holds."""

    def __init__(self, dimensions: int) -> None:
        self._dimensions = dimensions

    def number(self, value: Any) -> int:
        """Return a whole number. Raises Bad."""
        if not isinstance(value, int):
            raise Bad("a number")
        return value

    def text(self, value: Any, most: int = MOST_NAME) -> str:
        """Return text of at most so many characters. Raises Bad."""
        if not isinstance(value, str) or len(value) > most:
            raise Bad("a text")
        return value

    def data(self, value: Any, most: int) -> bytes:
        """Return bytes, at most so many. Raises Bad."""
        if not isinstance(value, bytes) or len(value) > most:
            raise Bad("a picture of a face")
        return value

    def vectors(self, blobs: Sequence[Any]) -> NDArray[np.float32]:
        """Return embeddings, shape (len(blobs), dimensions). Raises Bad."""
        if any(not isinstance(blob, bytes) or len(blob) != 4 * self._dimensions for blob in blobs):
            raise Bad("the size of an embedding")
        found = np.frombuffer(b"".join(blobs), "<f4").reshape(len(blobs), self._dimensions).astype(np.float32)
        return self.within(found)

    def within(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return embeddings as they are. Raises Bad for a number that none has."""
        if not (np.abs(vectors) < LARGEST).all():  # NaN is not, either
            raise Bad("a number of an embedding")
        return vectors

    def known(self, name: str, row: Sequence[Any], has_crop: bool) -> KnownFace:
        """Return a face from the columns `id, path, sha256, box, origin, source, at`. Raises Bad."""
        face, path, sha256, box, origin, source, at = (self.text(value, _MOST_TEXT) for value in row)
        where = Where(restored(path), sha256, boxed(box), restored(origin), source)
        return KnownFace(face, name, where, at, has_crop)


def encodable(text: str) -> str:
    """Return text that a database holds, from a path or a name of a file.

    A file name that is not UTF-8 reaches Python as lone surrogates, which no database takes. Such a text is written
    as a URL would be, behind a character that stands for nothing (U+FDD0), so that `restored` gives back the same.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return _NOT_UTF8 + quote(text.encode(errors="surrogatepass"), safe="/ ")
    return text


def restored(text: str) -> str:
    """Return the text that `encodable` was given. Raises Bad."""
    if not text.startswith(_NOT_UTF8):
        return text
    try:
        return unquote_to_bytes(text[1:]).decode(errors="surrogatepass")
    except UnicodeDecodeError:
        raise Bad("a path") from None


def placed(where: Where) -> tuple[str, str, str, str, str]:
    """Return the columns `path, sha256, box, origin, source`."""
    return encodable(where.path), where.sha256, packed(where.box), encodable(where.origin), where.source


def packed(box: Box | None) -> str:
    """Return a box as text: `x y w h`; empty for None."""
    return "" if box is None else " ".join(map(str, box))


def boxed(text: Any) -> Box | None:
    """Return the box of a text that `packed` made. Raises Bad."""
    if text == "":
        return None
    parts = text.split(" ") if isinstance(text, str) and len(text) < 80 else []
    try:
        x, y, w, h = map(int, parts)
    except ValueError:
        raise Bad("the place of a face") from None
    if max(map(abs, (x, y, w, h))) >= 2**31 or w <= 0 or h <= 0:
        raise Bad("the place of a face")
    return Box(x, y, w, h)
