"""Map a function over many items with threads, processes or the workers of a cluster; results keep their order."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import wait
from pathlib import Path
from typing import Literal, Protocol, TypeVar

from facekit.base.spawning import Context

T = TypeVar("T")
R = TypeVar("R")
Kind = Literal["threads", "processes"]


class Cluster(Protocol):
    """Workers on other machines, which read the pictures themselves; `facekit.base.cluster` has one of Dask's."""

    jobs: int
    """Threads of this process, for what is not sent away."""

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """Yield `function(item)` for each item, in order. Both are pickled, so the function is no closure."""

    def must_see(self, root: Path, paths: Sequence[str]) -> None:
        """Remember files of a folder, of which each worker must see the same as this process, before it does anything.

        The paths are relative to the folder, or absolute.
        """


Jobs = int | Cluster
"""Who does the work: a number of threads or processes of this machine, 0 for one a core, or a cluster."""


def workers(jobs: Jobs) -> int:
    """Return how many workers of this machine `--jobs` means; with 0 one for each core that this process may use."""
    jobs = here(jobs)
    if jobs > 0:
        return jobs
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def here(jobs: Jobs) -> int:
    """Return the number of workers of this machine, for work that cannot be sent to a cluster."""
    return jobs if isinstance(jobs, int) else jobs.jobs


def must_see(jobs: Jobs, root: Path, paths: Sequence[str]) -> None:
    """Have the workers of a cluster checked for files that they will read; threads see what this process sees."""
    if not isinstance(jobs, int):
        jobs.must_see(root, paths)


def ordered_map(function: Callable[[T], R], items: Iterable[T], jobs: Jobs = 0, pool: Kind = "threads") -> Iterator[R]:
    """Yield `function(item)` for each item, in order, while a bounded number is under way.

    On a cluster, `pool` does not matter. Closing the iterator, or an error in it, cancels what has not begun.
    """
    if not isinstance(jobs, int):
        yield from jobs.map(function, items)
        return
    with _executor(pool, workers(jobs)) as executor:
        # Enough ahead that no worker waits for a slow neighbour, few enough that results stay small.
        ahead = 4 * workers(jobs)
        pending: deque[Future[R]] = deque()
        try:
            for item in items:
                pending.append(executor.submit(function, item))
                if len(pending) > ahead:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()


@contextmanager
def _executor(pool: Kind, count: int) -> Iterator[Executor]:
    executor: Executor
    if pool == "threads":
        executor = ThreadPoolExecutor(count)
    else:
        # Spawned, not forked: a fork of a process that has threads (TensorFlow, a pool) can hang.
        executor = ProcessPoolExecutor(count, mp_context=Context(), initializer=_begin_worker)
    try:
        yield executor
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def _begin_worker() -> None:
    """Leave Ctrl-C to the parent, and die with it: a worker outlives a killed parent otherwise."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_die_with, args=(parent.sentinel,), daemon=True).start()


def _die_with(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)
