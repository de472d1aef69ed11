"""What the bots are doing, as a table that a person can follow."""

from __future__ import annotations

import threading
import time
from collections import Counter

from facekit.base.contract import Board
from facekit.base.text import counted
from facekit.commands.scrape.bots import Bots

COLUMNS = ("bot", "name", "state", "found", "kept", "per min")


class Watch:
    """Counts by bot what its searches led to. Noted in one thread, read from another."""

    def __init__(self, bots: Bots, names: int) -> None:
        self._bots, self._names = bots, names
        self._kept: Counter[int] = Counter()
        self._ended = self._opted_out = 0
        self._bot_of: dict[str, int] = {}
        self._began = time.monotonic()
        self._lock = threading.Lock()

    def searched(self, label: str, bot: int) -> None:
        """Note which bot found a name's candidates."""
        with self._lock:
            self._bot_of[label] = bot

    def kept(self, label: str, count: int) -> None:
        """Note that pictures of a name were kept."""
        with self._lock:
            self._kept[self._bot_of.get(label, -1)] += count

    def opted_out(self, count: int) -> None:
        """Note pictures that are left out because their owners want it so."""
        with self._lock:
            self._opted_out += count

    def ended(self, label: str) -> None:
        """Note that a name is finished."""
        with self._lock:
            self._ended += 1
            self._bot_of.pop(label, None)

    def board(self) -> Board:
        """Return what each bot is doing and what all have done."""
        minutes = max(time.monotonic() - self._began, 1.0) / 60
        with self._lock:
            kept, ended, out = self._kept.copy(), self._ended, self._opted_out
        rows: list[tuple[str, ...]] = [
            (
                str(number + 1),
                status.label,
                status.state,
                f"{status.found:,}",
                f"{kept[number]:,}",
                f"{kept[number] / minutes:,.0f}",
            )
            for number, status in enumerate(self._bots.statuses)
        ]
        found = sum(status.found for status in self._bots.statuses)
        names = f"{ended:,} of {counted(self._names, 'name')}"
        said = f"{out:,} opted out" if out else ""
        total = ("all", names, said, f"{found:,}", f"{kept.total():,}", f"{kept.total() / minutes:,.0f}")
        working = sum(status.state in ("searching", "starting") for status in self._bots.statuses)
        searching = f"{working} of {counted(len(rows), 'bot')} searching"
        line = ", ".join(filter(None, (names, f"{found:,} found", f"{kept.total():,} kept", said, searching)))
        return Board(COLUMNS, rows, total, line)
