"""Items of several requests, worked on together."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from facekit.serving.batching import Batcher, Stopped


class Work:
    """Doubles numbers, and notes the batches; the first waits until it may go on."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.go = threading.Event()

    def __call__(self, items: Sequence[int]) -> list[int]:
        self.batches.append(list(items))
        self.go.wait(10)
        if 13 in items:
            raise ValueError("thirteen")
        return [2 * item for item in items]


def run(most: int, asked: list[list[int]], gone: int | None = None) -> tuple[list[list[int]], list[object]]:
    """Ask one request first, the others while it is worked on; return the batches and the answers."""
    work = Work()

    async def ask_all() -> list[object]:
        with ThreadPoolExecutor(1) as pool:
            batcher = Batcher(work, pool, most, 0.05, lambda: False)
            task = asyncio.create_task(batcher.run())
            asking = [asyncio.create_task(batcher.ask(asked[0]))]
            while not work.batches:
                await asyncio.sleep(0.001)
            asking += [asyncio.create_task(batcher.ask(items)) for items in asked[1:]]
            await asyncio.sleep(0)
            if gone is not None:
                asking[gone].cancel()
                await asyncio.sleep(0)
            work.go.set()
            found = await asyncio.gather(*asking, return_exceptions=True)
            task.cancel()
            return list(found)

    return work.batches, asyncio.run(ask_all())


def test_what_waits_is_worked_on_together_and_stays_in_order() -> None:
    batches, answers = run(4, [[1], [2, 3], [4], [5, 6], [], [7]])
    assert batches == [[1], [2, 3, 4], [5, 6, 7]]
    assert answers == [[2], [4, 6], [8], [10, 12], [], [14]]


def test_a_request_of_more_than_a_batch_is_one_of_its_own() -> None:
    assert run(2, [[1], [2, 3, 4], [5]])[0] == [[1], [2, 3, 4], [5]]


def test_whoever_has_gone_is_not_worked_for() -> None:
    batches, answers = run(4, [[1], [2], [3]], gone=1)
    assert batches == [[1], [3]]
    assert isinstance(answers[1], asyncio.CancelledError)


def test_an_error_is_raised_where_it_was_asked_for_and_the_next_batch_goes_on() -> None:
    _, answers = run(1, [[1], [13], [2]])
    assert (answers[0], answers[2]) == ([2], [4])
    assert isinstance(answers[1], ValueError)


@pytest.mark.parametrize("how", ["cancelled", "by a bug"])
def test_nobody_waits_for_work_that_has_ended(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(self: object, batch: object) -> None:
        await asyncio.sleep(0)
        raise RuntimeError("a bug")

    if how == "by a bug":
        monkeypatch.setattr(Batcher, "_answered", broken)
    work = Work()

    async def ask() -> list[object]:
        with ThreadPoolExecutor(1) as pool:
            batcher = Batcher(work, pool, 1, 0, lambda: False)
            task = asyncio.create_task(batcher.run())
            asking = [asyncio.create_task(batcher.ask([one])) for one in (1, 2)]  # the second waits for the first
            while how == "cancelled" and not work.batches:
                await asyncio.sleep(0.001)
            if how == "cancelled":
                task.cancel()
            found = await asyncio.wait_for(asyncio.gather(*asking, return_exceptions=True), 5)
            work.go.set()
            found += await asyncio.gather(batcher.ask([3]), return_exceptions=True)
            await asyncio.gather(task, return_exceptions=True)
            return list(found)

    assert [type(one) for one in asyncio.run(ask())] == [Stopped] * 3


@pytest.mark.parametrize("more", [True, False])
def test_it_waits_only_while_others_are_on_the_way(more: bool) -> None:
    async def ask() -> float:
        with ThreadPoolExecutor(1) as pool:
            batcher = Batcher(lambda items: list(items), pool, 4, 0.3, lambda: more)
            task = asyncio.create_task(batcher.run())
            loop = asyncio.get_running_loop()
            began = loop.time()
            assert await batcher.ask([1]) == [1]
            took = loop.time() - began
            task.cancel()
            return took

    assert (asyncio.run(ask()) >= 0.3) is more
