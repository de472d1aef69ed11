"""Map a function over many items with threads, processes or any executor; results keep the order of the items."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import wait
from typing import Literal, TypeVar

from facekit.base.spawning import Context

T = TypeVar("T")
R = TypeVar("R")
Kind = Literal["threads", "processes"]


def workers(jobs: int) -> int:
    """Return how many workers `--jobs` means: that number, or with 0 one for each core that this process may use."""
    if jobs > 0:
        return jobs
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def ordered_map(
    function: Callable[[T], R],
    items: Iterable[T],
    jobs: int = 0,
    pool: Kind | Executor = "threads",
) -> Iterator[R]:
    """Yield `function(item)` for each item, in order, while a bounded number is under way.

    `pool` may be any `concurrent.futures` executor, such as that of a Dask client, which is left
    running. Closing the iterator, or an error in it, cancels what has not begun.
    """
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
def _executor(pool: Kind | Executor, count: int) -> Iterator[Executor]:
    if isinstance(pool, Executor):
        yield pool
        return
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
