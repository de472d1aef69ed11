"""Read, crop, encode, measure and hash pixels: RGB uint8 everywhere; only this module uses OpenCV's BGR."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np

from facekit.base import decoding
from facekit.base.decoding import DAMAGED, Gray
from facekit.base.errors import BadImage
from facekit.base.header import MAX_PIXELS, Header, begins_as_picture, check_size, header
from facekit.base.opening import open_regular
from facekit.base.protocols import Image
from facekit.base.records import Box

__all__ = [
    "DAMAGED",
    "MAX_BYTES",
    "MAX_PIXELS",
    "SUFFIXES",
    "Gray",
    "Header",
    "as_bgr",
    "begins_as_picture",
    "check_size",
    "cut",
    "decode",
    "dhash",
    "encode",
    "encode_png",
    "glance",
    "gray",
    "header",
    "load",
    "read",
    "resize",
    "sharpness",
    "shrink",
    "square",
    "thumbnail",
    "whole",
]

MAX_BYTES = 300_000_000
"""Larger files are refused before they are read: a picture of `MAX_PIXELS` in 16 bits, not compressed."""

SUFFIXES = (
    *(".jpg", ".jpeg", ".jfif", ".png", ".webp", ".bmp", ".gif", ".pgm", ".ppm", ".tif", ".tiff"),
    *(".avif", ".heic", ".heif", ".jp2"),
)
"""How the names of pictures end, in lower case, that keep their suffix where facekit copies them."""


def decode(data: bytes) -> Image:
    """Decode a picture of any common format to RGB, upright as its EXIF orientation says.

    CMYK becomes RGB, 16 bits become 8, what is transparent becomes white, an animation gives its first frame. Above
    `MAX_PIXELS` the picture is decoded at a half, a quarter, … of its size.
    Raises BadImage: not a picture, a format that is not read, empty file, too many pixels, too many scans, truncated,
    damaged.
    """
    return decoding.rgb(data, header(data))


def glance(data: bytes, head: Header) -> Gray:
    """Decode a picture to grey pixels, shrunk by up to 8, with `head` as `header` has read it.

    It proves as `decode` does that a picture is whole, in a third of the time: every byte is read, and few pixels
    are made of them. Raises BadImage.
    """
    return decoding.grey(data, head)


def load(path: Path) -> bytes:
    """Return the bytes of a picture's file. Raises BadImage for one that cannot be read, or has too many bytes."""
    try:
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            if size > MAX_BYTES:
                raise BadImage("too many bytes", size)
            return file.read(size)
    except OSError as error:
        raise BadImage("cannot be read", error.strerror or "") from None


def read(path: Path) -> Image:
    """Decode a file. Raises BadImage, as `decode` does, also for one that cannot be read or is no regular file."""
    return decode(load(path))


def encode(image: Image, quality: int = 95) -> bytes:
    """Encode RGB pixels as JPEG."""
    return _encode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])


def encode_png(image: Image) -> bytes:
    """Encode RGB pixels as PNG, without loss."""
    return _encode(".png", image, [])


def encode_gray(grey: Gray) -> bytes:
    """Encode grey pixels as PNG, without loss."""
    done, data = cv2.imencode(".png", grey)
    if not done:
        raise ValueError(f"OpenCV could not encode grey pixels of shape {grey.shape}")
    return bytes(data)


def gray(image: Image) -> Gray:
    """Return the luma of an RGB picture."""
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)


def as_bgr(image: Image) -> Image:
    """Return the pixels in the order in which OpenCV's own networks take them."""
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2BGR), np.uint8)


def resize(image: Image, side: int) -> Image:
    """Scale to side x side pixels, by area when that shrinks."""
    if image.shape[:2] == (side, side):
        return image
    how = cv2.INTER_AREA if max(image.shape[:2]) > side else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, (side, side), interpolation=how), np.uint8)


def shrink(pixels: Image, longest: int) -> tuple[Image, float]:
    """Scale down so that the longest side is at most `longest`; return the pixels and the scale (<= 1)."""
    height, width = pixels.shape[:2]
    scale = min(1.0, longest / max(height, width))
    if scale == 1.0:
        return pixels, 1.0
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8), scale


def whole(image: Image) -> Box:
    """Return the box of the whole picture."""
    return Box(0, 0, image.shape[1], image.shape[0])


def square(box: Box, margin: float) -> Box:
    """Return the square around a box's centre whose side is the box's longer one and `margin` of it more."""
    side = round(max(box.w, box.h) * (1 + margin))
    return Box(round(box.x + (box.w - side) / 2), round(box.y + (box.h - side) / 2), side, side)


def cut(image: Image, box: Box) -> Image:
    """Cut a box out of a picture; where it reaches over the edge, the edge's pixels are repeated."""
    height, width = image.shape[:2]
    left, top = max(0, -box.x), max(0, -box.y)
    right, bottom = max(0, box.x + box.w - width), max(0, box.y + box.h - height)
    if left or top or right or bottom:
        image = np.asarray(cv2.copyMakeBorder(image, top, bottom, left, right, cv2.BORDER_REPLICATE), np.uint8)
    x, y = box.x + left, box.y + top
    return image[y : y + box.h, x : x + box.w]


def sharpness(grey: Gray) -> float:
    """Return the variance of the Laplacian at 96x96 pixels, so that pictures of any size compare."""
    small = cv2.resize(grey, (96, 96), interpolation=cv2.INTER_AREA)
    return float(cv2.Laplacian(small, cv2.CV_64F).var())


def thumbnail(grey: Gray, side: int = 32) -> Gray:
    """Return side x side grey pixels: what proves that two pictures are one photo."""
    return np.asarray(cv2.resize(grey, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def dhash(grey: Gray) -> int:
    """Return the 64-bit difference hash: whether each of 8x8 cells is darker than its right neighbour."""
    small = cv2.resize(grey, (9, 8), interpolation=cv2.INTER_AREA)
    bits = np.packbits((small[:, 1:] > small[:, :-1]).ravel())
    return int.from_bytes(bits.tobytes(), "big")


def _encode(suffix: str, image: Image, parameters: list[int]) -> bytes:
    done, data = cv2.imencode(suffix, cv2.cvtColor(image, cv2.COLOR_RGB2BGR), parameters)
    if not done:
        raise ValueError(f"OpenCV could not encode pixels of shape {image.shape} as {suffix}")
    return bytes(data)
