"""All bots of a run: started, watched, and ended together."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from types import TracebackType
from typing import Self

from facekit.base.contract import FacekitError
from facekit.commands.scrape.bot import Bot, Status, Tools
from facekit.commands.scrape.browsers import Browsers
from facekit.commands.scrape.tasks import Searched, Tasks

log = logging.getLogger(__name__)

HANG = 300.0
"""Seconds after which a search counts as hung, whatever its browser still answers."""


class Bots:
    """As many bots as asked for, as a context manager; leaving it ends every browser.

    `done` is called from the bots' threads, `failed` with what ended one.
    """

    def __init__(
        self,
        tasks: Tasks,
        count: int,
        tools: Tools,
        done: Callable[[Searched], None],
        failed: Callable[[BaseException], None],
    ) -> None:
        self.tasks, self._failed = tasks, failed
        self._browsers = Browsers(tasks.stop)
        self._bots = [Bot(number, tasks, self._browsers, tools, done) for number in range(count)]
        self._threads: list[Future[None]] = []
        self._executor = ThreadPoolExecutor(max(1, count), "facekit-bot")

    @property
    def statuses(self) -> list[Status]:
        """What each bot is doing."""
        return [bot.status for bot in self._bots]

    def __enter__(self) -> Self:
        """Start to search."""
        for bot in self._bots:
            thread = self._executor.submit(bot.run)
            thread.add_done_callback(self._ended)
            self._threads.append(thread)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End every browser: at once when something went wrong, in good order when all is searched."""
        self.tasks.close()
        for bot in self._bots if kind is not None else ():
            bot.stop()
        while kind is not None and not all(thread.done() for thread in self._threads):
            with suppress(KeyboardInterrupt):  # pressed again: the browsers have to be ended all the same
                self._browsers.kill()
                time.sleep(0.05)
        self._executor.shutdown()

    def watch(self) -> None:
        """Kill the browser of every bot whose search hangs; the bot then does what it does after any death."""
        now = time.monotonic()
        for bot in self._bots:
            if bot.browser is not None and bot.since is not None and now - bot.since > HANG:
                log.warning("a search for %s has hung for %.0f seconds", bot.status.label, now - bot.since)
                bot.since = None
                bot.browser.kill()

    def _ended(self, thread: Future[None]) -> None:
        error = thread.exception()
        if error is None and not self.tasks.stop.is_set() and all(one.status.state == "ended" for one in self._bots):
            error = FacekitError("no bot could keep a browser running; see `facekit doctor`")
        if error is not None:
            self._failed(error)
