"""What a picture says of itself before it is decoded, and what no decoder may be handed.

A header can lie. What makes a decoder busy for minutes or fills memory is refused here, from the bytes alone: too many
pixels, a JPEG of thousands of scans, a TIFF of thousands of pages.
"""

from __future__ import annotations

import io
import re
import struct
import threading
import warnings
from typing import NamedTuple

import PIL.Image

from facekit.base.errors import BadImage

MAX_PIXELS = 50_000_000
"""Larger pictures are refused before they are decoded."""

MAX_SCANS = 100
"""Passes over a JPEG's pixels. Encoders make ten or so; each costs as much time as a picture, and few bytes."""

_SUFFIXES = {
    "AVIF": ".avif",
    "BMP": ".bmp",
    "DIB": ".bmp",
    "GIF": ".gif",
    "JPEG": ".jpg",
    "JPEG2000": ".jp2",
    "MPO": ".jpg",
    "PNG": ".png",
    "PPM": ".ppm",
    "WEBP": ".webp",
}
"""Pillow's name of a format -> how such a file's name ends. TIFF is read here."""

_GARBLED = (EOFError, LookupError, OSError, OverflowError, SyntaxError, TypeError, ValueError, struct.error)
"""What Pillow raises for bytes that only begin like a picture."""

_MARK = re.compile(rb"\xff[^\x00\x01\xff\xd0-\xd7]")
"""A marker of a JPEG that has a length: those in its pixels are a zero after 0xff, or count restarts."""

_SCAN, _END = 0xDA, 0xD9

_TIFF = {b"II*\0": "<", b"MM\0*": ">", b"II+\0": "<", b"MM\0+": ">"}
"""How a TIFF begins -> its byte order; with a plus it is a BigTIFF, whose numbers have 64 bits."""

_WIDTH, _HEIGHT = 256, 257
_INTEGERS = {3: "H", 4: "I", 16: "Q"}

# What catch_warnings changes, all threads see: one at a time, or the filters are left in disorder.
_WARNINGS = threading.Lock()


class Header(NamedTuple):
    """What a picture says of itself. `frames` is 2 for a TIFF of more than one page, however many it has."""

    suffix: str
    """How a file of such bytes ends, whatever its name is."""
    width: int
    height: int
    frames: int


def header(data: bytes) -> Header:
    """Read a picture's format and size from its bytes, whatever its name says. Raises BadImage."""
    if not data:
        raise BadImage("empty file", 0)
    try:
        if data[:4] in _TIFF:
            width, height, link = _first_page(data)
            return Header(".tiff", width, height, 2 if any(data[link]) else 1)
        return _by_pillow(data)
    except PIL.Image.DecompressionBombError:
        raise BadImage("too many pixels", f"more than {MAX_PIXELS}") from None
    except _GARBLED:
        raise BadImage("not a picture") from None


def decodable(data: bytes, head: Header) -> bytes:
    """Return the bytes that a decoder may be handed: those of the first page alone.

    Raises BadImage for too many pixels or scans, and for a file that is cut off: OpenCV fills what is missing with grey
    and says nothing to the caller.
    """
    if head.width * head.height > MAX_PIXELS:
        raise BadImage("too many pixels", head.width * head.height)
    if head.suffix == ".tiff" and head.frames > 1:
        link = _first_page(data)[2]
        return data[: link.start] + bytes(link.stop - link.start) + data[link.stop :]
    if head.suffix == ".jpg":
        _check_scans(data)
    if _truncated(data, head.suffix):
        raise BadImage("truncated", len(data))
    return data


def _by_pillow(data: bytes) -> Header:
    PIL.Image.init()
    formats = [kind for kind in _SUFFIXES if kind in PIL.Image.OPEN]  # MPO is opened as JPEG, AVIF not by every Pillow
    with _WARNINGS, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's own limit warns; ours refuses
        with PIL.Image.open(io.BytesIO(data), formats=formats) as picture:
            kind, (width, height) = picture.format or "", picture.size
            frames = 1 if kind == "MPO" else getattr(picture, "n_frames", 1)
    return Header(_SUFFIXES[kind], width, height, frames)


def _first_page(data: bytes) -> tuple[int, int, slice]:
    """Return width and height of a TIFF's first page, and where the place of the next one stands.

    Pillow would go through all pages to count them. Raises struct.error and LookupError for garbled bytes.
    """
    order = _TIFF[data[:4]]
    if data[2:4] in (b"+\0", b"\0+"):
        start, counted, offset, entry = 8, "Q", "Q", 20
    else:
        start, counted, offset, entry = 4, "H", "I", 12
    (place,) = struct.unpack_from(order + offset, data, start)
    (count,) = struct.unpack_from(order + counted, data, place)
    place += struct.calcsize(order + counted)
    link = slice(place + entry * count, place + entry * count + struct.calcsize(order + offset))
    if link.stop > len(data):
        raise LookupError("the first page is cut off")
    sizes: dict[int, int] = {}
    for at in range(place, link.start, entry):
        tag, kind = struct.unpack_from(order + "HH", data, at)
        if tag in (_WIDTH, _HEIGHT):
            (value,) = struct.unpack_from(order + _INTEGERS[kind], data, at + 4 + struct.calcsize(order + offset))
            sizes.setdefault(tag, value)
    return sizes[_WIDTH], sizes[_HEIGHT], link


def _check_scans(jpeg: bytes) -> None:
    """Walk from marker to marker to the picture's own end: thumbnails before it and films after it have some too.

    Raises BadImage where the end is missing, and for too many scans.
    """
    place = 2
    scans = 0
    while found := _MARK.search(jpeg, place):
        mark = jpeg[found.end() - 1]
        scans += mark == _SCAN
        if scans > MAX_SCANS:
            raise BadImage("too many scans", f"more than {MAX_SCANS}")
        if mark == _END:
            return
        place = found.end() + int.from_bytes(jpeg[found.end() : found.end() + 2], "big")
    raise BadImage("truncated", len(jpeg))


def _truncated(data: bytes, suffix: str) -> bool:
    if suffix == ".png":
        return b"IEND" not in data
    if suffix == ".webp":
        return len(data) < int.from_bytes(data[4:8], "little") + 8
    return False
