"""Searches that wait for a bot, and how fast all bots together may ask each engine."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from facekit.commands.scrape.evidence import Evidence
from facekit.sources.engines import Results, Search, State

log = logging.getLogger(__name__)

REST = 1800.0
"""Seconds that an engine rests after it has blocked a search."""

CHANGED = 10
"""Pages in a row that could not be read, and none that could: from then on the engine is not asked."""


class Task(NamedTuple):
    """One search: the folder that it is for, where and what to search, and how often its browser died."""

    label: str
    engine: str
    search: Search
    deaths: int = 0


class Searched(NamedTuple):
    """How a search ended; no `results` where its browsers died, and `note` has the error."""

    task: Task
    bot: int
    results: Results | None
    note: str = ""
    evidence: Evidence | None = None


class Pace:
    """How fast all bots may ask one engine: seconds between searches, a rest after it blocked one, an end."""

    def __init__(self, engine: str, interval: float, rest: float = REST) -> None:
        self.engine, self.interval, self.rest = engine, interval, rest
        self.over: Results | None = None
        """The result of every further search, once the engine is not asked any more."""
        self.rests_until = 0.0
        self._next = 0.0
        self._blocked_at: float | None = None
        self._unread: int | None = 0
        self._lock = threading.Lock()

    @property
    def resting(self) -> float:
        """Seconds until the engine may be asked again."""
        return max(0.0, self.rests_until - time.monotonic())

    def wait(self, stop: threading.Event) -> float | None:
        """Wait for a turn; return when it began, or None where the engine came to rest meanwhile."""
        with self._lock:
            if self.resting:
                return None
            turn = max(self._next, time.monotonic())
            self._next = turn + self.interval
        stop.wait(max(0.0, turn - time.monotonic()))
        return None if stop.is_set() or self.resting or self.over is not None else time.monotonic()

    def blocked(self, began: float) -> bool:
        """Note that a search was blocked; return whether the engine is not asked any more.

        Searches that were under way when the first was blocked are part of the first.
        """
        with self._lock:
            again = self._blocked_at is not None and began > self._blocked_at
            if again:
                self._end(State.BLOCKED, f"{self.engine} blocked searches twice")
            elif self._blocked_at is None:
                self._blocked_at = time.monotonic()
                self._next = self.rests_until = self._blocked_at + self.rest
                log.warning("%s blocked a search; it is not used for %.0f minutes", self.engine, self.rest / 60)
            return again

    def read(self, changed: bool) -> None:
        """Note whether a page could not be read; an engine whose page has changed is not asked for every name."""
        with self._lock:
            if not changed:
                self._unread = None
            elif self._unread is not None:
                self._unread += 1
                if self._unread >= CHANGED:
                    self._end(State.LAYOUT_CHANGED, f"{CHANGED} pages of {self.engine} in a row could not be read")

    def _end(self, state: State, why: str) -> None:
        if self.over is None:
            self.over = Results(state, note=why)
            log.warning("%s; it is not used again in this run", why)


class Tasks:
    """The searches of a run. A name's first search needs a free slot; those that follow have their name's."""

    def __init__(self, first: Iterable[Task], paces: Mapping[str, Pace], slots: int) -> None:
        self.paces = paces
        self.stop = threading.Event()
        self._fresh, self._next = deque(first), deque[Task]()
        self._slots = slots
        self._waiting = self._starting = 0
        self._changed = threading.Condition()

    def peek(self, patience: float, ready: bool = True) -> Task | None:
        """Return a task that may be taken now, after waiting so many seconds for one.

        A bot is `ready` when it has a browser, and is then counted on where a task comes.
        """
        end = time.monotonic() + patience
        with self._changed:
            self._waiting += ready
            while not self.stop.is_set():
                task = self._find()
                left = end - time.monotonic()
                if task is not None or left <= 0:
                    break
                self._changed.wait(min(left, 1.0))  # a rest ends without notice
            self._waiting -= ready
            return None if self.stop.is_set() else task

    def take(self) -> Task | None:
        """Take the task that comes next, if there is one."""
        with self._changed:
            task = None if self.stop.is_set() else self._find()
            if task is None:
                return None
            if task in self._next:
                self._next.remove(task)
            else:
                self._fresh.popleft()
                self._slots -= 1
            return task

    @contextmanager
    def start(self) -> Iterator[bool]:
        """Note that a bot is starting its browser; yield False where there is work for no more browsers."""
        with self._changed:
            fresh = 0 if not self._fresh or self._rests(self._fresh[0]) else min(self._slots, len(self._fresh))
            enough = self._waiting + self._starting >= fresh + sum(not self._rests(task) for task in self._next)
            self._starting += 1
        try:
            yield not enough
        finally:
            with self._changed:
                self._starting -= 1

    def put(self, task: Task) -> None:
        """Add a search for a name that has been searched for: one that was lost, another engine, or a deeper one."""
        with self._changed:
            self._next.append(task)
            self._changed.notify_all()

    def release(self) -> None:
        """Note that a name is finished, so that another may be searched for."""
        with self._changed:
            self._slots += 1
            self._changed.notify_all()

    def close(self) -> None:
        """Hand out nothing more."""
        self.stop.set()
        with self._changed:
            self._changed.notify_all()

    def _find(self) -> Task | None:
        free = (task for task in self._next if not self._rests(task))
        fresh = self._fresh[0] if self._fresh and self._slots > 0 and not self._rests(self._fresh[0]) else None
        return next(free, fresh)

    def _rests(self, task: Task) -> bool:
        pace = self.paces[task.engine]
        return bool(pace.resting) and pace.over is None
