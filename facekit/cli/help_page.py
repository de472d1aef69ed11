"""How a page of help looks: two columns under headings, readable at 80 characters. Also the help of facekit itself.

A shell waits for it, so neither Rich nor an options class is imported.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from textwrap import wrap
from typing import Any, NamedTuple

import typer

from facekit.options.headings import HEADINGS
from facekit.options.registry import Listed

OPTIONS = "Options"

WIDEST = 100
"""Longer lines are hard to read, however wide the terminal is."""

_LEFT_OF_COMMANDS = 22


class Line(NamedTuple):
    """One option as the help shows it: how it is typed, and what it does."""

    section: str
    flags: str
    text: str


def overview(about: str, options: Iterable[Any], commands: Sequence[Listed], width: int | None = None) -> str:
    """Return the help of facekit: Typer's options of its own, and the commands of each group."""
    found = [Line(OPTIONS, _named(option.opts), option.help or "") for option in options]
    found += [Line(HEADINGS[one.group], one.name, one.summary) for one in commands]
    return page("[OPTIONS] COMMAND [ARGS]...", about, found, lambda _: _LEFT_OF_COMMANDS, width)


def show(page: str) -> None:
    """Print a page of help, coloured as the terminal and the usual variables allow."""
    coloured = None if os.environ.get("TERM") not in ("dumb", "unknown") else False  # None: on a terminal
    if os.environ.get("NO_COLOR"):
        coloured = False
    elif os.environ.get("FORCE_COLOR"):
        coloured = True
    typer.echo(page, file=sys.stdout, nl=False, color=coloured)


def page(usage: str, about: str, found: Iterable[Line], left_of: Callable[[int], int], width: int | None) -> str:
    """Return a page of help. `left_of` says how wide the column of flags is where a page is so wide."""
    width = min(width or shutil.get_terminal_size().columns, WIDEST)
    said = "\n".join(wrap(_held(about), width)).replace("\u00a0", " ")
    parts = [typer.style("Usage: ", bold=True), f"facekit {usage}\n\n", f"{said}\n"]
    section, left = "", left_of(width)
    for line in found:
        if line.section != section:
            section = line.section
            parts.append(typer.style(f"\n{section}:\n", bold=True))
        parts.append(_entry(line, left, width))
    return "".join(parts)


def _entry(line: Line, left: int, width: int) -> str:
    """Return an option or a command. Flags that are too long for their column have a line of their own."""
    inside = len(line.flags) + 4 <= left
    gap = " " * (left - len(line.flags) - 2) if inside else "\n" + " " * left
    wrapped = ("\n" + " " * left).join(wrap(_held(line.text), width - left, break_on_hyphens=False))
    return typer.style(f"  {line.flags}", fg="cyan") + gap + wrapped.replace("\u00a0", " ") + "\n"


def _held(text: str) -> str:
    """Return a text that is not broken inside backticks, which hold what is typed or named."""
    parts = text.split("`")
    return "`".join(part.replace(" ", "\u00a0") if place % 2 else part for place, part in enumerate(parts))


def _named(names: Iterable[str]) -> str:
    """Return the names of an option, a short one first; those without one are lined up with the others."""
    short, *long = sorted(names, key=len)
    return f"{short}, {', '.join(long)}" if long else f"    {short}"
