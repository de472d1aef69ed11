"""The pages in `docs/commands`, whose options are written from the options classes: `make docs`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path

from facekit.cli.help import ARGUMENTS, COMMON, argument, lines
from facekit.cli.help_page import Line
from facekit.options import registry
from facekit.options.base import describe
from facekit.options.fields import Field
from facekit.options.headings import HEADINGS
from facekit.options.registry import Command

PAGES = Path(__file__).parents[1] / "docs" / "commands"
INDEX = PAGES / "index.md"

_BEGIN, _END = "<!-- written by `make docs` -->\n", "<!-- end -->"
_SHARED = (
    "The options of every command and the exit codes are in [what all commands share](../usage.md), the files that are "
    "written in [file formats](../formats.md)."
)

_BLOCK = re.compile(f"{_BEGIN}.*?{_END}", re.DOTALL)


def own() -> list[Command]:
    """Return facekit's own commands in the order of `facekit --help`."""
    return [command for command in registry.catalogue().commands if command.name in registry.names()]


def page(command: Command) -> Path:
    """Return where the page of a command is."""
    return PAGES / f"{command.name}.md"


def rendered(text: str, command: Command) -> str:
    """Return a page with what the command does, and below its examples its options, as they are now."""
    parts = iter((_description(command), _options(command)))
    return _BLOCK.sub(lambda _: f"{_BEGIN}{next(parts)}{_END}", text)


def rendered_index(text: str) -> str:
    """Return the list of commands with what their classes say of them now."""
    return _BLOCK.sub(lambda _: f"{_BEGIN}{_list()}{_END}", text)


def _list() -> str:
    parts = []
    for group, commands in groupby(own(), key=lambda command: command.options.group):
        rows = [f"| [`{command.name}`]({command.name}.md) | {_cell(command.listed.summary)} |" for command in commands]
        parts.append("\n".join([f"\n## {HEADINGS[group]}\n", "| command | what it does |", "|---|---|", *rows]) + "\n")
    return "".join(parts) + "\n"


def _options(command: Command) -> str:
    limits = {option.flag: _limits(option) for option in describe(command.options)}
    found = [line for line in lines(command, []) if line.section != COMMON and "--help" not in line.flags]
    parts = []
    for section, rows in groupby(found, key=lambda line: line.section):
        head = f"| {'argument' if section == ARGUMENTS else 'option'} | meaning |"
        parts.append("\n".join([f"\n## {section}\n", head, "|---|---|", *(_row(row, limits) for row in rows)]) + "\n")
    parts.append(f"\n{_SHARED}\n\n")
    return "".join(parts)


def _description(command: Command) -> str:
    arguments = [argument(option) for option in describe(command.options) if option.positional]
    usage = " ".join(["facekit", command.name, "[OPTIONS]", *arguments])
    return f"\n{' '.join((command.options.__doc__ or '').split())}\n\n```text\n{usage}\n```\n\n"


def _row(line: Line, limits: Mapping[str, str]) -> str:
    flags = line.flags.strip().split(", ")
    within = next(filter(None, (limits.get(flag.split()[0]) for flag in flags)), "")
    text, bracket, default = line.text.partition("[default:")
    parts = filter(None, (text.strip(), within.strip(), bracket + default))
    return f"| {_cell(', '.join(f'`{flag}`' for flag in flags))} | {_cell(' '.join(parts))} |"


def _number(value: float | None) -> str | None:
    if value is None:
        return None
    return f"{int(value):,}" if value == int(value) else f"{value:g}"


def _limits(option: Field) -> str:
    """Return which numbers an option takes: `16 to 2048. `."""
    low, high = map(_number, (option.limits.low, option.limits.high))
    if low is None:
        return "" if high is None else f"At most {high}. "
    return f"{low} or more. " if high is None else f"From {low} to {high}. "


def _cell(text: str) -> str:
    return text.replace("\u00a0", " ").replace("|", "\\|")


def main() -> None:
    """Write the options into every page."""
    INDEX.write_text(rendered_index(INDEX.read_text()))
    for command in own():
        page(command).write_text(rendered(page(command).read_text(), command))


if __name__ == "__main__":
    main()
