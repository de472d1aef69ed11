"""Decode a picture to pixels: upright, on a white background, 8 bits a channel, complete, and of bounded size.

JPEG is decoded by libjpeg-turbo through simplejpeg, which says what libjpeg only warns of: data that are missing or
garbled, in whose place it leaves grey bands. Everything else is decoded by Pillow, but colours of 16 bits, of which
Pillow keeps 8, and TIFF by OpenCV. None of the three prints anything.
"""

from __future__ import annotations

import re
import struct
import threading
from typing import Literal

import cv2
import numpy as np
import PIL.Image
import simplejpeg
from numpy.typing import NDArray

from facekit.base import tiff
from facekit.base.errors import BadImage
from facekit.base.header import MAX_PIXELS, Header, decodable, hushed, jpeg_end, opened
from facekit.base.protocols import Image

DAMAGED = "damaged"

Gray = NDArray[np.uint8]
"""Grey pixels, shape (height, width)."""

_REDUCED = ((512, 8), (256, 4), (128, 2))
"""Shorter side of a picture -> by how much it is shrunk for a glance, never below 64 pixels."""

_ORIENTATION = 0x112

_SAY_ORIENTATION = (b"Exif", b"http://ns.adobe.com/xap/")
"""How the segments of a JPEG begin in which Pillow finds an orientation: EXIF, and XMP where that has none."""

_PADDED = re.compile(r"Corrupt JPEG data: (\d+) extraneous bytes before marker 0xd9")
_LOST = ("Corrupt JPEG data", "Premature end of JPEG file")
"""How libjpeg's warnings begin that say that pixels are wrong; others are about what no pixel depends on."""

_PEAKS = (255, 1023, 4095)
"""The largest values of data of 8, 10 and 12 bits, which some programs write into files of 16 as they are."""

# A picture that is larger than memory may be: one at a time.
_LARGE = threading.Lock()

# What OpenCV logs of a TIFF has no file's name; what it cannot decode is counted with one.
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


def rgb(data: bytes, head: Header) -> Image:
    """Decode a picture to RGB, above `MAX_PIXELS` at a half, a quarter, … of its size. Raises BadImage."""
    data = decodable(data, head)
    factor = _factor(head)
    if factor == 1:
        return _rgb(data, head, factor)
    with _LARGE:
        return _rgb(data, head, factor)


def grey(data: bytes, head: Header) -> Gray:
    """Decode a picture to grey pixels, shrunk by up to 8. Raises BadImage."""
    shorter = min(head.width, head.height)
    factor = next((factor for least, factor in _REDUCED if shorter >= least), 1)
    if head.suffix == ".jpg":
        return _upright(_jpeg(decodable(data, head), head, "GRAY", factor)[:, :, 0], _turn(data))
    pixels = np.asarray(cv2.cvtColor(rgb(data, head), cv2.COLOR_RGB2GRAY), np.uint8)
    size = pixels.shape[1] // factor, pixels.shape[0] // factor
    if factor == 1:
        return pixels
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR_EXACT), np.uint8)


def _factor(head: Header) -> int:
    factor = 1
    while head.width * head.height > MAX_PIXELS * factor * factor:
        factor *= 2
    return factor


def _rgb(data: bytes, head: Header, factor: int) -> Image:
    if head.suffix == ".jpg":
        return _upright(_jpeg(data, head, "RGB", factor), _turn(data))
    pixels = _by_opencv(data) if head.suffix == ".tiff" else _by_pillow(data, head)
    if factor == 1:
        return pixels
    size = -(-pixels.shape[1] // factor), -(-pixels.shape[0] // factor)
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def _jpeg(data: bytes, head: Header, colours: Literal["RGB", "GRAY"], factor: int) -> Image:
    """Decode a JPEG, shrunk by 1, 2, 4 or 8 on the way. Raises BadImage, for lost data too."""
    least = {"min_height": -(-head.height // factor), "min_width": -(-head.width // factor)} if factor > 1 else {}
    try:
        return np.asarray(simplejpeg.decode_jpeg(data, colours, **least), np.uint8)
    except ValueError as error:
        if str(error).startswith(_LOST) and not _padded(data, str(error)):
            raise BadImage(DAMAGED, str(error)) from None
    try:  # what was said is about none of the pixels
        return np.asarray(simplejpeg.decode_jpeg(data, colours, strict=False, **least), np.uint8)
    except ValueError as error:
        raise BadImage("cannot be decoded", str(error)) from None


def _padded(data: bytes, warning: str) -> bool:
    """Return whether bytes that are too many before the end only fill it up: they are all the same."""
    found = _PADDED.match(warning)
    end = jpeg_end(data)
    return found is not None and len(set(data[end - int(found[1]) : end])) <= 1


def _turn(data: bytes) -> int:
    """Return the orientation of a JPEG; most have nothing that could say one, and then Pillow need not look for it."""
    if not any(mark in data for mark in _SAY_ORIENTATION):
        return 1
    with opened(data) as picture:
        return _orientation(picture)


def _orientation(picture: PIL.Image.Image) -> int:
    try:
        with hushed():
            return int(picture.getexif().get(_ORIENTATION, 1))
    except Exception:  # noqa: BLE001 - garbled EXIF turns nothing
        return 1


def _upright(pixels: Image, orientation: int) -> Image:
    """Turn pixels as EXIF's orientation says."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)


def _by_pillow(data: bytes, head: Header) -> Image:
    with opened(data) as picture:
        try:
            deep = _is_deep(picture)
            picture.load()  # also where OpenCV decodes it: of damage, libpng would print a line without a file's name
            opencv = _critical(data) if head.suffix == ".png" else data
            pixels = _by_opencv(opencv) if deep else _flat(picture)
        except BadImage:
            raise
        except Exception as error:  # noqa: BLE001 - a decoder of a stranger's bytes may raise anything
            raise BadImage("cannot be decoded", str(error)[:200]) from None
        return _upright(pixels, _orientation(picture))


def _flat(picture: PIL.Image.Image) -> Image:
    """Return RGB pixels of a decoded picture, on white where it is transparent."""
    if picture.mode[0] in "IF":
        return _stacked(_eight_bits(np.asarray(picture)))
    if picture.has_transparency_data:
        return _on_white(np.asarray(picture.convert("RGBA")))
    return np.asarray(picture.convert("RGB"))


def _is_deep(picture: PIL.Image.Image) -> bool:
    """Return whether a picture not yet loaded has colours of 16 bits, of which Pillow keeps 8."""
    said = " ".join(str(tile.args) for tile in getattr(picture, "tile", [])[:1])
    deep = ";16" in said or (picture.format == "PPM" and said.endswith(", 65535)"))
    return deep and picture.mode in ("RGB", "RGBA", "LA")


def _by_opencv(data: bytes) -> Image:
    """Decode a TIFF, which OpenCV turns itself, or colours of 16 bits. Raises BadImage."""
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        pixels = None
    if pixels is None:
        raise BadImage("cannot be decoded")
    return _with_colours(pixels, tiff.alpha(data) if data[:2] in (b"II", b"MM") else 0)


def _with_colours(pixels: NDArray[np.generic], alpha: int) -> Image:
    """Return RGB of what OpenCV decoded, on white; libtiff multiplies colours of 8 bits by an alpha of kind 2."""
    if pixels.ndim == 2 or pixels.shape[2] < 3:
        return _stacked(_eight_bits(pixels.reshape(*pixels.shape[:2], -1)[:, :, 0]))
    colours = np.asarray(cv2.cvtColor(_eight_bits(pixels[:, :, :3]), cv2.COLOR_BGR2RGB), np.uint8)
    if pixels.shape[2] == 3:
        return colours
    top = {np.dtype(np.uint8): 255, np.dtype(np.uint16): 65535}.get(pixels.dtype, 1)
    opaque = np.asarray(np.clip(np.asarray(pixels[:, :, 3:], np.float32) * (255 / top) + 0.5, 0, 255), np.uint8)
    if alpha == 1 or (alpha == 2 and pixels.dtype == np.uint8):
        return np.asarray(cv2.add(colours, np.repeat(255 - opaque, 3, axis=2)), np.uint8)
    return _on_white(np.concatenate([colours, opaque], axis=2))


def _eight_bits(pixels: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Return values as 0 to 255. Data of 10 or 12 bits in a file of 16, and fractions, are recognised by their peak."""
    if pixels.dtype == np.uint8:
        return np.asarray(pixels, np.uint8)
    values = np.nan_to_num(np.asarray(pixels, np.float32))
    peak = float(values.max(initial=0))
    peaks = (1, *_PEAKS) if pixels.dtype.kind == "f" else _PEAKS
    top = next((known for known in peaks if peak <= known), max(65535.0, peak))
    return np.asarray(np.clip(values * (255 / top) + 0.5, 0, 255), np.uint8)


def _on_white(rgba: Image) -> Image:
    """Lay RGBA pixels on white: what was erased from a picture keeps its colours in the file."""
    opaque = rgba[:, :, 3:].astype(np.uint16)
    if int(opaque.min(initial=255)) == 255:
        return np.ascontiguousarray(rgba[:, :, :3])
    mixed = rgba[:, :, :3] * opaque + 255 * (255 - opaque) + 127
    return np.asarray(mixed // 255, np.uint8)


def _stacked(pixels: Gray) -> Image:
    return np.repeat(pixels[:, :, None], 3, axis=2)


def _critical(png: bytes) -> bytes:
    """Return a PNG without the chunks that no pixel depends on, about which libpng prints warnings."""
    kept, place = [png[:8]], 8
    while place + 12 <= len(png):
        (length,) = struct.unpack_from(">I", png, place)
        if png[place + 4 : place + 5].isupper():
            kept.append(png[place : place + 12 + length])
        place += 12 + length
    return b"".join(kept)
