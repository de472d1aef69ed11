"""Convert values to JSON text, and JSON text to typed values.

NaN and Infinity, which JSON does not have, are written as null. Where a file has them, they are read as null.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import PurePath
from typing import Any, TypeVar, cast

import msgspec

T = TypeVar("T")

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]
"""What JSON can hold."""

MOST_VALUES = 500_000
"""Values of any JSON text; a longer one may have one for each `_PER_VALUE` characters, and facekit's have fewer."""

_PER_VALUE = 10

_USUAL = 1 << 16
"""Characters of a line that is read the fast way."""

MAX_DEPTH = 32
"""Lists and objects inside one another; facekit itself writes fewer than ten."""


def dump(value: object, indent: int | None = None) -> str:
    """Return a value as JSON text.

    Dataclasses become objects, tuples and sets become lists, NumPy values become Python's. Raises TypeError for
    anything else.
    """
    plain = to_plain(value)
    return _checked(json.dumps(plain, ensure_ascii=False, indent=indent, allow_nan=False), plain, indent)


def dump_line(value: object) -> str:
    """Return a dataclass as one line of JSON, without the fields that are None."""
    values = {name: held for name in _names(cast(Any, type(value))) if (held := getattr(value, name)) is not None}
    try:
        # As the encoder writes an object, which takes longer to set up than most values take to write.
        parts = [f'"{name}": {_text_of(held)}' for name, held in values.items()]
        return _checked(f"{{{', '.join(parts)}}}", values)
    except (TypeError, ValueError):  # holds NaN, or something else that cannot be written as JSON
        return dump(values)


OPTIONAL = "optional"
"""In the metadata of a dataclass's field: it is left out where it is None."""


def to_plain(value: object) -> Json:
    """Return a value as plain lists, objects, strings and numbers. Raises TypeError for what has no such form."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): to_plain(held) for key, held in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [to_plain(held) for held in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        there = [(f, getattr(value, f.name)) for f in dataclasses.fields(value)]
        return {f.name: to_plain(held) for f, held in there if held is not None or OPTIONAL not in f.metadata}
    if isinstance(value, PurePath):
        return str(value)
    if hasattr(value, "tolist"):  # NumPy's scalars and arrays
        return to_plain(value.tolist())
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def parse(text: str, kind: type[T]) -> T:
    """Return JSON text as a value of that type; fields that the type does not have are ignored.

    Raises ValueError, whose message names the field, for text that is not JSON or not of that type, for lists and
    objects nested more than `MAX_DEPTH` deep, and for more values than there is reason for: an empty list takes 20
    times as much memory as text.
    """
    if text.count(",") + text.count("[") + text.count("{") > MOST_VALUES + len(text) // _PER_VALUE:
        raise ValueError("more values than facekit writes")
    try:
        values: Json = _DECODER.decode(text)
    except RecursionError:
        raise ValueError(_DEEP) from None
    except ValueError as error:
        raise ValueError(reason(error)) from None
    if text.count("[") + text.count("{") > MAX_DEPTH and _deeper(values, MAX_DEPTH):
        raise ValueError(_DEEP)
    return convert(values, kind)


def parse_line(line: bytes, kind: type[T]) -> T:
    """Return a line of JSON as a value of that type, as `parse` does, and several times as fast where it is usual.

    Raises ValueError as `parse`.
    """
    text = line.decode()
    # What `parse` looks at besides, such a line cannot have; and what msgspec refuses, `parse` has the words for.
    if len(text) < _USUAL and text.rstrip("\n").isprintable() and text.count("[") + text.count("{") <= MAX_DEPTH:
        with suppress(msgspec.MsgspecError, ValueError, RecursionError):
            value: T = _decoder(cast(Any, kind)).decode(text)
            return value
    return parse(text, kind)


@cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


def convert(values: object, kind: type[T]) -> T:
    """Return plain values as a value of that type. Raises ValueError, whose message names the field."""
    try:
        return msgspec.convert(values, kind)
    except (msgspec.ValidationError, OverflowError) as error:
        raise ValueError(str(error)) from None


def reason(error: ValueError) -> str:
    """Return why a parser refused a text; of a whole number with thousands of digits Python says how to program it."""
    return "a number with thousands of digits" if "set_int_max_str_digits" in str(error) else str(error)


_DEEP = f"nested more than {MAX_DEPTH} levels deep"


def _finite(text: str) -> float | None:
    value = float(text)
    return value if math.isfinite(value) else None


def _null(text: str) -> None:
    """Read NaN, Infinity and -Infinity as null."""


_TEXT = json.encoder.encode_basestring


def _text_of(value: object) -> str:
    if type(value) is str:
        return _TEXT(value)
    if type(value) is int or (type(value) is float and math.isfinite(value)):
        return repr(value)
    if isinstance(value, tuple) and all(type(one) is int for one in value):
        return f"[{', '.join(map(repr, value))}]"
    return _ENCODER.encode(value)


@cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(kind))


_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False)
_DECODER = json.JSONDecoder(parse_float=_finite, parse_constant=_null)


def _deeper(value: Json, most: int) -> bool:
    level = [value]
    while level and most >= 0:
        level = [inner for outer in level for inner in _inside(outer)]
        most -= 1
    return bool(level)


def _inside(value: Json) -> Iterable[Json]:
    held = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [inner for inner in held if isinstance(inner, list | dict)]


def _checked(text: str, value: object, indent: int | None = None) -> str:
    """Return JSON text that can be encoded.

    A file name that is not UTF-8 reaches Python as lone surrogates, which only JSON's own escapes can carry.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, indent=indent, allow_nan=False)
    return text
