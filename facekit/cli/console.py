"""Everything a person sees: progress, notices, the closing table, errors. All of it goes to stderr.

stdout is for data, and is written through `Console.out` alone: whatever else is printed while a command runs, by a
library or by another package's command, is talk.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, TextIO, TypeVar, cast

from rich import box
from rich.console import Console as Screen
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

from facekit.base.contract import Board, Listing, Report
from facekit.base.plain import Json
from facekit.base.text import shortened, visible
from facekit.cli.bars import Bars, cell, progress
from facekit.cli.logs import logging_to
from facekit.cli.streams import Output

T = TypeVar("T")

_EVERY = 10.0  # seconds between two plain lines of progress where there is no terminal
_READABLE = 14  # characters of width that a column of text needs
_WORST = 10  # names that the closing table lists


class Console:
    """One command's talk with a person. Use as a context manager, so that the screen is left whole."""

    def __init__(self, quiet: bool = False, log_file: Path | None = None) -> None:
        """Show progress and notices unless `quiet`; write them, and more, to `log_file`."""
        self.screen = Screen(stderr=True)
        self.out = Output.now()
        self._quiet = quiet
        self._bars: Bars | None = None
        self._printing = redirect_stdout(sys.stderr)
        self._logging = logging_to(self.say, log_file, logging.WARNING if quiet else logging.INFO)

    def __enter__(self) -> Console:
        """Begin to show what is logged. Raises FacekitError where the log file cannot be written."""
        self._logging.__enter__()
        self._printing.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        """Stop the bars and let go of the loggers."""
        self.stop()
        self._printing.__exit__(*error)
        self._logging.__exit__(*error)

    def track(
        self, items: Iterable[T], title: str, total: int | None = None, board: Callable[[], Board] | None = None
    ) -> Iterator[T]:
        """Yield the items while showing how many are done, how fast, how long the rest takes, and what `board` says."""
        if total is None and isinstance(items, Sized):
            total = len(items)
        if self._quiet:
            return iter(items)
        show = self._bar if self.screen.is_terminal else self._lines
        return show(items, title, total, board)

    def say(self, text: str) -> None:
        """Show one line; what would act on the terminal is escaped."""
        self.screen.print(Text(shortened(visible(text))), soft_wrap=True)

    def error(self, text: str) -> None:
        """Show the one line that says what is wrong and how to fix it."""
        self.stop()
        line = shortened(visible(" ".join(text.split())))
        self.screen.print(Text.assemble(("error: ", "bold red"), line), soft_wrap=True)

    def table(self, reports: Sequence[Report]) -> None:
        """Show what each stage made, kept and left out, and what it has to say besides."""
        self.stop()
        if self._quiet or not reports:
            return
        table = Table("stage", "made", "kept", "left out", "seconds", "folder", box=None, pad_edge=False)
        for column in table.columns[1:5]:
            column.justify = "right" if column.header != "left out" else "left"
        for report in reports:
            left = ", ".join(f"{count} {reason}" for reason, count in report.left.most_common()) or "-"
            numbers = f"{report.made:,}", f"{report.kept:,}", left, f"{report.seconds:.1f}"
            table.add_row(*map(cell, (report.stage, *numbers, report.folder)))
        self.screen.print(table)
        for report in reports:
            for line in _details(report):
                self.say(line)
            self._shortfalls(report)

    def listing(self, listing: Listing) -> None:
        """Show a table on stdout, which is a terminal; where that is too narrow, a paragraph for each row."""
        screen = self._stdout()
        columns = list(zip(listing.columns, zip(*listing.rows, strict=True), strict=True))
        # A column of words that have no spaces is never wrapped; any other needs some width to be read.
        words = [not any(" " in text for text in held) for _, held in columns]
        needed = sum(max(map(len, held)) if one else _READABLE for one, (_, held) in zip(words, columns, strict=True))
        if needed + 3 * len(columns) > screen.width:
            for row in listing.rows:
                screen.print(
                    Text(visible("  ".join(text for text, one in zip(row, words, strict=True) if one)), "bold")
                )
                rest = "\n".join(visible(text) for text, one in zip(row, words, strict=True) if text and not one)
                screen.print(Padding(Text(rest), (0, 0, 0, 4)))
            return
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for one, (name, _) in zip(words, columns, strict=True):
            table.add_column(cell(name), no_wrap=one, overflow="fold")
        for row in listing.rows:
            table.add_row(*map(cell, row))
        screen.print(table)

    def answers(self, rows: Sequence[Mapping[str, str]]) -> None:
        """Show answers as a table on stdout, which is a terminal; only the first column, a path, is wrapped."""
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for place, name in enumerate(rows[0]):
            table.add_column(cell(name), no_wrap=place > 0, overflow="ellipsis" if place else "fold")
        for row in rows:
            table.add_row(*map(cell, row.values()))
        self._stdout().print(table)

    def _stdout(self) -> Screen:
        return Screen(file=cast(TextIO, self.out))

    def _shortfalls(self, report: Report) -> None:
        """Show which names fell short, the worst first; a long list is in the folder."""
        listed = report.details.get("shortfalls")
        rows = [row for row in listed if isinstance(row, Mapping)] if isinstance(listed, Sequence) else []
        if not rows:
            return
        table = Table(*map(Column, map(cell, rows[0])), box=None, pad_edge=False)
        for row in rows[:_WORST]:
            table.add_row(*(cell(f"{value:,}" if isinstance(value, int) else str(value)) for value in row.values()))
        self.screen.print(table)
        if len(rows) > _WORST:
            self.say(f"… and {len(rows) - _WORST:,} more names that fell short: see {report.folder}")

    def _bar(self, items: Iterable[T], title: str, total: int | None, board: Callable[[], Board] | None) -> Iterator[T]:
        if self._bars is None:
            self._bars = Bars.on(self.screen)
            self._bars.start()
        bars, bars.board = self._bars, board
        task = bars.add_task(visible(title), total=total)
        done = 0
        try:
            for item in items:
                done += 1
                yield item
                bars.update(task, completed=done)
        except GeneratorExit:  # whoever loops needs no more of them, so these are all
            bars.update(task, completed=done, total=done)
            raise
        finally:
            bars.board = None
        bars.update(task, completed=done, total=done)

    def _lines(
        self, items: Iterable[T], title: str, total: int | None, board: Callable[[], Board] | None
    ) -> Iterator[T]:
        began, done, over = time.monotonic(), 0, threading.Event()

        def say() -> None:
            line = progress(title, done, total, time.monotonic() - began)
            self.say(f"{line}; {board().line}" if board is not None else line)

        def tick() -> None:
            while not over.wait(_EVERY):
                say()

        # In a thread of its own: a loop that waits for its next item is what a person wants to hear of.
        ticker = threading.Thread(target=tick, name="facekit-lines", daemon=True)
        ticker.start()
        try:
            for item in items:
                yield item
                done += 1
        finally:
            over.set()
            ticker.join()
        say()

    def stop(self) -> None:
        """Leave the bars as they are, below which something else is written."""
        if self._bars is not None:
            self._bars.board = None  # after an interruption nobody works any more
            self._bars.stop()
            self._bars = None


def _details(report: Report) -> Iterator[str]:
    """Yield a line for each plain detail; lists and tables are for `--json`."""
    for name, value in report.details.items():
        words = name.replace("_", " ")
        if isinstance(value, float):
            yield f"{report.stage}: {words}: {value:.4g}{_interval(report.details.get(f'{name}_interval'))}"
        elif isinstance(value, str | int):
            yield f"{report.stage}: {words}: {value}"
        elif isinstance(value, dict) and value and all(isinstance(v, int | float) for v in value.values()):
            yield f"{report.stage}: {words}: " + ", ".join(f"{key} {count:g}" for key, count in value.items())


def _interval(ends: Json) -> str:
    """Return in brackets between what a number lies; nothing where that is not known."""
    numbers = [end for end in ends if isinstance(end, int | float)] if isinstance(ends, Sequence) else []
    return " ({:.4g} to {:.4g})".format(*numbers) if len(numbers) == 2 else ""
