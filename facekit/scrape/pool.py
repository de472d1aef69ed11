"""One pool of downloads for all bots, and the manners it keeps towards each host."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import NamedTuple, Self

from facekit.engines import Candidate
from facekit.scrape.download import Fetcher, Picture, Refused, host_of

AT_ONCE = 2
"""Downloads under way at one host."""

GAP, GAP_MOST = 0.25, 60.0
"""Seconds between two starts at a host: the least, and the most that a slow one brings upon itself."""

STRIKES, REST = 5, 900.0
"""After so many 403, 429 and time-outs in a row a host is left alone for so many seconds."""


class Outcome(NamedTuple):
    """How a download ended: `picture`, or why there is none."""

    picture: Picture | None
    refused: Refused | None
    seconds: float


@dataclass
class _Host:
    running: int = 0
    gap: float = GAP
    free_at: float = 0.0
    strikes: int = 0
    rests_until: float = 0.0


class Hosts:
    """When the next download may start at a host. `polite` is False for servers on this machine alone."""

    def __init__(self, polite: bool) -> None:
        self.polite = polite
        self._hosts: defaultdict[str, _Host] = defaultdict(_Host)

    def wait(self, host: str, now: float) -> float:
        """Return the seconds until a start is allowed; infinite while enough are under way."""
        state = self._hosts[host]
        if not self.polite:
            return 0.0
        return float("inf") if state.running >= AT_ONCE else max(0.0, state.free_at - now)

    def resting(self, host: str, now: float) -> bool:
        """Return whether the host has refused so often that it is left alone."""
        return self.polite and now < self._hosts[host].rests_until

    def began(self, host: str, now: float) -> None:
        """Note a start."""
        state = self._hosts[host]
        state.running += 1
        state.free_at = now + state.gap

    def ended(self, host: str, now: float, outcome: Outcome) -> None:
        """Note an end: a slow host is asked less often, and sooner again only after it has delivered."""
        state = self._hosts[host]
        state.running -= 1
        fair = outcome.seconds / AT_ONCE
        gap = min(max(fair, (state.gap + fair) / 2, GAP), GAP_MOST)
        state.gap = gap if outcome.refused is None else max(gap, state.gap)
        turned_away = outcome.refused is not None and outcome.refused.reason in ("http 403", "http 429", "timed out")
        state.strikes = state.strikes + 1 if turned_away else 0
        if state.strikes >= STRIKES:
            state.rests_until, state.strikes = now + REST, 0


@dataclass(eq=False)
class Job:
    """One candidate that waits for its download, or is under way."""

    candidate: Candidate
    done: Callable[[Outcome], None]
    """Called in the thread that pumps."""
    tries: int = 0
    not_before: float = 0.0
    host: str = field(init=False)

    def __post_init__(self) -> None:
        self.host = host_of(self.candidate.url)


class Downloads:
    """Threads that fetch, as a context manager. Jobs start in the order in which they were added, hosts permitting.

    `post` is called from the threads, with what the owner is to call in its own thread.
    """

    def __init__(
        self, fetcher: Fetcher, threads: int, hosts: Hosts, post: Callable[[Callable[[], None]], None]
    ) -> None:
        self.fetcher, self.hosts, self._post = fetcher, hosts, post
        self._threads = threads
        self._executor = ThreadPoolExecutor(threads, "facekit-fetch")
        self._waiting: list[Job] = []
        self._running = 0

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End what is under way; nobody waits for it any more."""
        self._executor.shutdown(wait=False, cancel_futures=True)
        self.fetcher.close()
        self._executor.shutdown(wait=kind is None)

    def add(self, job: Job) -> None:
        """Let a job wait for its turn."""
        self._waiting.append(job)

    def pump(self) -> float:
        """Start what may start now; return the seconds until more may, at most one."""
        now = time.monotonic()
        soonest, later = 1.0, []
        waiting, self._waiting = self._waiting, []  # a job that is done may add others
        for job in waiting:
            if self.hosts.resting(job.host, now):
                job.done(Outcome(None, Refused("host refuses", job.host), 0.0))
                continue
            wait = max(job.not_before - now, self.hosts.wait(job.host, now))
            if self._running < self._threads and wait <= 0:
                self._start(job, now)
            else:
                soonest = min(soonest, max(wait, 0.01))
                later.append(job)
        self._waiting = later + self._waiting
        return soonest

    def _finish(self, job: Job, outcome: Outcome) -> None:
        """Take a job's end: hand it on, or let it wait for another try."""
        self._running -= 1
        now = time.monotonic()
        self.hosts.ended(job.host, now, outcome)
        if outcome.refused is not None and outcome.refused.again is not None:
            again = replace(job, tries=job.tries + 1, not_before=now + outcome.refused.again)
            self._waiting.insert(0, again)
        else:
            job.done(outcome)

    def _start(self, job: Job, now: float) -> None:
        self._running += 1
        self.hosts.began(job.host, now)
        future = self._executor.submit(self._fetch, job)
        # result() in the owner's thread: a bug in a fetch is raised there, with its traceback.
        future.add_done_callback(lambda done: self._post(lambda: self._finish(job, done.result())))

    def _fetch(self, job: Job) -> Outcome:
        began = time.monotonic()
        try:
            picture = self.fetcher.fetch(job.candidate.url, job.candidate.page_url, job.tries)
        except Refused as refused:
            return Outcome(None, refused, time.monotonic() - began)
        return Outcome(picture, None, time.monotonic() - began)
