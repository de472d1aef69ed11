"""How far loops are, while they run: bars on a terminal and in a notebook, plain lines elsewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from typing import Self, TypeVar

from rich.console import Console as Screen
from rich.text import Text

from facekit.base import plugins
from facekit.base.contract import AtMost, Board
from facekit.base.text import shortened, visible
from facekit.cli.bars import Bars, progress

T = TypeVar("T")

_SHORT = 2.0  # seconds: the bar of a loop that took less is of no use to anybody once it is done

_EVERY = 10.0  # seconds between two plain lines of progress where bars have no place


class Tracker:
    """Shows on a screen how far loops are. Bars stay there until `stop`."""

    def __init__(self, screen: Screen, say: Callable[[str], None]) -> None:
        """Show bars on `screen`, or hand lines to `say` where it is neither a terminal nor a notebook with widgets."""
        self._screen, self._say = screen, say
        self._bars: Bars | None = None
        self._tickers: list[threading.Event] = []
        self.halted = False
        """Whether the command is to stop before its loops are done."""

        self.plain = False
        """Whether plain lines are said even where bars could move."""

    @classmethod
    def on_stderr(cls) -> Self:
        """Return one for the terminal or the notebook that the program runs in."""
        screen = Screen(stderr=True)
        return cls(screen, lambda line: screen.print(Text(shortened(visible(line))), soft_wrap=True))

    def track(
        self, items: Iterable[T], title: str, total: int | None = None, board: Callable[[], Board] | None = None
    ) -> Iterator[T]:
        """Yield the items while showing how many are done, how fast, how long the rest takes, and what `board` says."""
        if total is None and isinstance(items, Sized):
            total = len(items)
        if total == 0:
            return iter(items)
        show = self._bar if _has_bars(self._screen) and not self.plain else self._lines
        return show(items, title, total, board)

    def settle(self) -> None:
        """Leave the bars where they are, if none moves any more: what is written next stands below them."""
        if self._bars is not None and self._bars.finished:
            self._freeze()

    def stop(self) -> None:
        """Leave the bars as they are, below which something else is written; say no more of a loop that was left."""
        for over in self._tickers:
            over.set()
        self._freeze()

    def _freeze(self) -> None:
        if self._bars is not None:
            self._bars.board = None  # after an interruption nobody works any more
            if self._screen.is_jupyter:  # where Rich does not draw the last state by itself
                self._bars.refresh()
            self._bars.stop()
            self._bars = None

    def _bar(self, items: Iterable[T], title: str, total: int | None, board: Callable[[], Board] | None) -> Iterator[T]:
        if self._bars is None:
            self._bars = Bars.on(self._screen)
            self._bars.start()
        bars, bars.board = self._bars, board
        task = bars.add_task(visible(title), total=total, at_most=isinstance(items, AtMost))
        done = 0
        try:
            for item in items:
                done += 1
                yield item
                bars.update(task, completed=done)
        except GeneratorExit:  # the loop ended early, so these are all, if nobody has stopped it
            bars.update(task, completed=done, total=total if self.halted else done)
            raise
        finally:
            bars.board = None
        bars.update(task, completed=done, total=done)
        if not self._screen.is_jupyter:  # where what was shown stays with its cell
            bars.drop(task, _SHORT)

    def _lines(
        self, items: Iterable[T], title: str, total: int | None, board: Callable[[], Board] | None
    ) -> Iterator[T]:
        began, done, first, over = time.monotonic(), 0, 0.0, threading.Event()

        def say() -> None:
            line = progress(title, done, total, time.monotonic() - began, first, isinstance(items, AtMost))
            self._say(f"{line}; {board().line}" if board is not None else line)

        def tick() -> None:
            while not over.wait(_EVERY):
                say()

        # In a thread of its own: a loop that waits for its next item is what a person wants to hear of.
        ticker = threading.Thread(target=tick, name="facekit-lines", daemon=True)
        ticker.start()
        self._tickers.append(over)
        try:
            for item in items:
                yield item
                done += 1
                first = first or time.monotonic() - began
        finally:
            over.set()
            ticker.join()
            self._tickers.remove(over)
        say()


def _has_bars(screen: Screen) -> bool:
    """Whether bars can move on a screen. In a notebook, Rich draws them by a widget of ipywidgets."""
    return screen.is_terminal or (screen.is_jupyter and plugins.installed("ipywidgets"))
