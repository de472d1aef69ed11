"""What an option is: its name, default, help and limits, written once and checked when an object is made."""

from __future__ import annotations

import difflib
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from dataclasses import Field as DataclassField
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from facekit.base.contract import FacekitError

O = TypeVar("O", bound="Options")  # noqa: E741 - a type variable, not a name one reads


@dataclass(frozen=True)
class Limits:
    """The smallest and the largest value that an option may have; None is no limit."""

    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Short:
    """A one-letter name of an option on the command line."""

    flag: str


@dataclass(frozen=True)
class Reads:
    """A function that reads what an option's text stands for, and refuses what stands for nothing."""

    reader: Callable[[Any], Any]


@dataclass(frozen=True)
class Aside:
    """Marks an option that says where or how fast, not what: it is no part of a folder's identity."""


@dataclass(frozen=True)
class Positional:
    """Marks an option that the command line takes by position."""


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
    reader: Callable[[Any], Any] | None = None

    @property
    def required(self) -> bool:
        """Whether the option has no default."""
        return self.default is MISSING

    @property
    def flag(self) -> str:
        """The option's name on the command line."""
        return "--" + self.name.replace("_", "-")


@dataclass(frozen=True, kw_only=True)
class Options:
    """What every command takes."""

    moved: ClassVar[dict[str, str]] = {}
    """Option of an earlier version -> the command that has it now, as it is typed."""

    seed: Annotated[int, "Seed of everything drawn by chance.", Limits(0, 2**32 - 1)] = 42
    jobs: Annotated[int, "Workers; 0 is one a core.", Limits(0, 512), Short("-j"), Aside()] = 0
    overwrite: Annotated[bool, "Delete what an earlier run made here, and start anew.", Aside()] = False
    dry_run: Annotated[bool, "Say what would be done; write nothing.", Aside()] = False

    def __post_init__(self) -> None:
        """Turn strings into paths and refuse what is outside an option's limits. Raises FacekitError."""
        for option in describe(type(self)):
            value = _coerce(option, getattr(self, option.name))
            object.__setattr__(self, option.name, value)
            _check(option, value)


def describe(cls: type[Options]) -> list[Field]:
    """Return the options of a class: the command's own first, then what every command takes."""
    hints = get_type_hints(cls, include_extras=True)
    common = {f.name for f in fields(Options)}
    ordered = sorted(fields(cls), key=lambda f: f.name in common)
    return [_field(f.name, hints[f.name], _default(f)) for f in ordered]


def settled(options: Options) -> dict[str, Any]:
    """Return the options that decide a result, as plain values: what `dataset.json` keeps."""
    values = {f.name: getattr(options, f.name) for f in describe(type(options)) if not f.aside}
    return {key: str(value) if isinstance(value, Path) else value for key, value in values.items()}


def from_mapping(cls: type[O], values: Mapping[str, Any], where: str) -> O:
    """Make options from a recipe's table. Raises FacekitError that names `where` and the mend."""
    known = {f.name: f for f in describe(cls)}
    for key in values:
        if key in cls.moved:
            raise FacekitError(f"{where}: {key} is no option any more; use `{cls.moved[key]}` instead")
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            hint = f"did you mean {near[0]}?" if near else f"choose from {', '.join(known)}"
            raise FacekitError(f"{where}: no option called {key!r}; {hint}")
    missing = [name for name, option in known.items() if option.required and name not in values]
    if missing:
        raise FacekitError(f"{where}: {missing[0]} is missing; add `{missing[0]} = …`")
    try:
        return cls(**values)
    except FacekitError as error:
        raise FacekitError(f"{where}: {error}") from None


def _default(field: DataclassField[Any]) -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()


def _field(name: str, hint: Any, default: Any) -> Field:
    base, *marks = get_args(hint) if get_origin(hint) is Annotated else (hint,)
    text = next((mark for mark in marks if isinstance(mark, str)), "")
    limits = next((mark for mark in marks if isinstance(mark, Limits)), Limits())
    short = next((mark.flag for mark in marks if isinstance(mark, Short)), None)
    aside, positional = (any(isinstance(mark, kind) for mark in marks) for kind in (Aside, Positional))
    reader = next((mark.reader for mark in marks if isinstance(mark, Reads)), None)
    return Field(name, base, text, default, limits, short, aside, positional, reader)


def bare(hint: Any) -> Any:
    """Return the type of an option that may be None: `Path | None` gives Path."""
    if get_origin(hint) in (Union, types.UnionType):
        return next(part for part in get_args(hint) if part is not type(None))
    return hint


def _coerce(option: Field, value: Any) -> Any:
    kind = bare(option.type)
    if kind is Path and isinstance(value, str):
        return Path(value)
    if kind is float and type(value) is int:
        return float(value)
    if get_origin(kind) is list:
        values = [value] if isinstance(value, str | Path) else list(value)
        return [Path(v) for v in values] if get_args(kind) == (Path,) else values
    return value


def _check(option: Field, value: Any) -> None:
    kind = bare(option.type)
    if value is None and kind is not option.type:
        return
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            raise FacekitError(f"{option.flag} is {value!r}; choose from {', '.join(get_args(kind))}")
        return
    plain = get_origin(kind) or kind
    if not isinstance(value, plain) or (plain is not bool and isinstance(value, bool)):
        raise FacekitError(f"{option.flag} is {value!r}; it must be of type {plain.__name__}")
    _check_limits(option, value)
    if option.reader is not None:
        option.reader(value)


def _check_limits(option: Field, value: Any) -> None:
    low, high = option.limits.low, option.limits.high
    if low is not None and not value >= low:  # `not >=` also refuses nan
        raise FacekitError(f"{option.flag} is {value}; it must be {low:g} or more")
    if high is not None and not value <= high:
        raise FacekitError(f"{option.flag} is {value}; it must be {high:g} or less")
