"""Pictures as nobody should send them: cut off, damaged, bombs, several formats at once, and forms to match."""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Callable

import PIL.Image

_KINDS = (
    *("image/jpeg", "image/png", "application/octet-stream", "image/svg+xml"),
    "multipart/form-data; boundary=x",
)
_OTHERS = (b"<script>alert(1)</script>", b"PK\x03\x04" + bytes(60), b"%PDF-1.7\n", b"#!/bin/sh\nid\n", b"<?php ?>")


def mutated(chance: random.Random, photo: bytes) -> tuple[str, bytes, str]:
    """Return how a picture was changed, the body of a request, and the content type that it claims."""
    name, change = chance.choice(_CHANGES)
    data = change(chance, photo)
    kind = chance.choice(
        ["image/jpeg", "image/png", "application/octet-stream", "image/svg+xml", "multipart/form-data; boundary=x"]
    )
    if kind.startswith("multipart") and chance.random() < 0.8:
        data = b'--x\r\nContent-Disposition: form-data; name="picture"; filename="a"\r\n\r\n%b\r\n--x--\r\n' % data
    return name, data, kind


def _cut(chance: random.Random, photo: bytes) -> bytes:
    return photo[: chance.randrange(len(photo))]


def _flipped(chance: random.Random, photo: bytes) -> bytes:
    data = bytearray(photo)
    for _ in range(chance.choice([1, 10, 300])):
        data[chance.randrange(len(data))] = chance.randrange(256)
    return bytes(data)


def _noise(chance: random.Random, photo: bytes) -> bytes:
    return chance.choice([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"II*\0", b"GIF89a"]) + chance.randbytes(2000)


def _bomb(chance: random.Random, photo: bytes) -> bytes:
    side = chance.choice([5001, 20_000, 60_000, 2**31 - 1])
    rows = zlib.compress(bytes(1 << 20))
    head = struct.pack(">IIBBBBB", side, side, 8, chance.choice([0, 2, 6]), 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _polyglot(chance: random.Random, photo: bytes) -> bytes:
    other = chance.choice(
        [b"<script>alert(1)</script>", b"PK\x03\x04" + bytes(60), b"%PDF-1.7\n", b"#!/bin/sh\nid\n", b"<?php ?>"]
    )
    return photo + other if chance.random() < 0.5 else other + photo


def _exif(chance: random.Random, photo: bytes) -> bytes:
    data = b"Exif\0\0" + chance.choice([b"MM\0*", b"II*\0"]) + chance.randbytes(chance.choice([4, 200, 60_000]))
    return photo[:2] + b"\xff\xe1" + struct.pack(">H", len(data) + 2) + data + photo[2:]


def _format(chance: random.Random, photo: bytes) -> bytes:
    buffer = io.BytesIO()
    with PIL.Image.open(io.BytesIO(photo)) as picture:
        small = picture.resize((chance.randrange(1, 90), chance.randrange(1, 90)))
        mode = chance.choice(["RGB", "L", "1", "P", "CMYK"])
        kind = "TIFF" if mode == "CMYK" else chance.choice(["PNG", "GIF", "BMP", "TIFF"])
        small.convert(mode).save(buffer, kind)
    return _flipped(chance, buffer.getvalue()) if chance.random() < 0.7 else buffer.getvalue()


_CHANGES: list[tuple[str, Callable[[random.Random, bytes], bytes]]] = [
    ("cut", _cut),
    ("flipped", _flipped),
    ("noise", _noise),
    ("bomb", _bomb),
    ("polyglot", _polyglot),
    ("exif", _exif),
    ("format", _format),
]
