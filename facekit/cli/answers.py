"""Print a command's answers, report or folder on stdout: tables on a terminal, lines elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from facekit.base.contract import Report
from facekit.base.plain import Json
from facekit.base.text import visible
from facekit.cli.console import Console
from facekit.cli.piped import json_line
from facekit.cli.streams import Unwritable
from facekit.options.registry import Answers


@runtime_checkable
class _Row(Protocol):
    """An answer that says how it looks as a row of a table: column -> text."""

    def row(self) -> dict[str, str]: ...


@runtime_checkable
class _Summed(Protocol):
    """Answers that say in one line what they were."""

    @property
    def summary(self) -> str: ...


@runtime_checkable
class _Short(Protocol):
    """Answers of which a terminal shows the first few, because something else shows them all."""

    @property
    def most(self) -> int | None: ...


@runtime_checkable
class _Coded(Protocol):
    """An answer that is also an exit code."""

    @property
    def exit_code(self) -> int: ...


def show(result: Report | Answers, console: Console, as_json: bool) -> int:
    """Print a report as JSON, as the lines that answer, or as its folder; an answering command's answers one by one.

    Returns the exit code: that of the report, or of the last answer where answers have one. Raises FacekitError where
    stdout takes nothing, and ReaderGone.
    """
    if not isinstance(result, Report):
        return _answer(result, console, as_json)
    if console.out.piped:  # the next command has been typed already
        result.next = ""
    lines = result.details.get("lines")
    if lines is None:
        console.table(result.stages or [result])
    try:
        _report(result, lines, console, as_json)
    except Unwritable as error:
        if lines is not None:  # the lines are all that there is
            raise
        raise Unwritable(
            error.why, f"{result.stage} has finished all the same; its folder is {result.folder}"
        ) from None
    if not as_json:
        console.next(result.next)
    return result.code


def _report(report: Report, lines: Json, console: Console, as_json: bool) -> None:
    out = console.out
    if as_json:
        console.stop()
        out.line(json_line(report.to_dict()))
    elif isinstance(lines, Sequence):
        console.stop()
        if report.listing is not None and out.isatty():
            for listing in (report.listing, *report.tables):
                console.listing(listing)
                for note in listing.notes:
                    out.line(visible(note))
            return
        for line in lines:
            out.line(visible(str(line)))
    elif not out.isatty():
        out.line(report.folder)


def _answer(answers: Answers, console: Console, as_json: bool) -> int:
    """Print answers as they come, and return the exit code of the last.

    A terminal, which shows the bars meanwhile, gets them at the end, or on Ctrl-C.
    """
    if not console.out.open:  # the answers are all that the command makes: no work is begun
        console.out.line("")
    code = 0
    if not console.out.isatty():
        for answer in answers:
            console.out.line(json_line(answer))
            code = answer.exit_code if isinstance(answer, _Coded) else code
        _sum_up(answers, console)
        return code
    seen = _Seen([], [])
    try:
        for answer in answers:
            code = answer.exit_code if isinstance(answer, _Coded) else code
            seen.lines.append(json_line(answer))
            if isinstance(answer, _Row):
                seen.rows.append(answer.row())
    finally:
        console.stop()
        if seen.rows and not as_json:
            _rows(seen.rows, answers.most if isinstance(answers, _Short) else None, console)
        else:
            for line in seen.lines:
                console.out.line(line)
    _sum_up(answers, console)
    return code


def _rows(rows: Sequence[dict[str, str]], most: int | None, console: Console) -> None:
    """Show answers on a terminal, `most` of them, and say how many more there are."""
    console.answers(rows[:most])
    if most is not None and len(rows) > most:
        console.out.line(f"… and {len(rows) - most:,} more; `--json`, or a pipe, lists all")


def _sum_up(answers: Answers, console: Console) -> None:
    """Say below the last answer how many there were of each kind."""
    if isinstance(answers, _Summed) and answers.summary:
        console.at_once(answers.summary)


@dataclass(frozen=True)
class _Seen:
    """The answers so far, as lines and, of a command whose answers have them, as rows."""

    lines: list[str]
    rows: list[dict[str, str]]
