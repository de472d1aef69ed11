"""Format the help of one command: its options under headings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import MISSING
from pathlib import Path
from typing import Literal, get_args, get_origin

from facekit.cli.help_page import OPTIONS, WIDEST, Line, page
from facekit.options.base import Options, describe
from facekit.options.fields import Field, bare
from facekit.options.registry import Command

COMMON, ARGUMENTS = "Every command", "Arguments"

_WORDS: dict[object, str] = {bool: "", int: "N", float: "NUMBER", str: "TEXT", Path: "PATH"}


def lines(command: Command, shared: Iterable[Line]) -> list[Line]:
    """Return the options of a command section by section, those that every command takes at the end."""
    own = [_line(option) for option in describe(command.options)]
    own.append(Line(OPTIONS, "-h, --help", "Show this help."))
    found = [*own, *shared]
    order = [ARGUMENTS, OPTIONS, *dict.fromkeys(line.section for line in found if line.section != COMMON), COMMON]
    return sorted(found, key=lambda line: order.index(line.section))


def render(command: Command, shared: Iterable[Line], width: int | None = None) -> str:
    """Return the help of a command, for a terminal of this width (by default, the one there is)."""
    arguments = [argument(option) for option in describe(command.options) if option.positional]
    usage = f"{command.name} [OPTIONS] {' '.join(arguments)}".rstrip()
    return page(usage, _first_line(command.options), lines(command, shared), _left, width)


def _left(width: int) -> int:
    """Return how wide the column of flags is."""
    return 28 if width < WIDEST else 36


def _first_line(options: type[Options]) -> str:
    return " ".join((options.__doc__ or "").split())


def _line(option: Field) -> Line:
    section = option.section or (COMMON if option.name in Options.__dataclass_fields__ else OPTIONS)
    if option.positional:
        return Line(ARGUMENTS, argument(option).strip("[]"), option.help)
    return Line(section, _flags(option), " ".join([option.help, *_default(option)]))


def argument(option: Field) -> str:
    """Return what is typed without a flag, as a usage line shows it: in brackets where it may be left out."""
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
