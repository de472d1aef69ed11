"""Pictures that were sent: refused by their headers where decoding would cost too much."""

from __future__ import annotations

from facekit.base import images
from facekit.base.contract import BadImage, Face, Image, Record
from facekit.base.header import TOO_LARGE
from facekit.base.limits import limit
from facekit.faces import quality
from facekit.faces.landmarks import landmarks
from facekit.serving.problems import Problem

MEGAPIXELS = 25
"""Largest picture that is decoded, where `--max-megapixels` says nothing else: 75 MB of pixels."""

_UNREAD = ("not a picture", "empty file", "video")


def decoded(data: bytes) -> Image:
    """Return the pixels of a picture. Raises Problem: not a picture, too large, or damaged."""
    try:
        head = images.header(data)
        most = limit() or MEGAPIXELS
        if head.width * head.height > most * 1_000_000:
            raise Problem(
                "too-large", f"the picture has {head.width} x {head.height} pixels, and at most {most} million are read"
            )
        return images.decode(data)
    except BadImage as error:
        raise refused(error) from None


def refused(error: BadImage) -> Problem:
    """Return the problem that a picture is."""
    reason = error.reason
    if reason == TOO_LARGE:
        return Problem("too-large", "the picture has too many pixels for its bytes")
    if reason in _UNREAD or ": " in reason:  # the name of a format, and what to do
        return Problem("unsupported-picture", f"{reason}; send JPEG, PNG, WebP, HEIC, AVIF, GIF, TIFF or BMP")
    return Problem("bad-picture", reason)


def measured(image: Image, face: Face) -> dict[str, float]:
    """Return how good the picture of a face is: see `facekit/faces/quality.py`."""
    try:
        points = face.points or landmarks(image, face.box)
    except BadImage:
        points = None
    record = Record("", "", "", "", "", "", box=face.box)
    return quality.measure(images.cut(image, images.square(face.box, 0)), record, points)
