"""Read protocol buffers field by field, without a library and without allocating what a file only claims."""

from __future__ import annotations

from collections.abc import Iterator

MOST_FIELDS = 2_000_000
"""Fields of a file that are looked at. facekit's largest network has some 10,000."""

_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5


class Reader:
    """Reads the messages of one file, of which it looks at a limited number of fields."""

    def __init__(self) -> None:
        """Begin to count."""
        self._left = MOST_FIELDS

    def messages(self, data: memoryview, number: int) -> Iterator[memoryview]:
        """Yield the fields of that number that are messages, texts or bytes. Raises ValueError as `fields` does."""
        for found, value in self.fields(data):
            if found == number and isinstance(value, memoryview):
                yield value

    def text(self, data: memoryview, number: int) -> str:
        """Return the last text of that number; empty without one. Raises ValueError as `fields` does."""
        found = ""
        for value in self.messages(data, number):
            found = bytes(value).decode()
        return found

    def fields(self, data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
        """Yield number and value of each field of a message. Raises ValueError for what is none, and for too many."""
        place = 0
        while place < len(data):
            self._left -= 1
            if self._left < 0:
                raise ValueError("more parts than a network has")
            key, place = _varint(data, place)
            value: int | memoryview
            if key & 7 == _VARINT:
                value, place = _varint(data, place)
            else:
                size, place = _size(data, place, key & 7)
                if size > len(data) - place:
                    raise ValueError("it is cut off")
                value, place = data[place : place + size], place + size
            yield key >> 3, value


def _size(data: memoryview, place: int, kind: int) -> tuple[int, int]:
    """Return how many bytes a field has, and where they begin."""
    if kind == _BYTES:
        return _varint(data, place)
    if kind not in (_EIGHT, _FOUR):
        raise ValueError("it is no protocol buffer")
    return (8 if kind == _EIGHT else 4), place


def _varint(data: memoryview, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(data):
            raise ValueError("it is cut off")
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
    raise ValueError("it is no protocol buffer")
