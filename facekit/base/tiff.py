"""Read the first page of a TIFF from its tags alone: Pillow would read all tags and all pages."""

from __future__ import annotations

import struct
from typing import NamedTuple

from facekit.base.errors import BadImage

ORDERS = {b"II*\0": "<", b"MM\0*": ">", b"II+\0": "<", b"MM\0+": ">"}
"""How a TIFF begins -> its byte order; with a plus it is a BigTIFF, whose numbers have 64 bits."""

_KIND, _WIDTH, _HEIGHT, _EXTRA, _DNG = 254, 256, 257, 338, 50706
_PREVIEW = 1
"""The value of a page's kind where it only shows another, smaller, as camera raw begins."""

_INTEGERS = {3: "H", 4: "I", 16: "Q"}


class Page(NamedTuple):
    """What the tags of a page say."""

    width: int
    height: int
    alpha: int
    link: slice
    """Where the place of the next page stands."""


def first_page(data: bytes) -> Page:
    """Return what a TIFF says of its first page.

    Pillow would go through all pages to count them. Raises struct.error and LookupError for garbled bytes.
    """
    order = ORDERS[data[:4]]
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
        if tag == _DNG and struct.unpack_from(order + offset, data, at + 4) == (4,):
            raise BadImage("camera raw: export as JPEG")
        if tag in (_KIND, _WIDTH, _HEIGHT, _EXTRA):
            (value,) = struct.unpack_from(order + _INTEGERS[kind], data, at + 4 + struct.calcsize(order + offset))
            sizes.setdefault(tag, value)
    if sizes.get(_KIND) == _PREVIEW:
        raise BadImage("camera raw: export as JPEG")
    return Page(sizes[_WIDTH], sizes[_HEIGHT], sizes.get(_EXTRA, 0), link)


def alpha(data: bytes) -> int:
    """Return what a TIFF says of its fourth channel: 1 if colours are multiplied by it, 2 if they are not, else 0."""
    return first_page(data).alpha
