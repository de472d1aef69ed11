"""One option of a command: its declaration, and the values that it takes."""

from __future__ import annotations

import errno
import os
import reprlib
import shlex
import types
from collections.abc import Callable, Sequence
from dataclasses import MISSING, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from facekit.base import objects
from facekit.base.errors import FacekitError
from facekit.base.text import visible
from facekit.options.galleries import FORM, check_place, is_database
from facekit.options.marks import InputPath, Limits, OutputPath, PathMark, PathOrName

_LONGEST_NAME = 255
"""Bytes, on every file system that facekit meets."""

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 80

_WANTED: dict[type[PathMark], str] = {
    InputPath: "give a path, or `.` for the current folder",
    OutputPath: "give a path, or `.` for the current folder",
    PathOrName: "give a name or a path",
}
"""What to do about empty text, by what it stands for."""

Scalar = bool | int | float | str | Path
Value = Scalar | Sequence[Scalar] | None
"""What an option can be; which of these, its class says."""

Setting = str | int | float | bool | list[str] | None
"""An option as files keep it."""


@dataclass(frozen=True)
class Field:
    """One option of a class, as the command line needs it."""

    name: str
    type: Any
    help: str
    default: Any
    limits: Limits
    short: str | None
    aside: bool
    positional: bool
    section: str | None = None
    path: PathMark | None = None
    reader: Callable[[str], object] | None = None

    @property
    def required(self) -> bool:
        """Whether the option has no default."""
        return self.default is MISSING

    @property
    def flag(self) -> str:
        """The option's name on the command line."""
        return flag(self.name)

    @property
    def called(self) -> str:
        """What a message calls the option: its flag, or the argument as the help shows it."""
        return self.name.upper() if self.positional else self.flag

    @cached_property
    def kind(self) -> Any:
        """The option's type without None: `Path | None` gives Path."""
        return bare(self.type)

    @property
    def optional(self) -> bool:
        """Whether the option may be None."""
        return self.kind is not self.type

    @cached_property
    def many(self) -> bool:
        """Whether the option is a list."""
        return get_origin(self.kind) is list

    @property
    def takes_result(self) -> bool:
        """Whether the option takes the folder that the command before it made."""
        return isinstance(self.path, InputPath | PathOrName) and self.path.piped

    @property
    def is_result(self) -> bool:
        """Whether the option names the folder that the next command takes."""
        return isinstance(self.path, OutputPath) and self.path.piped


def flag(name: str) -> str:
    """Return what an option is called on the command line, by its name in Python: `min_images` is `--min-images`."""
    # A field cannot be called like a keyword of Python: `in_` is `--in`.
    return "--" + name.rstrip("_").replace("_", "-")


def instead(name: str, then: Setting, now: Setting) -> str:
    """Return how an option was given then, and is not now: `with --min-images 30, not 20`, `without --apply, …`."""
    called = flag(name)
    if _is_off(then) or _is_off(now):
        before = f"without {called}" if _is_off(then) else f"with {_given(called, then)}"
        after = f"with {_given(called, now)}" if not _is_off(now) else f"without {called}"
        return f"{before}, not {after}"
    return f"with {_given(called, then)}, not {_value(now)}"


def _is_off(value: Setting) -> bool:
    return value is None or value is False or value == []


def _given(called: str, value: Setting) -> str:
    return called if value is True else f"{called} {_value(value)}"


def _value(value: Setting) -> str:
    """Return a value as it is typed."""
    parts = value if isinstance(value, list) else [value]
    return shlex.quote(visible(",".join(map(str, parts))))


def shown(value: object) -> str:
    """Return a value as a message shows it, in one line: what is long is cut."""
    try:
        return " ".join(map(str.strip, _SHORT.repr(value).splitlines()))
    except ValueError:  # thousands of digits, which Python does not write
        return "a number with thousands of digits"


def bare(hint: Any) -> Any:
    """Return the type of an option that may be None: `Path | None` gives Path."""
    if get_origin(hint) in (Union, types.UnionType):
        return next(part for part in get_args(hint) if part is not type(None))
    return hint


def coerce(option: Field, value: Value) -> Value:
    """Return a value as its option holds it: text of a path as a path, a whole number of a float as a float.

    Raises FacekitError for a path that is empty, and for one that no file system can have.
    """
    if option.many and isinstance(value, str | Path | list | tuple):
        return [_item(option, part) for part in ([value] if isinstance(value, str | Path) else value)]
    if isinstance(value, str | Path):
        return _item(option, value)
    if option.kind is float and type(value) is int:
        return float(value)
    return value


def refuse_objects(option: Field, value: object, allowed: bool) -> None:
    """Refuse a place on object storage where no command can work on it. Raises FacekitError that says what can."""
    for url in value if isinstance(value, list | tuple) else [value]:
        if option.path is None or not isinstance(url, str | Path) or not objects.is_object(str(url)):
            continue
        if allowed and option.name in ("input", "output"):
            continue
        if option.reader is check_place:
            raise FacekitError(
                f"{option.called} is {url}, and a gallery on object storage cannot be locked; give a folder, or a "
                f"PostgreSQL database: {FORM}"
            )
        raise FacekitError(
            f"{option.called} is {url}, and this command works on folders of this machine; bring it here first: "
            f"`aws s3 sync {url} FOLDER`"
        )


def _item(option: Field, value: Scalar) -> Scalar:
    if option.path is None or not isinstance(value, str | Path):
        return value
    text = str(value)
    if option.kind is Path and objects.is_object(text):
        return objects.folder_of(text)
    if option.kind is str and is_database(text):  # its own check does not repeat what may be a password
        return text
    lists = isinstance(option.path, PathOrName) and option.path.lists
    if not text:  # as a path it would be the current folder
        raise FacekitError(f"{option.called} is empty; {_WANTED[type(option.path)]}")
    if "\0" in text:
        raise FacekitError(f"{option.called} is {shown(text)}; a path has no zero byte")
    if not lists and any(len(part.encode(errors="replace")) > _LONGEST_NAME for part in Path(text).parts):
        raise FacekitError(f"{option.called} is {shown(text)}; no name in a path is longer than {_LONGEST_NAME} bytes")
    text = os.path.expanduser(text)  # noqa: PTH111 - Path's own raises for a user who is not there
    if not lists:
        _check_links(option, Path(text))
    return Path(text) if Path in (option.kind, *get_args(option.kind)) else text


def _check_links(option: Field, path: Path) -> None:
    """Refuse links that lead round in a circle: neither a file nor a folder, also where one is to be made."""
    try:
        path.stat()
    except OSError as error:
        if error.errno == errno.ELOOP:
            what = "a symbolic link that leads back to itself; give another path"
            raise FacekitError(f"{option.called} is {shown(str(path))}, {what}") from None


def check(option: Field, value: Value) -> None:
    """Refuse a value that an option cannot have. Raises FacekitError."""
    if value is None and option.optional:
        return
    if get_origin(option.kind) is Literal:
        if value not in get_args(option.kind):
            raise FacekitError(f"{option.called} is {shown(value)}; choose from {', '.join(get_args(option.kind))}")
        return
    plain = get_origin(option.kind) or option.kind
    _check_type(option, value, plain)
    if isinstance(value, list) and get_origin(get_args(option.kind)[0]) is not Literal:
        for part in value:
            _check_type(option, part, get_args(option.kind)[0])
    _check_limits(option, value)
    if option.reader is not None and isinstance(value, str):
        option.reader(value)


def _check_type(option: Field, value: object, kind: type) -> None:
    if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
        raise FacekitError(f"{option.called} is {shown(value)}; it must be of type {kind.__name__}")


def _check_limits(option: Field, value: Value) -> None:
    if not isinstance(value, int | float):
        return
    low, high = option.limits.low, option.limits.high
    if low is not None and not value >= low:  # `not >=` also refuses nan
        raise FacekitError(f"{option.called} is {shown(value)}; it must be {_typed(low)} or more")
    if high is not None and not value <= high:
        raise FacekitError(f"{option.called} is {shown(value)}; it must be {_typed(high)} or less")


def _typed(limit: float) -> str:
    """Return a limit as it can be typed: `0.0001`, `4294967295`."""
    return f"{limit}" if isinstance(limit, int) else f"{limit:g}"
