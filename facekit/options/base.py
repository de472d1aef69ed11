"""The options of a command: declared once in a class, described from it, and checked when an object is made."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from dataclasses import Field as DataclassField
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, TypeVar, cast, get_args, get_origin, get_type_hints

from facekit.base.errors import FacekitError
from facekit.options.fields import Field, Scalar, Setting, Value, bare, check, coerce, refuse_objects, shown
from facekit.options.headings import Group
from facekit.options.marks import (
    Aside,
    InputPath,
    Limits,
    OutputPath,
    PathOrName,
    Positional,
    Reads,
    Section,
    Short,
)

if TYPE_CHECKING:
    from facekit.base.reporting import Report

O = TypeVar("O", bound="Options")  # noqa: E741 - a type variable, not a name one reads
M = TypeVar("M")

RESERVED = (
    "help",
    "json",
    "quiet",
    "log_file",
    "max_megapixels",
    "progress",
    "group",
    "after",
    "in_recipes",
    "in_python",
    "answers",
    "moved",
    "counts",
    "goes_on",
    "begins_again",
    "objects",
    "stopping",
    "bug_code",
    "next_command",
)
"""Names that no option may have: the command line, Python functions and `Options` use them."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What every command takes."""

    group: ClassVar[Group] = "more"
    """The part of `facekit --help` that lists the command."""
    after: ClassVar[str | None] = None
    """The command of the same group that `facekit --help` lists before it; None lists it first."""
    in_recipes: ClassVar[bool] = False
    """Whether the command can be a stage of a recipe; its function then returns a Report."""
    in_python: ClassVar[bool] = True
    """Whether the command is a function of Python as well, `facekit.some_name`."""
    answers: ClassVar[bool] = False
    """Whether the command's function yields answers one by one, instead of returning a Report."""
    moved: ClassVar[dict[str, str]] = {}
    """Option of an earlier version -> the command that has it now, as it is typed."""

    bug_code: ClassVar[int] = 1
    """Exit code of a bug: another one where 1 is an answer of the command."""

    counts: ClassVar[bool] = True
    """Whether the command makes pictures, so that a report says how many it made, kept and left out."""

    goes_on: ClassVar[bool] = False
    """Whether the command, interrupted and typed again, goes on with what it has written."""

    begins_again: ClassVar[bool] = False
    """Whether the command, interrupted and typed again, begins from the start: it writes nothing before its end."""

    objects: ClassVar[bool] = False
    """Whether `input` and `output` may be on object storage: `s3://…`."""

    stopping: ClassVar[str] = "Stopping: what was begun is finished first …"
    """What is said at once on Ctrl-C."""

    seed: Annotated[int, "Random seed.", Limits(0, 2**32 - 1)] = 42
    jobs: Annotated[int, "Number of workers; 0 is one per core.", Limits(0, 512), Short("-j"), Aside()] = 0
    overwrite: Annotated[bool, "Delete earlier results in the output folder and start again.", Aside()] = False
    dry_run: Annotated[bool, "Show what would be done without writing anything.", Aside()] = False

    def __post_init__(self) -> None:
        """Turn strings into paths and refuse what is outside an option's limits. Raises FacekitError."""
        for option in describe(type(self)):
            refuse_objects(option, getattr(self, option.name), self.objects)
            value = coerce(option, getattr(self, option.name))
            object.__setattr__(self, option.name, value)
            check(option, value)

    def next_command(self, report: Report) -> str | None:
        """Return what is usually typed after the command, quoted for a shell; None where nothing usually follows."""
        return None


_DESCRIBED: dict[type, tuple[Field, ...]] = {}


def describe(cls: type[Options]) -> tuple[Field, ...]:
    """Return the options of a class: the command's own first, then what every command takes.

    Raises TypeError for an option that the command line cannot offer: of a type that has no text form,
    called like one that every command has, or a path that is marked neither as input nor as output.
    """
    if cls not in _DESCRIBED:
        hints = get_type_hints(cls, include_extras=True)
        common = {f.name for f in fields(Options)}
        ordered = sorted(fields(cls), key=lambda f: f.name in common)
        found = tuple(_field(f.name, hints[f.name], _default(f)) for f in ordered)
        for option in found:
            _check_declaration(cls, option)
        _DESCRIBED[cls] = found
    return _DESCRIBED[cls]


def recorded(options: Options) -> dict[str, Setting]:
    """Return the options that decide a result, as plain values: what `dataset.json` keeps."""
    values = {f.name: getattr(options, f.name) for f in describe(type(options)) if not f.aside}
    return {key: _recorded(value) for key, value in values.items()}


def from_mapping(cls: type[O], values: Mapping[str, Value], where: str) -> O:
    """Make options from a table of a file. Raises FacekitError that names `where` and the fix."""
    known = {f.name: f for f in describe(cls)}
    for key in values:
        if key in cls.moved:
            raise FacekitError(f"{where}: {key} is no longer an option; use `{cls.moved[key]}` instead")
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            hint = f"did you mean {near[0]}?" if near else f"choose from {', '.join(known)}"
            raise FacekitError(f"{where}: no option called {shown(key)}; {hint}")
    missing = [name for name, option in known.items() if option.required and name not in values]
    if missing:
        raise FacekitError(f"{where}: {missing[0]} is missing; add `{missing[0]} = …`")
    try:
        return make(cls, values)
    except FacekitError as error:
        raise FacekitError(f"{where}: {error}") from None


def make(cls: type[O], values: Mapping[str, Value]) -> O:
    """Make options from values whose types nothing has checked. Raises FacekitError for what an option cannot be."""
    return cls(**cast(dict[str, Any], values))


def _recorded(value: Value) -> Setting:
    if isinstance(value, Path):
        return str(value)
    return [str(part) for part in value] if isinstance(value, list | tuple) else cast(Setting, value)


def _default(field: DataclassField[Any]) -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()


def _field(name: str, hint: Any, default: Any) -> Field:
    base, *marks = get_args(hint) if get_origin(hint) is Annotated else (hint,)
    short, reads, section = _mark(marks, Short), _mark(marks, Reads), _mark(marks, Section)
    return Field(
        name,
        base,
        _mark(marks, str) or "",
        default,
        _mark(marks, Limits) or Limits(),
        None if short is None else short.flag,
        _mark(marks, Aside) is not None,
        _mark(marks, Positional) is not None,
        None if section is None else section.title,
        _mark(marks, InputPath) or _mark(marks, OutputPath) or _mark(marks, PathOrName),
        None if reads is None else reads.reader,
    )


def _mark(marks: list[Any], kind: type[M]) -> M | None:
    return next((mark for mark in marks if isinstance(mark, kind)), None)


def _check_declaration(cls: type[Options], option: Field) -> None:
    what = f"option `{option.name}` of {cls.__name__}"
    if option.name in RESERVED:
        raise TypeError(f"{what}: the name is taken; choose another")
    item = get_args(option.kind)[0] if option.many else option.kind
    texts = get_origin(item) is Literal and all(isinstance(value, str) for value in get_args(item))
    if not texts and item not in (bool, int, float, str, Path):
        raise TypeError(f"{what} is {option.type}; an option is a bool, int, float, str, Path, Literal or a list")
    if item is Path and option.path is None:
        raise TypeError(f"{what} is a path; mark it InputPath(), OutputPath() or PathOrName()")
    if option.path is not None and item not in (str, Path):
        raise TypeError(f"{what} is marked as a path, and is {option.type}")


__all__ = [
    "RESERVED",
    "Aside",
    "Field",
    "Group",
    "InputPath",
    "Limits",
    "Options",
    "OutputPath",
    "PathOrName",
    "Positional",
    "Reads",
    "Scalar",
    "Section",
    "Setting",
    "Short",
    "Value",
    "bare",
    "describe",
    "from_mapping",
    "make",
    "recorded",
    "shown",
]
