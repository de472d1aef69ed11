"""One bot: a thread that takes searches, with a browser of its own where one is needed, and survives its death."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from facekit.commands.scrape.browsers import DEATHS, Browsers, brief
from facekit.commands.scrape.evidence import Evidence, look
from facekit.commands.scrape.tasks import Searched, Task, Tasks
from facekit.sources.engines import Engine, Results, State

if TYPE_CHECKING:
    import requests
    from selenium.webdriver.remote.webdriver import WebDriver

    from facekit.sources.browser import Browser

log = logging.getLogger(__name__)

REQUEUES = 2
"""How often a name is searched for again after its browser died, and a browser started after one did not."""

RECYCLE = 25
"""Searches after which a browser, which only grows, is replaced."""

HEAVY = 800_000_000
"""Bytes of memory beyond which it is replaced at once."""

WEIGH = 5
"""Searches between two looks at a browser's memory, which take a tenth of a second."""

IDLE = 20.0
"""Seconds without a search after which a bot closes its browser."""


class Tools(NamedTuple):
    """What bots search with: engines by name, and what makes the browser or the session that these drive."""

    engines: Mapping[str, Callable[[], Engine]]
    browser: Callable[[], Browser]
    session: Callable[[], requests.Session]


@dataclass
class Status:
    """What one bot is doing, for a person to look at."""

    state: str = "starting"
    label: str = ""
    found: int = 0
    """Candidates of all its searches."""
    searches: int = 0


class Bot:
    """One bot: what its thread does, and what others may look at meanwhile."""

    def __init__(
        self, number: int, tasks: Tasks, browsers: Browsers, tools: Tools, done: Callable[[Searched], None]
    ) -> None:
        self._number, self._tasks, self._browsers, self._tools, self._done = number, tasks, browsers, tools, done
        self.status = Status()
        self.browser: Browser | None = None
        self.since: float | None = None
        """When the search under way began."""
        self._searches = self._failures = 0
        self._engines: dict[str, Engine] = {}
        self._session: requests.Session | None = None

    def run(self) -> None:
        """Search until the run is over, or no browser starts while others have theirs."""
        try:
            while not self._tasks.stop.is_set() and self._failures <= REQUEUES:
                self.status.state = "waiting"
                task = self._tasks.peek(IDLE, self.browser is not None)
                if task is None:
                    self._close()
                elif self._ready(task.engine) and (taken := self._tasks.take()) is not None:
                    self._serve(taken)
        finally:
            self.status.state, self.status.label = "ended", ""
            self._close()
            if self._session is not None:
                self._session.close()

    def stop(self) -> None:
        """End the waiting of engines that ask a busy API, where there is no browser to kill. From any thread."""
        for engine in list(self._engines.values()):
            stop: Callable[[], None] | None = getattr(engine, "stop", None)
            if stop is not None:
                stop()

    def _ready(self, engine: str) -> bool:
        """Have what an engine drives before a search is taken: starting a browser may take long."""
        pace = self._tasks.paces[engine]
        if self.browser is not None or pace.over is not None or not self._engine(engine).needs_browser:
            return True
        with self._tasks.start() as worth:
            if worth:
                self._start()
        if not worth:
            self._tasks.stop.wait(0.2)
        return self.browser is not None

    def _start(self) -> None:
        self.status.state = "starting"
        browser = self._tools.browser()
        try:
            self._browsers.start(browser)
        except DEATHS as error:
            self._failures += 1
            if not self._tasks.stop.is_set():
                log.warning("bot %d has no browser (%s)", self._number + 1, brief(error))
            self._tasks.stop.wait(0.5 * self._failures)
        else:
            self.browser, self._searches, self._failures = browser, 0, 0

    def _serve(self, task: Task) -> None:
        over = self._tasks.paces[task.engine].over
        if over is not None:
            self._done(Searched(task, self._number, over, over.note))
            return
        driver = self._driver(task.engine)
        if driver is None:  # another search was taken than the one that was looked at
            self._tasks.put(task)
            return
        try:
            self._search(task, driver)
        except DEATHS as error:
            self._recover(task, error)
        finally:
            self.since = None
        if self._is_worn():
            self._close()

    def _search(self, task: Task, driver: WebDriver | requests.Session) -> None:
        self.status.label, self.status.state = task.label, "waiting"
        began = self._tasks.paces[task.engine].wait(self._tasks.stop)
        if began is None:
            self._tasks.put(task)
            return
        self.status.state, self.since = "searching", time.monotonic()
        results = self._engine(task.engine).search(driver, task.search)
        self._searches += 1
        evidence = self._evidence(task.engine, results) if results.state is State.LAYOUT_CHANGED else None
        # Before the result is handed on, so that nobody starts another browser while this one is busy.
        self._leave(task.engine)
        self._judge(task, results, began, evidence)

    def _judge(self, task: Task, results: Results, began: float, evidence: Evidence | None) -> None:
        pace = self._tasks.paces[task.engine]
        if results.state is State.BLOCKED and not pace.blocked(began):
            self._tasks.put(task)
            return
        if results.state not in (State.BLOCKED, State.CONSENT):
            pace.read(results.state is State.LAYOUT_CHANGED)
        self.status.found += len(results.candidates)
        self.status.searches += 1
        self._done(Searched(task, self._number, results, results.note, evidence))

    def _leave(self, engine: str) -> None:
        """Leave the page of a search; a browser that cannot is closed."""
        if self.browser is None or not self._engine(engine).needs_browser:
            return
        try:
            self.browser.leave()
        except DEATHS as error:
            log.info("a page could not be left (%s)", self.browser.cause or brief(error))
            self._close()

    def _evidence(self, engine: str, results: Results) -> Evidence | None:
        if self.browser is not None and self._engine(engine).needs_browser:
            return look(self.browser)
        return Evidence(text=results.page) if results.page else None

    def _recover(self, task: Task, error: Exception) -> None:
        if self._tasks.stop.is_set():
            return
        why = (self.browser.cause if self.browser is not None else "") or brief(error)
        log.warning("a search for %s failed (%s)", task.search.query, why)
        last, evidence = task.deaths >= REQUEUES, None
        if self._engine(task.engine).needs_browser:
            evidence = look(self.browser) if last and self.browser is not None else None
            self._close()
        if last:
            self._done(Searched(task, self._number, None, why, evidence))
        else:
            self._tasks.put(task._replace(deaths=task.deaths + 1))
            self._tasks.stop.wait(0.5 * (1 + task.deaths))

    def _is_worn(self) -> bool:
        if self.browser is None or self._searches == 0:
            return False
        return self._searches >= RECYCLE or (self._searches % WEIGH == 0 and self.browser.memory() > HEAVY)

    def _engine(self, name: str) -> Engine:
        if name not in self._engines:
            self._engines[name] = self._tools.engines[name]()
        return self._engines[name]

    def _driver(self, engine: str) -> WebDriver | requests.Session | None:
        if self._engine(engine).needs_browser:
            return self.browser.driver if self.browser is not None else None
        if self._session is None:
            self._session = self._tools.session()
        return self._session

    def _close(self) -> None:
        if self.browser is not None:
            browser, self.browser = self.browser, None
            self._browsers.close(browser)
