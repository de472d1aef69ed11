"""Read a compressed stream forwards, up to a limit."""

from __future__ import annotations

import lzma
from collections.abc import Iterator
from typing import BinaryIO

_LONGEST = 1 << 20
"""Bytes that are read at once; a header that has more is none of a photo's."""

_MEMORY = 256 << 20
"""Bytes that xz may use; its strongest preset needs 65 million."""

_STEP = 1 << 16


class TooMuch(Exception):
    """An archive that holds more than it may; the message says what, behind the archive's name."""


class Forward:
    """The bytes of an iterator as a file for `tarfile`, which goes forward only."""

    def __init__(self, chunks: Iterator[bytes], limit: int) -> None:
        """`limit` bounds the bytes that are taken from the iterator."""
        self._chunks, self._limit = chunks, limit
        self._held = b""
        self._place = self._taken = 0

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes, fewer at the end. Raises TooMuch for more at once than a header may have."""
        if not 0 <= size <= _LONGEST:
            raise TooMuch(f"has a header of {size / 1e6:,.0f} MB")
        while len(self._held) < size and (chunk := next(self._chunks, b"")):
            self._taken += len(chunk)
            if self._taken > self._limit:
                raise TooMuch(f"unpacks to more than {self._limit / 1e6:,.0f} MB")
            self._held += chunk
        data, self._held = self._held[:size], self._held[size:]
        self._place += len(data)
        return data

    def tell(self) -> int:
        """Return how many bytes were read."""
        return self._place

    def seek(self, place: int) -> int:
        """Read on to a place. Raises ValueError for one before that."""
        if place < self._place:
            raise ValueError("a header leads back")
        while self._place < place and self.read(min(_STEP, place - self._place)):
            pass
        return self._place

    def close(self) -> None:
        """Do nothing: the code that opened the file closes it."""


def xz_chunks(file: BinaryIO) -> Iterator[bytes]:
    """Yield what a file of xz streams holds. Raises LZMAError, also for one that needs much memory, and EOFError."""
    pending = b""
    while True:
        decoder = lzma.LZMADecompressor(memlimit=_MEMORY)
        while not decoder.eof:
            if decoder.needs_input:
                pending = pending or file.read(_STEP)
                if not pending:
                    raise EOFError("it ends too early")
            data, pending = decoder.decompress(pending, _STEP), b""
            if data:
                yield data
        pending = decoder.unused_data.lstrip(b"\0") or file.read(_STEP).lstrip(b"\0")
        if not pending:
            return
