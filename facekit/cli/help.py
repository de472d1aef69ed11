"""Format the help of one command: options under headings, in two columns that fit 80 characters."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import MISSING, dataclass
from pathlib import Path
from textwrap import wrap
from typing import Literal, get_args, get_origin

from rich.text import Text

from facekit.options.base import Field, Options, bare, describe
from facekit.options.registry import Command

COMMON = "Every command"
ARGUMENTS, OPTIONS = "Arguments", "Options"

_WIDEST = 100
"""Longer lines are hard to read, however wide the terminal is."""

_WORDS: dict[object, str] = {bool: "", int: "N", float: "NUMBER", str: "TEXT", Path: "PATH"}


@dataclass(frozen=True)
class Line:
    """One option as the help shows it: how it is typed, and what it does."""

    section: str
    flags: str
    text: str


def lines(command: Command, shared: Iterable[Line]) -> list[Line]:
    """Return the options of a command section by section, those that every command takes at the end."""
    own = [_line(option) for option in describe(command.options)]
    own.append(Line(OPTIONS, "-h, --help", "Show this help."))
    found = [*own, *shared]
    order = [ARGUMENTS, OPTIONS, *dict.fromkeys(line.section for line in found if line.section != COMMON), COMMON]
    return sorted(found, key=lambda line: order.index(line.section))


def render(command: Command, shared: Iterable[Line], width: int | None = None) -> Text:
    """Return the help of a command, for a terminal of this width (by default, the one there is)."""
    width = min(width or shutil.get_terminal_size().columns, _WIDEST)
    arguments = [_argument(option) for option in describe(command.options) if option.positional]
    text = Text()
    text.append("Usage: ", "bold")
    text.append(f"facekit {' '.join([command.name, '[OPTIONS]', *arguments])}\n\n")
    text.append("\n".join(wrap(_first_line(command.options), width)) + "\n")
    section, left = "", _left(width)
    for line in lines(command, shared):
        if line.section != section:
            section = line.section
            text.append(f"\n{section}:\n", "bold")
        _append(text, line, left, width)
    return text


def _append(text: Text, line: Line, left: int, width: int) -> None:
    """Append an option. Flags that are too long for their column have a line of their own."""
    inside = len(line.flags) + 4 <= left
    text.append(f"  {line.flags}", "cyan")
    text.append(" " * (left - len(line.flags) - 2) if inside else "\n" + " " * left)
    text.append(
        ("\n" + " " * left).join(wrap(line.text, width - left, break_on_hyphens=False)).replace("\u00a0", " ") + "\n"
    )


def _left(width: int) -> int:
    """Return how wide the column of flags is."""
    return 28 if width < _WIDEST else 36


def _first_line(options: type[Options]) -> str:
    return " ".join((options.__doc__ or "").split())


def _line(option: Field) -> Line:
    section = option.section or (COMMON if option.name in Options.__dataclass_fields__ else OPTIONS)
    if option.positional:
        return Line(ARGUMENTS, _argument(option).strip("[]"), option.help)
    return Line(section, _flags(option), " ".join([option.help, *_default(option)]))


def _argument(option: Field) -> str:
    name = option.name.upper() + ("..." if option.many else "")
    return name if option.required else f"[{name}]"


def flags(kind: object, *names: str) -> str:
    """Return how an option is typed, its short name first: `-j, --jobs N`."""
    short = "".join(f"{name}, " for name in names if not name.startswith("--")) or " " * 4
    long = ", ".join(name for name in names if name.startswith("--"))
    return f"{short}{long} {_value(bare(kind))}".rstrip()


def _flags(option: Field) -> str:
    flag = f"{option.flag}, --no-{option.flag[2:]}" if option.kind is bool and option.default else option.flag
    kind = get_args(option.kind)[0] if option.many else option.kind
    return flags(kind, flag, *([option.short] if option.short else []))


def _value(kind: object) -> str:
    """Return what stands for the value: the choices, or a word."""
    if get_origin(kind) is Literal:
        return "|".join(map(str, get_args(kind)))
    return _WORDS.get(kind, "TEXT")


def _default(option: Field) -> Iterator[str]:
    if option.required:
        yield "[required]"
    elif option.kind is bool:
        yield "[default:\u00a0on]" if option.default else ""
    elif option.default not in (None, "", MISSING) and not option.many:
        value = f"{option.default:g}" if isinstance(option.default, float) else option.default
        yield f"[default:\u00a0{value}]"  # which is not wrapped in its middle
