"""What a command's function takes, and what `help` says of it: both follow from the command's options class."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator
from os import PathLike
from textwrap import fill
from typing import Any, get_args

from facekit.base.contract import Report, Track
from facekit.options.base import Field, Options, describe
from facekit.options.registry import Command

PROGRESS = (
    "Whether to show progress bars, on a terminal or in a notebook; or a function that wraps a loop and shows it."
)

_WIDTH = 100

_SHELL = re.compile(r"[,;]? or `-` to read [^.;]* from stdin|: one JSON line per \w+, or a table on a terminal")
"""What help texts say that holds for a shell alone."""

_VALUE = re.compile(r"`--([a-z-]+) (\w+)`")
_FLAG = re.compile(r"(`?)--(no-)?([a-z][a-z-]*)(`?)")

_RETURNS = {
    False: "A Report: what was made, kept and left out, and why.",
    True: "An iterator over the answers. Each is computed when you ask for it.",
}


def signature(options: type[Options]) -> inspect.Signature:
    """Return what a command's function takes.

    By position it takes what the command line does, and then the folder that the command makes.
    """
    placed = sorted(filter(_is_placed, describe(options)), key=lambda option: not option.positional)
    if not all(one.required or not other.required for one, other in zip(placed, placed[1:], strict=False)):
        placed = []  # of another package: one that may be left out, before one that may not
    named = [option for option in describe(options) if option not in placed]
    parameters = [_parameter(option, inspect.Parameter.POSITIONAL_OR_KEYWORD) for option in placed]
    parameters += [_parameter(option, inspect.Parameter.KEYWORD_ONLY) for option in named]
    progress = inspect.Parameter("progress", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=bool | Track)
    returned: Any = Iterator[Any] if options.answers else Report
    return inspect.Signature([*parameters, progress], return_annotation=returned)


def described(command: Command) -> str:
    """Return the docstring of a command's function: what it does, its arguments and their defaults."""
    options = command.options
    takes = {option.name: option for option in describe(options)}
    lines = [fill(_plain(" ".join((options.__doc__ or "").split()), takes), _WIDTH), ""]
    lines += [f"This is the command `facekit {command.name}`, with the same options, defaults and checks.", "", "Args:"]
    for name in signature(options).parameters:
        text = PROGRESS if name == "progress" else _plain(takes[name].help, takes)
        lines.append(
            fill(
                f"{name}: {text}{_default(takes.get(name))}", _WIDTH, initial_indent=" " * 4, subsequent_indent=" " * 8
            )
        )
    lines += ["", "Returns:", f"    {_RETURNS[options.answers]}", "", "Raises:"]
    lines += ["    FacekitError: For everything that the caller can fix; the message says how."]
    return "\n".join(lines) + "\n"


def _is_placed(option: Field) -> bool:
    return option.positional or option.is_result


def _parameter(option: Field, kind: Any) -> inspect.Parameter:
    return inspect.Parameter(option.name, kind, default=_plain_default(option), annotation=annotation(option))


def annotation(option: Field) -> Any:
    """Return the type of an argument: an option that is a path takes text as well, one that is a list a single one."""
    kind: Any = get_args(option.kind)[0] if option.many else option.kind
    if option.path is not None:
        kind = str | PathLike[str]
    if option.many:
        kind = kind | Iterable[kind]
    return kind | None if option.optional else kind


def _default(option: Field | None) -> str:
    """Return what is said of a default; nothing where there is none, or where the help says what happens without."""
    default = False if option is None else _plain_default(option)
    return "" if default in (None, ()) or default is inspect.Parameter.empty else f" Default: {default!r}."


def _plain_default(option: Field) -> Any:
    if option.required:
        return inspect.Parameter.empty
    if option.many:
        return tuple(option.default)
    return str(option.default) if isinstance(option.default, PathLike) else option.default


def _plain(text: str, takes: Iterable[str]) -> str:
    """Return a help text for a program: without stdin and exit codes, and with arguments in place of flags."""

    def argument(match: re.Match[str]) -> str:
        opened, off, name, closed = match[1], match[2], match[3].replace("-", "_"), match[4]
        if name not in takes:  # of another command
            return match[0]
        word = f"{name}=False" if off else name
        return f"{opened}{word}{closed}" if opened else f"`{word}`{closed}"

    text = _SHELL.sub("", text).replace("Exit with code 2", "Raise FacekitError")
    text = _VALUE.sub(lambda match: f'`{match[1].replace("-", "_")}="{match[2]}"`', text)
    return _FLAG.sub(argument, text)
