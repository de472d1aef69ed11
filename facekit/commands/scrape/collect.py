"""From searches to pictures: one thread, the caller's, takes what bots and downloads end with, and writes."""

from __future__ import annotations

import logging
import queue
from collections.abc import Callable, Iterable, Iterator

from facekit.base.contract import Track
from facekit.commands.scrape.board import Watch
from facekit.commands.scrape.bots import Bots
from facekit.commands.scrape.choice import Choice
from facekit.commands.scrape.download import Fetcher, Rules
from facekit.commands.scrape.evidence import Drawer
from facekit.commands.scrape.keep import STAGE, Picker, Shelf
from facekit.commands.scrape.pool import Downloads, Hosts
from facekit.commands.scrape.state import Found, Keyword
from facekit.commands.scrape.tasks import Searched, Task, Tasks
from facekit.sources.engines import State

log = logging.getLogger(__name__)

THREADS = 32

AHEAD = 8
"""Downloads under way or waiting to be taken in rank order, for each thread: what bounds memory."""

NAMES_AHEAD = 8
"""Names, beside two a bot, that may be searched for and not yet downloaded: searching is faster."""


class Fill:
    """One run's work: searches and downloads until every name has its pictures or nothing is left to try."""

    def __init__(self, choice: Choice, shelf: Shelf, drawer: Drawer, names: Iterable[Keyword]) -> None:
        self.choice, self._shelf, self._drawer = choice, shelf, drawer
        self._names = list(names)
        self._per_name = choice.options.per_name
        self._events: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._pickers: dict[str, Picker] = {}

    def run(self, track: Track, total: int) -> None:
        """Do it; `total` is the pictures that all names of the folder, also the finished ones, are to have."""
        options, choice = self.choice.options, self.choice
        first = list(self._resume())
        count = min(options.bots, len(self._names))
        # Names that go on where they were have candidates already, and give their room back like all others.
        room = NAMES_AHEAD + 2 * count - (len(self._names) - len(first))
        tasks = Tasks(first, choice.paces(), room)
        threads = options.jobs or THREADS
        fetcher = Fetcher(rules(choice), options.contact)
        with (
            Downloads(fetcher, threads, Hosts(not choice.near), self._events.put) as downloads,
            Bots(tasks, count, choice.means(), self._searched, self._broken) as bots,
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
                task = self.choice.next(keyword)
                assert task is not None
                yield task

    def _loop(self, downloads: Downloads, bots: Bots, ahead: int, total: int) -> Iterator[int]:
        """Yield once for each picture that a name has, or will never have."""
        left = len(self._names)
        yield from range(total - sum(self._per_name - len(k.kept) for k in self._names))
        while left:
            for picker in list(self._pickers.values()):
                kept = picker.settle()
                self._watch.kept(picker.keyword.label, kept)
                yield from range(kept)
                if picker.over and self._is_finished(picker, bots):
                    left -= 1
                    yield from range(picker.missing)
            self._start(downloads, ahead)
            bots.watch()
            if left:
                self._await(downloads.pump())

    def _start(self, downloads: Downloads, ahead: int) -> None:
        room = ahead - sum(picker.waiting for picker in self._pickers.values())
        for picker in self._pickers.values():
            before = picker.waiting
            picker.start(downloads, room)
            room -= picker.waiting - before

    def _is_finished(self, picker: Picker, bots: Bots) -> bool:
        """End a name, or have it searched for again, elsewhere or deeper; return whether it ended."""
        keyword = picker.keyword
        del self._pickers[keyword.label]
        task = self.choice.next(keyword) if picker.missing else None
        if task is not None:
            bots.tasks.put(task)
            return False
        picker.end()
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
        keyword = self._shelf.states.names[task.label]
        state = str(results.state) if results else searched.note
        candidates = results.candidates if results else []
        found = Found(state, task.search.query, task.search.wanted, len(candidates))
        fresh = keyword.add(task.engine, found, candidates, self._shelf.refused(task.label))
        self._shelf.states.searched(keyword, task.engine, fresh)
        self._say(keyword, searched, state)
        self._watch.searched(task.label, searched.bot)
        self._pick(keyword)

    def _say(self, keyword: Keyword, searched: Searched, state: str) -> None:
        """Warn of a search that gave nothing, and name the files that show why."""
        if state == State.OK:
            return
        kept = searched.evidence and self._drawer.keep(keyword.label, searched.task.engine, searched.evidence)
        look = f"; look at {' and '.join(map(str, kept))}" if kept else ""
        note = f" ({searched.note})" if searched.note not in ("", state) else ""
        log.warning("%s: %s: %s%s%s", keyword.name, searched.task.engine, state, note, look)

    def _pick(self, keyword: Keyword) -> None:
        self._pickers[keyword.label] = Picker(keyword, self._per_name, self._shelf)


def rules(choice: Choice) -> Rules:
    """Return the limits of a download: on this machine nothing is worth waiting for."""
    if choice.near:
        return Rules(min_side=choice.options.min_side, loopback=True, backoff=0.05, retry_after=0)
    return Rules(min_side=choice.options.min_side)
