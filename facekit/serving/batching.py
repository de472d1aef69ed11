"""Run what several requests ask for together: a network takes sixteen faces in less than sixteen times one."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


@dataclass
class _Asked(Generic[T, R]):
    items: Sequence[T]
    answer: asyncio.Future[list[R]]


class Stopped(Exception):
    """Nothing is worked on any more."""


class Batcher(Generic[T, R]):
    """Gathers items while the work on those before goes on, and a little longer while others are on the way.

    The items of one request stay together, in order; a request of more than `most` is a batch of its own.
    """

    def __init__(
        self,
        work: Callable[[Sequence[T]], Sequence[R]],
        executor: Executor,
        most: int,
        wait: float,
        on_the_way: Callable[[], bool],
    ) -> None:
        """Take `work`, which answers each item in order, to be run by an executor.

        A batch has at most `most` items. It waits at most `wait` seconds, while `on_the_way` says that more will come.
        """
        self._work, self._executor, self._most, self._wait = work, executor, most, wait
        self._on_the_way = on_the_way
        self._asked: deque[_Asked[T, R]] = deque()
        self._batch: list[_Asked[T, R]] = []
        self._news = asyncio.Event()
        self._stopped = False

    @property
    def waiting(self) -> int:
        """How many items wait."""
        return sum(len(one.items) for one in self._asked)

    async def ask(self, items: Sequence[T]) -> list[R]:
        """Return the answers to some items, in order. Raises what the work raises, and Stopped once `run` has ended."""
        if not items:
            return []
        if self._stopped:
            raise Stopped
        one = _Asked[T, R](items, asyncio.get_running_loop().create_future())
        self._asked.append(one)
        self._news.set()
        return await one.answer

    async def run(self) -> None:
        """Work until cancelled. However it ends, nobody is left waiting."""
        try:
            while True:
                await self._news.wait()
                await self._gathered()
                self._batch = self._next()
                if self._batch:
                    await self._answered(self._batch)
        finally:
            self._stopped = True
            for one in (*self._batch, *self._asked):
                if not one.answer.done():
                    one.answer.set_exception(Stopped())

    async def _gathered(self) -> None:
        """Wait until the batch is full, nobody else is on the way, or the time is over."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._wait
        while self.waiting < self._most and self._on_the_way() and loop.time() < until:
            self._news.clear()
            try:
                await asyncio.wait_for(self._news.wait(), max(0.0, min(until - loop.time(), 0.002)))
            except TimeoutError:
                continue

    def _next(self) -> list[_Asked[T, R]]:
        batch, count = list[_Asked[T, R]](), 0
        while self._asked and (not batch or count + len(self._asked[0].items) <= self._most):
            one = self._asked.popleft()
            if not one.answer.done():  # whoever asked has gone
                batch.append(one)
                count += len(one.items)
        if self._asked:
            self._news.set()
        else:
            self._news.clear()
        return batch

    async def _answered(self, batch: list[_Asked[T, R]]) -> None:
        items = [item for one in batch for item in one.items]
        loop = asyncio.get_running_loop()
        try:
            results = await loop.run_in_executor(self._executor, self._work, items)
        except Exception as error:  # noqa: BLE001 - it is raised where it was asked for
            for one in batch:
                if not one.answer.done():
                    one.answer.set_exception(error)
            return
        place = 0
        for one in batch:
            if not one.answer.done():
                one.answer.set_result(list(results[place : place + len(one.items)]))
            place += len(one.items)
