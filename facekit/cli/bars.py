"""Show the progress of a loop and its workers: bars and a table on a terminal, lines elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Self

from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.table import Table
from rich.text import Text

from facekit.base.contract import Board
from facekit.base.text import visible


class Bars(Progress):
    """Bars, and above them what the workers of the stage under way are doing."""

    board: Callable[[], Board] | None = None

    @classmethod
    def on(cls, screen: Console) -> Self:
        """Return bars for a screen, not yet shown."""
        return cls(
            TextColumn("{task.description:<12}", markup=False),
            BarColumn(bar_width=32),
            MofNCompleteColumn(),
            _Rate(),
            _Left(),
            console=screen,
        )

    def drop(self, task: TaskID, seconds: float) -> None:
        """Remove the bar of a loop that is done if it took less than so many seconds."""
        if (self._tasks[task].finished_time or 0.0) < seconds:
            self.remove_task(task)

    def get_renderables(self) -> Iterable[RenderableType]:
        """Yield the table, as long as a stage has one, and the bars."""
        if self.board is not None:
            size = self.console.size
            yield _table(self.board(), size.width, size.height - len(self.tasks) - 4)
        yield from super().get_renderables()


class _Rate(ProgressColumn):
    """Items a second: lately, and of what is done, over all the time that stands beside it."""

    def render(self, task: Task) -> Text:
        speed = task.completed / task.finished_time if task.finished_time else task.speed
        return Text("" if speed is None else f"{speed:,.1f}/s", style="progress.data.speed")


class _Left(ProgressColumn):
    """How long the rest takes; of what is done, how long it took."""

    max_refresh = 0.5

    def render(self, task: Task) -> Text:
        if task.finished:
            return Text(duration(task.finished_time or 0.0), style="progress.elapsed")
        if task.time_remaining is None:
            return Text("")
        most = "≤ " if task.fields.get("at_most") else ""
        return Text(most + duration(task.time_remaining), style="progress.remaining")


def _table(board: Board, width: int, height: int) -> Table:
    """Return a board as a table of at most so many lines: what does not fit is counted."""
    numbers = len(board.columns) - 3
    table = Table(box=None, pad_edge=False, show_footer=False)
    for place, name in enumerate(board.columns):
        wide = max(12, min(40, width - 22 - 10 * numbers)) if place == 1 else None
        table.add_column(
            cell(name),
            justify="right" if place > 2 else "left",
            no_wrap=True,
            overflow="ellipsis",
            min_width=wide or (9 if place == 2 else 7 if place else 3),
            max_width=wide,
        )
    shown = board.rows if len(board.rows) <= height else board.rows[: height - 1]
    for row in shown:
        table.add_row(*map(cell, row))
    if len(shown) < len(board.rows):
        table.add_row("", f"… and {len(board.rows) - len(shown)} more", style="dim")
    table.add_row(*map(cell, board.total), style="bold")
    return table


def cell(text: str) -> Text:
    """Return text from outside as one cell of a table: neither markup nor the terminal's commands act in it."""
    return Text(visible(text))


def progress(
    title: str, done: int, total: int | None, seconds: float, first: float = 0.0, at_most: bool = False
) -> str:
    """Return one line: how much of a loop is done, how fast, and how long the rest takes, or takes `at_most`.

    The `first` item took so many seconds, in which a model may have been loaded or compiled: the rest takes less.
    """
    rate = done / seconds if seconds > 0 else 0.0
    of = f"/{total:,}" if total is not None else ""
    left = ""
    if total is not None and rate and total > done:
        each = (seconds - first) / (done - 1) if first and done > 1 else 1 / rate
        left = f", {'at most ' if at_most else ''}{duration((total - done) * each)} left"
    return f"{title}: {done:,}{of} ({rate:,.1f}/s{left})"


def duration(seconds: float) -> str:
    """Return a duration as a person says it: `95 s`, `12 min`, `2 h 5 min`."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"
