"""Browser bots: threads that take names, search for each, and survive their browser's death."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import NamedTuple, Self

import urllib3.exceptions
from selenium.common.exceptions import WebDriverException

from facekit.browser import Browser, Found
from facekit.contract import FacekitError
from facekit.engines import Engine, Results, State
from facekit.parallel import workers

log = logging.getLogger(__name__)

REQUEUES = 2
"""How often a name is searched for again after its browser died."""

RECYCLE = 25
"""Searches after which a browser, which only grows, makes room for a new one."""

AHEAD = 8
"""Names, beside two a bot, that may be searched for and not yet downloaded."""

REST = 1800.0
"""Seconds that an engine rests after it has blocked a search."""

_DEATHS = (WebDriverException, urllib3.exceptions.HTTPError, OSError)


class Task(NamedTuple):
    """One search: the folder that it is for, what to search for, and how often its browser died."""

    label: str
    query: str
    deaths: int = 0


class Searched(NamedTuple):
    """How a search ended; no `results` where its browsers died, and `note` says of what."""

    label: str
    results: Results | None
    note: str = ""


class Pace:
    """The engine's patience, shared by all bots: seconds between searches, and a rest after it blocked one."""

    def __init__(self, interval: float, rest: float = REST) -> None:
        self.interval, self.rest = interval, rest
        self._next = 0.0
        self._blocked_at: float | None = None
        self._lock = threading.Lock()

    def wait(self, stop: threading.Event) -> float:
        """Wait for a turn; return when it began."""
        with self._lock:
            turn = max(self._next, time.monotonic())
            self._next = turn + self.interval
        stop.wait(max(0.0, turn - time.monotonic()))
        return time.monotonic()

    def blocked(self, began: float) -> bool:
        """Note that a search was blocked; return whether the engine has had enough of us.

        Searches that were under way when the first was blocked are part of the first.
        """
        with self._lock:
            again = self._blocked_at is not None and began > self._blocked_at
            if self._blocked_at is None:
                self._blocked_at = time.monotonic()
                self._next = max(self._next, self._blocked_at + self.rest)
                log.warning("the engine blocked a search; all bots rest for %.0f minutes", self.rest / 60)
            return again


class Bots:
    """As many bots as asked for, as a context manager; leaving it ends every browser.

    `engine` makes an engine for each bot; `done` is called from the bots' threads, `failed` with what ended one.
    """

    def __init__(
        self,
        tasks: Iterable[Task],
        count: int,
        engine: Callable[[], Engine],
        wanted: int,
        pace: Pace,
        done: Callable[[Searched], None],
        failed: Callable[[BaseException], None],
        found: Found,
    ) -> None:
        self._tasks = deque(tasks)
        self._count = min(count, len(self._tasks))
        self._engine, self._wanted, self._pace, self._found = engine, wanted, pace, found
        self._done, self._failed = done, failed
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._browsers: set[Browser] = set()
        self._bots: list[Future[None]] = []
        # Ten browsers started at once take longer than ten started a few at a time.
        self._starts = threading.BoundedSemaphore(workers(0))
        # Searching is faster than downloading: what is found must not pile up in memory.
        self._room = threading.Semaphore(AHEAD + 2 * self._count)
        self._start_failures = 0
        self._executor = ThreadPoolExecutor(max(1, self._count), "facekit-bot")

    def __enter__(self) -> Self:
        """Begin to search."""
        for _ in range(self._count):
            bot = self._executor.submit(self._run)
            bot.add_done_callback(self._ended)
            self._bots.append(bot)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End every browser: at once when something went wrong, politely when all is searched."""
        self._stop.set()
        if kind is not None:
            while not all(bot.done() for bot in self._bots):
                with self._lock:
                    browsers = list(self._browsers)
                for browser in browsers:
                    browser.kill()
                time.sleep(0.05)
        self._executor.shutdown()

    def _ended(self, bot: Future[None]) -> None:
        error = bot.exception()
        if error is not None:
            self._failed(error)

    def release(self) -> None:
        """Say that a name is finished, so that another may be searched for."""
        self._room.release()

    def _take(self) -> Task | None:
        while not self._room.acquire(timeout=0.2):
            if self._stop.is_set():
                return None
        with self._lock:
            return self._tasks.popleft() if self._tasks and not self._stop.is_set() else None

    def _run(self) -> None:
        engine, browser, searches = self._engine(), None, 0
        try:
            while (task := self._take()) is not None:
                try:
                    if browser is None:
                        browser, searches = self._start(), 0
                    self._search(engine, browser, task)
                    searches += 1
                except _DEATHS as error:
                    self._mourn(task, error)
                    self._close(browser)
                    browser = None
                    self._stop.wait(0.5 * (1 + task.deaths))
                if searches >= RECYCLE:
                    self._close(browser)
                    browser, searches = None, 0
        finally:
            self._close(browser)

    def _search(self, engine: Engine, browser: Browser, task: Task) -> None:
        began = self._pace.wait(self._stop)
        if self._stop.is_set():
            return
        results = engine.search(browser.driver, task.query, self._wanted)
        if results.state is State.BLOCKED:
            if self._pace.blocked(began):
                self._give_up(task, results)
            else:
                self._requeue(task)
            return
        self._done(Searched(task.label, results, results.note))

    def _requeue(self, task: Task) -> None:
        with self._lock:
            self._tasks.append(task)
        self._room.release()

    def _give_up(self, task: Task, results: Results) -> None:
        """Leave what is not searched for to a later day: the second block is the engine's last word."""
        with self._lock:
            rest = [task, *self._tasks]
            self._tasks.clear()
        for left in rest:
            self._done(Searched(left.label, Results(State.BLOCKED), results.note))

    def _start(self) -> Browser:
        browser = Browser(self._found)
        with self._lock:
            self._browsers.add(browser)
        try:
            with self._starts:
                if self._stop.is_set():
                    raise InterruptedError("stopped before the browser started")
                browser.start()
        except _DEATHS as error:
            with self._lock:
                self._browsers.discard(browser)
                self._start_failures += 1
                hopeless = self._start_failures > REQUEUES
            if hopeless and not self._stop.is_set():
                raise FacekitError(f"the browser does not start ({_brief(error)}); see `facekit doctor`") from error
            raise
        self._start_failures = 0
        return browser

    def _close(self, browser: Browser | None) -> None:
        if browser is not None:
            browser.close()
            with self._lock:
                self._browsers.discard(browser)

    def _mourn(self, task: Task, error: Exception) -> None:
        if self._stop.is_set():
            return
        log.warning("a browser died while it searched for %s (%s)", task.query, _brief(error))
        if task.deaths < REQUEUES:
            self._requeue(task._replace(deaths=task.deaths + 1))
        else:
            self._done(Searched(task.label, None, _brief(error)))


def _brief(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:160] if lines else ''}"
