"""Collect pictures from searches: the calling thread takes results from bots and downloads, and writes them."""

from __future__ import annotations

import logging
import queue
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from facekit.base.contract import Track
from facekit.commands.scrape.board import Watch
from facekit.commands.scrape.bots import Bots
from facekit.commands.scrape.download import Fetcher, Rules
from facekit.commands.scrape.evidence import KeptPages
from facekit.commands.scrape.keep import STAGE, Pictures, Selection
from facekit.commands.scrape.keyword import EngineSearch, Keyword
from facekit.commands.scrape.plan import Plan
from facekit.commands.scrape.pool import Downloads, Hosts
from facekit.commands.scrape.tasks import Searched, Task, Tasks
from facekit.sources.engines import State

log = logging.getLogger(__name__)

THREADS = 32

AHEAD = 8
"""Downloads under way or waiting for their turn by rank, for each thread: what bounds memory."""

NAMES_AHEAD = 8
"""Names, in addition to two per bot, that may be searched for and not yet downloaded: searching is faster."""


class Collector:
    """One run's work: searches and downloads until every name has its pictures or nothing is left to try."""

    def __init__(self, plan: Plan, pictures: Pictures, pages: KeptPages, names: Iterable[Keyword]) -> None:
        self.plan, self._pictures, self._pages = plan, pictures, pages
        self._names = list(names)
        self._per_name = plan.options.per_name
        self._events: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._selections: dict[str, Selection] = {}

    def run(self, track: Track, total: int) -> None:
        """Do it; `total` is the pictures that all names of the folder, also the finished ones, are to have."""
        options, plan = self.plan.options, self.plan
        first = list(self._resume())
        count = min(options.bots, len(self._names))
        # Names that go on where they were have candidates already, and free their slot like all others.
        slots = NAMES_AHEAD + 2 * count - (len(self._names) - len(first))
        tasks = Tasks(first, plan.paces(), slots)
        threads = options.jobs or THREADS
        fetcher = Fetcher(rules(plan), options.contact)
        with (
            plan.tools() as tools,
            Downloads(fetcher, threads, Hosts(not plan.near), self._events.put) as downloads,
            Bots(tasks, count, tools, self._searched, self._broken) as bots,
        ):
            self._watch = Watch(bots, len(self._names))
            for _ in track(self._loop(downloads, bots, AHEAD * threads, total), STAGE, total, self._watch.board):
                pass

    def _resume(self) -> Iterator[Task]:
        """Go on with the names that have been searched for; yield the first search of every other one."""
        for keyword in self._names:
            if keyword.searches:
                self._pick(keyword)
            else:
                task = self.plan.next(keyword)
                assert task is not None
                yield task

    def _loop(self, downloads: Downloads, bots: Bots, ahead: int, total: int) -> Iterator[int]:
        """Yield once for each picture that a name has, or will never have."""
        left = len(self._names)
        yield from range(total - sum(self._per_name - len(k.kept) for k in self._names))
        while left:
            for selection in list(self._selections.values()):
                kept = selection.take()
                self._watch.kept(selection.keyword.label, kept)
                self._watch.opted_out(selection.opted_out)
                yield from range(kept)
                if selection.over and self._is_finished(selection, bots):
                    left -= 1
                    yield from range(selection.missing)
            self._start(downloads, ahead)
            bots.watch()
            if left:
                self._await(downloads.pump())

    def _start(self, downloads: Downloads, ahead: int) -> None:
        free = ahead - sum(selection.waiting for selection in self._selections.values())
        for selection in self._selections.values():
            before = selection.waiting
            selection.start(downloads, free)
            free -= selection.waiting - before

    def _is_finished(self, selection: Selection, bots: Bots) -> bool:
        """End a name, or have it searched for again, elsewhere or deeper; return whether it ended."""
        keyword = selection.keyword
        del self._selections[keyword.label]
        task = self.plan.next(keyword) if selection.missing else None
        if task is not None:
            bots.tasks.put(task)
            return False
        selection.end()
        self._watch.ended(keyword.label)
        bots.tasks.release()
        return True

    def _await(self, seconds: float) -> None:
        """Take the next event, and all that have come by then."""
        try:
            self._events.get(timeout=seconds)()
            while True:
                self._events.get_nowait()()
        except queue.Empty:
            return

    def _searched(self, searched: Searched) -> None:
        self._events.put(lambda: self._take(searched))

    def _broken(self, error: BaseException) -> None:
        def fail() -> None:
            raise error

        self._events.put(fail)

    def _take(self, searched: Searched) -> None:
        task, results = searched.task, searched.results
        keyword = self._pictures.states.names[task.label]
        state = str(results.state) if results else searched.note
        candidates = self._pictures.allowed(results.candidates) if results else []
        search = EngineSearch(state, task.search.query, task.search.wanted, len(candidates))
        fresh = keyword.add(task.engine, search, candidates, self._pictures.refused(task.label))
        self._pictures.states.searched(keyword, task.engine, fresh)
        self._report(keyword, searched, state)
        self._watch.searched(task.label, searched.bot)
        self._pick(keyword)

    def _report(self, keyword: Keyword, searched: Searched, state: str) -> None:
        """Warn of a search that failed, and name the files that show why."""
        if state == State.OK:
            return
        kept = searched.evidence and self._pages.keep(keyword.label, searched.task.engine, searched.evidence)
        look = f"; see {' and '.join(map(str, kept))}" if kept else ""
        note = f" ({searched.note})" if searched.note not in ("", state) else ""
        log.warning("%s: %s: %s%s%s", keyword.name, searched.task.engine, state, note, look)

    def _pick(self, keyword: Keyword) -> None:
        self._selections[keyword.label] = Selection(keyword, self._per_name, self._pictures)


def rules(plan: Plan) -> Rules:
    """Return the limits of a download: on this machine nothing is worth waiting for."""
    limits = Rules(min_side=plan.options.min_side, opt_outs=not plan.options.ignore_opt_outs)
    return replace(limits, loopback=True, backoff=0.05, retry_after=0) if plan.near else limits
