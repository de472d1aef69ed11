"""Read a picture's header before decoding, and refuse what must not reach a decoder.

A header can lie. What makes a decoder busy for minutes or fills memory is refused here, from the bytes alone: too many
pixels, more pixels than the bytes can hold of a photo, a JPEG of thousands of scans, a TIFF of thousands of pages.
"""

from __future__ import annotations

import io
import re
import struct
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import PIL.Image

from facekit.base import tiff
from facekit.base.errors import BadImage
from facekit.base.limits import MOST, limit

MAX_PIXELS = 50_000_000
"""Larger pictures are decoded at half, a quarter, … of their size, to at most so many pixels."""

DENSEST = 200
"""Pixels a byte of pictures above `MAX_PIXELS`, where no limit is set. Photos have 2 to 60, bombs 300 and more."""

TOO_LARGE = "too many pixels (see --max-megapixels)"

MAX_SCANS = 100
"""Passes over a JPEG's pixels. Encoders make ten or so; each costs as much time as a picture, and few bytes."""

_PARTS = 100_000
"""Most reads of a small file. Pillow makes one or more for each segment, chunk, block and comment, in Python:
a file that consists of millions of them would keep it busy for minutes and fill memory."""

_TOO_MANY_PARTS = "too many parts"

_SUFFIXES = {
    "AVIF": ".avif",
    "BMP": ".bmp",
    "DIB": ".bmp",
    "GIF": ".gif",
    "HEIF": ".heic",
    "JPEG": ".jpg",
    "JPEG2000": ".jp2",
    "MPO": ".jpg",
    "PNG": ".png",
    "PPM": ".ppm",
    "WEBP": ".webp",
}
"""Pillow's name of a format -> how such a file's name ends. TIFF, whose tags Pillow reads all of, is read here."""

_UNREAD = {
    "JPEG XL: convert to JPEG": rb"\xff\x0a|\0\0\0\x0cJXL \r\n\x87\n",
    "JPEG XR: convert to JPEG": rb"II\xbc",
    "camera raw: export as JPEG": rb"FUJIFILMCCD-RAW|II\*\0.{4}CR|IIR[OS]|MMOR|IIU\0|.{4}ftypcrx ",
    "PSD: export as JPEG": rb"8BPS",
    "video": rb".{4}ftyp(qt  |isom|iso[2-9]|mp4|M4V|avc1|3g)|\x1aE\xdf\xa3|RIFF.{4}AVI ",
}
"""What is said of formats that people have and facekit does not read -> how such a file begins."""

_BEGINS = re.compile(
    rb"\xff\xd8\xff|\x89PNG|GIF8|RIFF.{4}WEBP|BM|P[1-7]\s|II[*+]\0|MM\0[*+]|\0\0\0\x0cjP  |\xff\x4f\xff\x51"
    rb"|.{4}ftyp(avi[fs]|hei[cmsx]|hev[cmsx]|mif1|msf1)|" + b"|".join(_UNREAD.values()),
    re.DOTALL,
)
"""How pictures begin, those in formats that are not read among them."""

_VIDEO = re.compile(
    rb".{4}ftyp(?!avi[fs]|hei[cmsx]|hev[cmsx]|mif1|msf1|crx |jp2)|\x1aE\xdf\xa3|RIFF.{4}AVI |FLV\x01|OggS"
    rb"|\0\0\x01[\xba\xb3]|0&\xb2u\x8ef\xcf\x11",
    re.DOTALL,
)
"""How videos begin: MP4, Matroska, AVI, FLV, Ogg, MPEG, ASF. HEIC, AVIF and camera raw files begin as MP4 does."""

_HEIF = re.compile(rb".{4}ftyp(hei[cmsx]|hev[cmsx]|mif1|msf1)", re.DOTALL)

_MARK = re.compile(rb"\xff[^\x00\x01\xff\xd0-\xd7]")
"""A marker of a JPEG that has a length: those in its pixels are a zero after 0xff, or count restarts."""

_SCAN, _END = 0xDA, 0xD9

# What catch_warnings changes, all threads see: one at a time, or the filters are left in disorder.
_WARNINGS = threading.Lock()


class _Bounded(io.BytesIO):
    """A picture's bytes, of which a parser may read only so often. Raises BadImage."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._left = most_parts(data)

    def read(self, size: int | None = -1, /) -> bytes:
        self._left -= 1
        if self._left < 0:
            raise BadImage(_TOO_MANY_PARTS)
        return super().read(size)


def most_parts(data: bytes) -> int:
    """Return how many parts a picture of so many bytes may have: blocks of a GIF have 255 bytes, others far more."""
    return _PARTS + len(data) // 100


class Header(NamedTuple):
    """What a picture says of itself. `frames` is 2 for a TIFF of more than one page, however many it has."""

    suffix: str
    """How a file of such bytes ends, whatever its name is."""
    width: int
    height: int
    frames: int


def header(data: bytes) -> Header:
    """Read a picture's format and size from its bytes, whatever its name says.

    Raises BadImage: empty file, not a picture, or the name of a format that facekit does not read.
    """
    if not data:
        raise BadImage("empty file", 0)
    _refuse_unread(data)
    if data[:4] not in tiff.ORDERS:
        with opened(data) as picture:
            kind, (width, height) = picture.format or "", picture.size
            frames = 1 if kind in ("MPO", "HEIF") else _frames(picture)
        return Header(_SUFFIXES[kind], width, height, frames)
    try:
        page = tiff.first_page(data)
        return Header(".tiff", page.width, page.height, 2 if any(data[page.link]) else 1)
    except (LookupError, OverflowError, struct.error):
        raise BadImage("not a picture") from None


def begins_as_picture(start: bytes) -> bool:
    """Return whether the first 16 bytes of a file are those of a picture, also of one in a format that is not read."""
    return _BEGINS.match(start) is not None


def begins_as_video(start: bytes) -> bool:
    """Return whether the first 16 bytes of a file are those of a video."""
    return _VIDEO.match(start) is not None


def _refuse_unread(data: bytes) -> None:
    start = data[:16]
    for reason, begins in _UNREAD.items():
        if re.match(begins, start, re.DOTALL):
            raise BadImage(reason)


def decodable(data: bytes, head: Header) -> bytes:
    """Return the bytes that a decoder may be handed: those of the first page alone.

    Raises BadImage for too many pixels or scans, and for a file that is cut off, of which some decoders say nothing.
    """
    check_size(head, len(data))
    if head.suffix == ".tiff" and head.frames > 1:
        link = tiff.first_page(data).link
        return data[: link.start] + bytes(link.stop - link.start) + data[link.stop :]
    if head.suffix == ".jpg":
        jpeg_end(data)
    if _truncated(data, head.suffix):
        raise BadImage("truncated", len(data))
    return data


def check_size(head: Header, size: int) -> None:
    """Refuse a picture that would fill memory, with `size` bytes in its file. Raises BadImage."""
    pixels = head.width * head.height
    if not (head.width and head.height):
        raise BadImage("not a picture")
    said = limit()
    if pixels > 1_000_000 * (said or MOST) or (not said and pixels > max(MAX_PIXELS, DENSEST * size)):
        raise BadImage(TOO_LARGE, pixels)


@contextmanager
def opened(data: bytes) -> Iterator[PIL.Image.Image]:
    """Give what Pillow makes of a picture's bytes: nothing is decoded yet. Raises BadImage.

    Pillow's own limit of pixels does not hold, and its warnings are not shown: `check_size` is ours.
    """
    with hushed():
        picture = _opened(data)
    with picture:
        yield picture


@contextmanager
def hushed() -> Iterator[None]:
    """Keep Pillow's warnings about a picture off the screen, where they would stand without its name."""
    with _WARNINGS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _opened(data: bytes) -> PIL.Image.Image:
    PIL.Image.init()
    for kind in [kind for kind in _SUFFIXES if kind in PIL.Image.OPEN]:  # MPO is opened as JPEG
        make, accepts = PIL.Image.OPEN[kind]
        if accepts is None or _accepted(accepts, data[:16]):
            picture = _made(make, data)
            if picture is not None:
                return picture
    if _HEIF.match(data):
        return _opened_heif(data)
    raise BadImage("not a picture")


def _accepted(accepts: Callable[[bytes], bool | str], start: bytes) -> bool:
    try:
        return accepts(start) is True
    except (struct.error, LookupError):  # fewer bytes than it looks at
        return False


def _opened_heif(data: bytes) -> PIL.Image.Image:
    try:
        from pi_heif import HeifImageFile
    except ImportError:
        raise BadImage("HEIC: pip install pi-heif") from None
    picture = _made(HeifImageFile, data)
    if picture is None:
        raise BadImage("HEIC that cannot be read: convert to JPEG")
    return picture


def _made(make: Any, data: bytes) -> PIL.Image.Image | None:
    """Return what a plug-in of Pillow makes of bytes, or None where they only begin like its format."""
    try:
        picture: PIL.Image.Image = make(_Bounded(data), "")
    except BadImage:
        raise
    except Exception:  # noqa: BLE001 - a parser of a stranger's bytes may raise anything
        return None
    return picture


def _frames(picture: PIL.Image.Image) -> int:
    try:
        return int(getattr(picture, "n_frames", 1))
    except BadImage:
        raise
    except Exception:  # noqa: BLE001 - it reads on, up to the bytes that are garbled
        raise BadImage("not a picture") from None


def jpeg_end(jpeg: bytes) -> int:
    """Return the place of the marker that ends a JPEG, by walking from marker to marker.

    Thumbnails before it and films after it have some too. Raises BadImage where the end is missing, and for too many
    scans.
    """
    place, scans, left = 2, 0, most_parts(jpeg)
    while found := _MARK.search(jpeg, place):
        left -= 1
        if left < 0:
            raise BadImage(_TOO_MANY_PARTS)
        mark = jpeg[found.end() - 1]
        scans += mark == _SCAN
        if scans > MAX_SCANS:
            raise BadImage("too many scans", f"more than {MAX_SCANS}")
        if mark == _END:
            return found.start()
        place = found.end() + int.from_bytes(jpeg[found.end() : found.end() + 2], "big")
    raise BadImage("truncated", len(jpeg))


def _truncated(data: bytes, suffix: str) -> bool:
    if suffix == ".png":
        return b"IEND" not in data
    if suffix == ".webp":
        return len(data) < int.from_bytes(data[4:8], "little") + 8
    return False
