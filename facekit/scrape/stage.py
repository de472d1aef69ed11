"""The stage: bots search, one pool downloads, and one thread, the caller's, writes."""

from __future__ import annotations

import logging
import math
import queue
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import psutil

from facekit import browser, plugins
from facekit.contract import FacekitError, Record, Rejection, Report, Source, Track, quiet
from facekit.dataset import REMOVED, Output
from facekit.engines import Engine, is_loopback, is_web
from facekit.options import Scrape
from facekit.parallel import workers
from facekit.scrape import names as naming
from facekit.scrape.bots import REST, Bots, Pace, Searched, Task
from facekit.scrape.download import Fetcher, Rules, user_agent
from facekit.scrape.keep import STAGE, Picker, Shelf
from facekit.scrape.pool import Downloads, Hosts
from facekit.scrape.state import BLOCKED, Keyword, States, is_finished

log = logging.getLogger(__name__)

THREADS = 32
SURPLUS = 1.5
"""Candidates to collect for each picture wanted: 75 to 90 in 100 fresh links still lead to one."""

AHEAD = 8
"""Downloads under way or waiting to be taken in rank order, for each thread: what bounds memory."""

BOT_MEMORY = 0.4e9


def scrape(options: Scrape, track: Track = quiet) -> Report:
    """Search for each name and keep its `per_name` best-ranked pictures, a folder a name, as they were found.

    Raises FacekitError: no names, no browser, a folder that is not this stage's, every search blocked, nothing found.
    """
    asked, notices = naming.merge(naming.read_names(options.names))
    engine = _engine(options)
    user_agent(options.contact)  # refused now, not by the first download
    with Output(options.output, STAGE, options) as out:
        states = States(options.output, write=not options.dry_run)
        if options.overwrite:
            states.clear()
        run = _Run(options, out, states, asked, notices)
        if options.dry_run:
            return run.plan()
        if run.open:
            notices += _warn(options, engine(), len(run.open))
            run.work(engine, track)
        return run.finish()


class _Run:
    """One run over one folder."""

    def __init__(self, options: Scrape, out: Output, states: States, asked: list[str], notices: list[str]) -> None:
        self.options, self.out, self.states, self.notices = options, out, states, notices
        self.shelf = Shelf(out, states)
        self.sources = dict(out.sources)
        self.asked = self._keywords(asked)
        self.open = [keyword for keyword in self.asked if not is_finished(keyword)]
        self._events: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._pickers: dict[str, Picker] = {}

    def plan(self) -> Report:
        """Say what would be searched for."""
        report = self.out.report()
        report.details = {
            "would_search": [k.name for k in self.open if not k.candidates],
            "would_keep": sum(self.options.per_name - len(k.kept) for k in self.open),
            "folders": {k.name: k.label for k in self.asked},
            "notices": self.notices,
        }
        return report

    def work(self, engine: Callable[[], Engine], track: Track) -> None:
        """Search and download until every name is finished, blocked or failed."""
        near = is_loopback(engine().base_url)
        pace = Pace(0.0 if near else self.options.search_interval, 0.0 if near else REST)
        tasks = [Task(k.label, naming.words(k.name, self.options.query)) for k in self.open if not k.candidates]
        browser.sweep()
        found = browser.find() if tasks else browser.Found(None, None)
        wanted = math.ceil(SURPLUS * self.options.per_name)
        threads = self.options.jobs or THREADS
        for keyword in self.open:
            if keyword.candidates:
                self._pick(keyword)
        fetcher = Fetcher(_rules(self.options, near), self.options.contact)
        with (
            Downloads(fetcher, threads, Hosts(not near), self._events.put) as downloads,
            Bots(tasks, self.options.bots, engine, wanted, pace, self._searched, self._broken, found) as bots,
        ):
            for _ in track(self._loop(downloads, bots, AHEAD * threads), STAGE, self._total()):
                pass

    def finish(self) -> Report:
        """Put records and lines in order and say how each name fared. Raises FacekitError where nothing was found."""
        self._check()
        asked = {keyword.label for keyword in self.asked}
        order = [k for k in self.states.names.values() if k.label not in asked] + self.asked
        records = [record for keyword in order for record in self._records(keyword)]
        # One photo may stand under two names; the first of them says where it comes from.
        self.out.sources = {record.origin: self._source(record) for record in reversed(records)}
        report = self.out.finish(records, self._rejections(order))
        self.states.tidy(order)
        report.details = self._details()
        return report

    def _keywords(self, asked: list[str]) -> list[Keyword]:
        for keyword in self.states.names.values():
            self.shelf.sort(keyword)
        known = {naming.fold(keyword.name): keyword for keyword in self.states.names.values()}
        labels = naming.labels(asked, {folded: keyword.label for folded, keyword in known.items()})
        found = []
        for name in asked:
            keyword = known.get(naming.fold(name)) or Keyword(name, labels[name])
            if keyword.label not in self.states.names:
                self.states.names[keyword.label] = keyword
                self.shelf.sort(keyword)
            found.append(keyword)
        return found

    def _total(self) -> int:
        return len(self.asked) * self.options.per_name

    def _loop(self, downloads: Downloads, bots: Bots, ahead: int) -> Iterator[int]:
        """Yield once for each picture that a name has, or will never have."""
        left = {keyword.label for keyword in self.open}
        yield from range(self._total() - sum(self.options.per_name - len(k.kept) for k in self.open))
        while left:
            for label, picker in list(self._pickers.items()):
                yield from range(picker.settle())
                if picker.over:
                    del self._pickers[label]
                    left.discard(label)
                    self.states.ended(picker.keyword, picker.state())
                    bots.release()
                    yield from range(self.options.per_name - picker.taken)
            for picker in self._pickers.values():
                picker.start(downloads, ahead - sum(other.waiting for other in self._pickers.values()))
            if left:
                self._await(downloads.pump())

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
        keyword, results = self.states.names[searched.label], searched.results
        search = str(results.state) if results else searched.note
        self.states.searched(keyword, search, results.candidates if results else [])
        if not keyword.candidates:
            log.warning("%s: %s (%s)", keyword.name, search, searched.note)
        self._pick(keyword)

    def _pick(self, keyword: Keyword) -> None:
        self._pickers[keyword.label] = Picker(keyword, self.options.per_name, self.shelf)

    def _records(self, keyword: Keyword) -> list[Record]:
        ranked = sorted(keyword.kept.values(), key=lambda source: (source.rank or 0, source.origin))
        found = (self.out.records.get((keyword.label, source.origin)) for source in ranked)
        return [record for record in found if record is not None]

    def _source(self, record: Record) -> Source:
        here = self.states.names[record.moved_from or record.label].kept[record.id]
        return here if here.url else self.sources.get(record.origin, here)

    def _rejections(self, order: Iterable[Keyword]) -> list[Rejection]:
        """Order by name, then rank; what a person removed stands behind what could not be had."""
        found: dict[str, dict[tuple[str, str], Rejection]] = {keyword.label: {} for keyword in order}
        for rejection in sorted(self.out.rejected, key=self._place):
            found.setdefault(rejection.label, {})[rejection.id, rejection.reason] = rejection
        return [rejection for label in found for rejection in found[label].values()]

    def _place(self, rejection: Rejection) -> int:
        if rejection.reason != REMOVED:
            return -1  # already in order of rank
        keyword = self.states.names.get(rejection.label)
        source = keyword.kept.get(rejection.id) if keyword else None
        return (source.rank or 0) if source else 0

    def _check(self) -> None:
        if any(keyword.kept for keyword in self.asked):
            return
        if all(keyword.state == BLOCKED for keyword in self.asked):
            raise FacekitError(
                f"{self.options.engine} blocked every search; wait some hours, then go on with fewer --bots "
                "or a longer --search-interval"
            )
        searches = Counter(keyword.search for keyword in self.asked)
        left = Counter(r.reason for r in self.out.rejected)
        said = ", ".join(f"{count} {what}" for what, count in [*searches.most_common(3), *left.most_common(3)])
        raise FacekitError(
            f"no picture was found for any of {len(self.asked)} names ({said}); try other names or another --engine"
        )

    def _details(self) -> dict[str, Any]:
        wanted, removed = self.options.per_name, Counter(label for label, _ in self.shelf.removed)
        names = {
            k.name: {
                "folder": k.label,
                "state": k.state,
                "search": k.search,
                "kept": len(k.kept) - removed[k.label],
                "removed": removed[k.label],
            }
            for k in self.asked
        }
        short = {k.name: wanted - len(k.kept) for k in self.asked if len(k.kept) < wanted}
        return {"names": names, "short": short, "notices": self.notices}


def _engine(options: Scrape) -> Callable[[], Engine]:
    cls = plugins.load("engine", options.engine)
    if options.base_url is not None and not is_web(options.base_url):
        raise FacekitError(f"--base-url is {options.base_url!r}; give an address that begins with http:// or https://")
    if "{name}" not in options.query:
        raise FacekitError(f"--query is {options.query!r}; it must hold {{name}}")

    def make() -> Engine:
        engine: Engine = cls(options.base_url)
        return engine

    return make


def _rules(options: Scrape, near: bool) -> Rules:
    if near:
        return Rules(min_side=options.min_side, loopback=True, backoff=0.05, retry_after=0)
    return Rules(min_side=options.min_side)


def _warn(options: Scrape, engine: Engine, names: int) -> list[str]:
    notices, bots = [], min(options.bots, names)
    if bots > 2 * workers(0):
        notices.append(f"{bots} bots on {workers(0)} cores hinder each other; --bots {2 * workers(0)} is as fast")
    if psutil.virtual_memory().available < BOT_MEMORY * bots:
        notices.append(f"{bots} bots need about {BOT_MEMORY * bots / 1e9:.1f} GB of memory, more than is free")
    if not is_loopback(engine.base_url):
        minutes = names * options.search_interval / 60
        notices.append(f"{names} searches, {options.search_interval:g} s apart, take {minutes:.0f} minutes or more")
        if not options.contact:
            notices.append("no --contact is given, so that hosts cannot reach you; give an address or a URL")
    for notice in notices:
        log.warning(notice)
    return notices
