"""Read MXNet's RecordIO, in which InsightFace publishes its data sets. MXNet itself is retired and is not needed.

A file is records one after another: the magic number, a word whose upper 3 bits say whether it is a whole record (0) or
the first, a middle or the last piece of one (1, 2, 3) and whose lower 29 are its length, the data, and zeros up to a
multiple of 4 bytes. A record is cut where its data hold the magic number itself, which is left out between the pieces.
The data of a picture begin with flag, label, id and id2; where the flag is above 0, so many floats of labels follow in
place of the one label. Then comes the JPEG. Records without one, at the beginning and the end, describe the others.
"""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from facekit.base.errors import BadImage, FacekitError
from facekit.base.images import MAX_BYTES
from facekit.base.opening import open_regular, reading

_MAGIC = struct.pack("<I", 0xCED7230A)
_WORDS = struct.Struct("<4sI")
_HEADER = struct.Struct("<IfQQ")
_LENGTH = (1 << 29) - 1
_WHOLE, _FIRST, _MIDDLE, _LAST = range(4)
_MOST_LABELS = 1024


class Entry(NamedTuple):
    """A picture in a RecordIO file."""

    number: int
    """Its place among the records, from 0: its key in InsightFace's `train.idx`."""
    place: int
    """Where its record begins, in bytes."""
    label: float


def scan(file: Path) -> list[Entry]:
    """Return the records that hold something besides a header. Raises FacekitError for a file that is damaged."""
    with reading(file), open_regular(file) as data:
        found = []
        for number, place, start, size in _records(file, data):
            entry = _entry(number, place, start, size)
            if entry is not None:
                found.append(entry)
        return found


def payload(file: Path, entry: Entry) -> bytes:
    """Return the bytes of a picture. Raises BadImage for one that is larger than any, and FacekitError."""
    with reading(file), open_regular(file) as data:
        data.seek(entry.place)
        pieces: list[bytes] = []
        kind = _FIRST
        while kind in (_FIRST, _MIDDLE):
            kind, length = _words(file, data)
            if length > MAX_BYTES or len(pieces) > 1000:
                raise BadImage("too many bytes", length)
            pieces.append(data.read(length))
            data.seek(-length % 4, os.SEEK_CUR)
    record = _MAGIC.join(pieces)
    flag = _HEADER.unpack_from(record)[0]
    return record[_HEADER.size + 4 * flag :]


def _records(file: Path, data: BinaryIO) -> Iterator[tuple[int, int, bytes, int]]:
    """Yield number, place, first bytes and size of each record; the pieces of one are taken together."""
    size, number = os.fstat(data.fileno()).st_size, 0
    while data.tell() < size:
        place, start, total, kind = data.tell(), b"", 0, _FIRST
        while kind in (_FIRST, _MIDDLE):
            kind, length = _words(file, data)
            end = data.tell() + length
            if end > size:
                raise _damaged(file, f"it ends within record {number}")
            start = start or data.read(min(length, _HEADER.size + 4 * _MOST_LABELS))
            total += length
            data.seek(end + -length % 4)
        yield number, place, start, total
        number += 1


def _entry(number: int, place: int, start: bytes, size: int) -> Entry | None:
    """Return the record of a picture; None for one that has no picture."""
    if len(start) < _HEADER.size:
        return None
    flag, label, _, _ = _HEADER.unpack_from(start)
    if flag > _MOST_LABELS or size <= _HEADER.size + 4 * flag:
        return None
    if flag:
        label = struct.unpack_from("<f", start, _HEADER.size)[0]
    return Entry(number, place, label if math.isfinite(label) else -1.0)


def _words(file: Path, data: BinaryIO) -> tuple[int, int]:
    """Return what kind of piece follows, and its length in bytes. Raises FacekitError where none begins here."""
    place = data.tell()
    head = data.read(_WORDS.size)
    if len(head) < _WORDS.size or not head.startswith(_MAGIC):
        raise _damaged(file, f"no record begins at byte {place:,}")
    word = _WORDS.unpack(head)[1]
    return word >> 29, word & _LENGTH


def _damaged(file: Path, why: str) -> FacekitError:
    return FacekitError(f"{file} is not a whole RecordIO file: {why}; download it again")
