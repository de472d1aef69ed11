"""One download pool for all bots: each thread takes the first job whose host is ready."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Self

from facekit.commands.scrape.checks import HOST_REFUSES
from facekit.commands.scrape.download import Elsewhere, Fetcher, Refused, host_of
from facekit.commands.scrape.politeness import Hosts, Outcome
from facekit.sources.engines import Candidate

__all__ = ["Downloads", "Hosts", "Job", "Outcome", "Queue"]

FOREVER = 3600.0
"""Seconds that a thread waits where nothing but new work can give it something to do."""

WATCH = 1.0
"""Seconds after which the owner looks around though nothing has ended."""


@dataclass(eq=False)
class Job:
    """One candidate that waits for its download, or is under way."""

    candidate: Candidate
    done: Callable[[Outcome], None]
    """Called in the owner's thread."""
    tries: int = 0
    not_before: float = 0.0
    hops: int = 0
    url: str = ""
    """Where redirects have led by now."""
    place: int = 0
    """Its place among all jobs; kept while it waits for another try."""
    host: str = field(init=False)

    def __post_init__(self) -> None:
        self.url = self.url or self.candidate.url
        self.host = host_of(self.url)


class Queue:
    """Jobs by host, so that neither a slow host nor thousands of waiting jobs cost those that may start.

    A host stands in `_ready` under the place of its first job, or in `_pausing` under the time at which it may be
    asked again, or, with enough under way, in neither. An entry of `_ready` whose job has gone is passed over.
    """

    def __init__(self, hosts: Hosts) -> None:
        self.hosts = hosts
        self._jobs: defaultdict[str, list[tuple[int, Job]]] = defaultdict(list)
        self._ready: list[tuple[int, str]] = []
        self._pausing: list[tuple[float, str]] = []
        self._paused: set[str] = set()
        self._later: list[tuple[float, int, Job]] = []

    def put(self, job: Job, now: float) -> None:
        """Let a job wait for its turn."""
        if job.not_before > now:
            heapq.heappush(self._later, (job.not_before, job.place, job))
            return
        jobs = self._jobs[job.host]
        heapq.heappush(jobs, (job.place, job))
        if jobs[0][1] is job:
            self.touch(job.host, now)

    def touch(self, host: str, now: float) -> None:
        """Give a host its place in line, after its first job or its state has changed."""
        jobs = self._jobs.get(host)
        if not jobs:
            self._jobs.pop(host, None)
            return
        wait = 0.0 if self.hosts.resting(host, now) else self.hosts.wait(host, now)
        if wait <= 0:
            heapq.heappush(self._ready, (jobs[0][0], host))
        elif wait < float("inf") and host not in self._paused:
            self._paused.add(host)
            heapq.heappush(self._pausing, (now + wait, host))

    def wake(self, now: float) -> None:
        """Move to the line whatever has waited long enough."""
        while self._later and self._later[0][0] <= now:
            self.put(heapq.heappop(self._later)[2], now)
        while self._pausing and self._pausing[0][0] <= now:
            host = heapq.heappop(self._pausing)[1]
            self._paused.discard(host)
            self.touch(host, now)

    def take(self, now: float) -> Job | None:
        """Return the first job whose host may be asked, or has to be left alone; the caller says which by `touch`."""
        while self._ready:
            place, host = heapq.heappop(self._ready)
            jobs = self._jobs.get(host)
            if jobs and jobs[0][0] == place and (self.hosts.resting(host, now) or self.hosts.wait(host, now) <= 0):
                return heapq.heappop(jobs)[1]
        return None

    def soonest(self, now: float) -> float:
        """Return the seconds until `wake` has something to do; infinite for never."""
        times = [line[0][0] for line in (self._later, self._pausing) if line]
        return max(0.0, min(times) - now) if times else float("inf")


class Downloads:
    """Threads that fetch, as a context manager. Jobs start in the order in which they were added, hosts permitting.

    `post` is called from the threads, with what the owner is to call in its own thread. The threads need the owner
    for nothing else: while it writes one picture, the next ones are on their way.
    """

    def __init__(
        self, fetcher: Fetcher, threads: int, hosts: Hosts, post: Callable[[Callable[[], None]], None]
    ) -> None:
        self.fetcher, self.hosts, self._post = fetcher, hosts, post
        self._threads = threads
        self._executor = ThreadPoolExecutor(threads, "facekit-fetch")
        self._queue = Queue(hosts)
        self._places = itertools.count(1)
        self._turn = threading.Condition()
        """Held by a thread that looks at queue or hosts."""
        self._alarm = float("inf")
        """When the first of the threads that wait for a host's pause to end wakes up."""
        self._over = False

    def __enter__(self) -> Self:
        """Begin."""
        for _ in range(self._threads):
            self._executor.submit(self._work).add_done_callback(self._ended)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End what is under way; nobody waits for it any more."""
        with self._turn:
            self._over = True
            self._turn.notify_all()
        self._executor.shutdown(wait=False, cancel_futures=True)
        self.fetcher.close()
        self._executor.shutdown(wait=kind is None)

    def add(self, job: Job) -> None:
        """Let a job wait for its turn."""
        with self._turn:
            job.place = next(self._places)
            self._queue.put(job, time.monotonic())
            self._turn.notify()

    def pump(self) -> float:
        """Return the seconds for which the owner may wait for the next end."""
        return WATCH

    def _work(self) -> None:
        while (job := self._next()) is not None:
            self._finish(job, self._fetch(job))

    def _ended(self, thread: Future[None]) -> None:
        """Raise a bug in the owner's thread, with its traceback."""
        if thread.exception() is not None:
            self._post(thread.result)

    def _next(self) -> Job | None:
        """Wait for a job that may start; None when all is over."""
        with self._turn:
            while not self._over:
                now = time.monotonic()
                self._queue.wake(now)
                job = self._queue.take(now)
                if job is None:
                    self._wait(now)
                elif self.hosts.resting(job.host, now):
                    self._queue.touch(job.host, now)
                    self._hand_on(job, Outcome(None, Refused(HOST_REFUSES, job.host), 0.0))
                else:
                    self.hosts.began(job.host, now)
                    self._queue.touch(job.host, now)
                    self._turn.notify()  # another thread: there may be another item, and one has to watch the time
                    return job
            return None

    def _wait(self, now: float) -> None:
        """Wait for new work; of all that wait, one wakes when the first pause ends."""
        until = now + min(self._queue.soonest(now), FOREVER)
        if until >= self._alarm:
            self._turn.wait()
            return
        self._alarm = until
        self._turn.wait(until - now)
        self._alarm = float("inf")

    def _finish(self, job: Job, outcome: Outcome) -> None:
        """Take a job's end: hand it on, or let it wait for another try, or for another host."""
        refused, again = outcome.refused, None
        with self._turn:
            now = time.monotonic()
            self.hosts.ended(job.host, now, outcome)
            if isinstance(refused, Elsewhere):
                again = replace(job, url=refused.url, hops=refused.hops)
            elif refused is not None and refused.again is not None:
                again = replace(job, tries=job.tries + 1, not_before=now + refused.again)
            if again is not None:
                self._queue.put(again, now)
            self._queue.touch(job.host, now)
        if again is None:
            self._hand_on(job, outcome)

    def _hand_on(self, job: Job, outcome: Outcome) -> None:
        self._post(lambda: job.done(outcome))

    def _fetch(self, job: Job) -> Outcome:
        began = time.monotonic()
        seconds = None
        try:
            roam = not self.hosts.polite
            answer = self.fetcher.get(job.url, job.candidate.page_url, job.tries, job.hops, roam)
            seconds = answer.latency
            picture, dhash = self.fetcher.judge(answer)
        except Refused as refused:
            return Outcome(None, refused, time.monotonic() - began if seconds is None else seconds)
        return Outcome(picture, None, seconds, dhash)
