"""Everything a person sees: progress, notices, the closing table, errors. All of it goes to stderr.

stdout is for data, and is written through `Console.out` alone: whatever else is printed while a command runs, by a
library or by another package's command, is talk.
"""

from __future__ import annotations

import logging
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, TextIO, TypeVar, cast

from rich import box
from rich.console import Console as Screen
from rich.table import Table
from rich.text import Text

from facekit.base.contract import Board, Listing, Report
from facekit.base.text import shortened, visible
from facekit.cli import answer_table, closing
from facekit.cli.bars import cell
from facekit.cli.logs import logging_to
from facekit.cli.streams import Output
from facekit.cli.tracking import Tracker

T = TypeVar("T")

_QUOTED = re.compile("`[^`]*`")
_HOLD = "\ue000"  # stands for a space while a line is wrapped

_READABLE = 14  # characters of width that a column of text needs


class Console:
    """One command's messages to a person. Use as a context manager, so that the screen is left intact."""

    def __init__(self, quiet: bool = False, log_file: Path | None = None) -> None:
        """Show progress and notices unless `quiet`; write them, and more, to `log_file`."""
        self.screen = Screen(stderr=True)
        self.out = Output.now()
        self._quiet = quiet
        self._tracker = Tracker(self.screen, self.say)
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
        if self._quiet:
            return iter(items)
        return self._tracker.track(items, title, total, board)

    def say(self, text: str) -> None:
        """Show one line; what would act on the terminal is escaped.

        A terminal gets it wrapped between words, but not inside a command, which is copied as one line. Bars of what
        is done stay above it.
        """
        self._tracker.settle()
        self._print(text)

    def next(self, command: str) -> None:
        """Show what is usually typed next, in one line that can be copied; nothing without a command."""
        if command and not self._quiet:
            self.stop()
            self.screen.print(Text.assemble(("next: ", "bold"), visible(command)), soft_wrap=True)

    def error(self, text: str) -> None:
        """Show the one line that says what is wrong and how to fix it."""
        self.stop()
        self._print(" ".join(text.split()), "error: ", "bold red")

    def end(self, text: str) -> None:
        """Show the one line with which a command ends that was interrupted."""
        self.stop()
        self._print(text)

    def share(self) -> None:
        """Show progress as plain lines from now on if another program reads stdout.

        It may print to the same terminal at any moment (`| head`), in the middle of a bar.
        """
        if self.out.piped:
            self.stop()
            self._tracker.plain = True

    def at_once(self, text: str) -> None:
        """Show one line above the bars while something else is being done, unless `quiet`."""
        if not self._quiet:
            self.say(text)

    def stopping(self, text: str) -> None:
        """Show one line when the command is asked to stop: its bars stay where they are, and do not fill up."""
        self._tracker.halted = True
        self.at_once(text)

    def table(self, reports: Sequence[Report]) -> None:
        """Show what each stage made and found, and what usually comes next."""
        self.stop()
        if not self._quiet:
            closing.show(self.screen, reports)

    def listing(self, listing: Listing) -> None:
        """Show a table on stdout, which is a terminal; where that is too narrow, each row's texts beside its name."""
        screen = self._stdout()
        columns = list(zip(listing.columns, zip(*listing.rows, strict=True), strict=True))
        # A column of words that have no spaces is never wrapped; any other is, but never within a word.
        words = [not any(" " in text for text in held) for _, held in columns]
        needed = sum(
            max(map(len, held)) if one else max(_READABLE, *(len(word) for text in held for word in text.split()))
            for one, (_, held) in zip(words, columns, strict=True)
        )
        if needed + 3 * len(columns) > screen.width:
            screen.print(closing.narrow(listing))
            return
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for one, (name, _) in zip(words, columns, strict=True):
            table.add_column(cell(name), no_wrap=one, overflow="fold")
        for row in listing.rows:
            table.add_row(*map(cell, row))
        screen.print(table)

    def answers(self, rows: Sequence[Mapping[str, str]]) -> None:
        """Show answers on stdout, which is a terminal."""
        screen = self._stdout()
        screen.print(answer_table.show(rows, screen.width))

    def _print(self, text: str, mark: str = "", style: str = "") -> None:
        """Print one line with a mark before it; a terminal gets it wrapped as `say` says."""
        line = mark + shortened(visible(text))
        if self.screen.is_terminal:
            line = _wrapped(line, self.screen.width)
        self.screen.print(Text.assemble((line[: len(mark)], style), line[len(mark) :]), soft_wrap=True)

    def _stdout(self) -> Screen:
        return Screen(file=cast(TextIO, self.out))

    def stop(self) -> None:
        """Leave the bars as they are, below which something else is written."""
        self._tracker.stop()


def _wrapped(line: str, width: int) -> str:
    """Return a line broken between words, but never inside backticks, which hold what is to be copied."""
    held = _QUOTED.sub(lambda found: found[0].replace(" ", _HOLD), line)
    return "\n".join(textwrap.wrap(held, width, break_long_words=False, break_on_hyphens=False)).replace(_HOLD, " ")
