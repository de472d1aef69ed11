"""How an engine asks an API: within a budget for all bots, and with patience where the server is busy."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from facekit.sources.engines import State, is_loopback
from facekit.sources.engines.paging import SHOWN, Page, string

if TYPE_CHECKING:
    import requests

TIMEOUT = (5.0, 20.0)
"""Seconds to connect, and between two parts of an answer."""

TRIES = 3
LONGEST_WAIT = 60.0
"""Seconds to wait for a busy server at most; one that asks for more has blocked us."""

DAY = 86_400.0
Busy = Callable[[Any], float | None]
"""Takes an answer's JSON; returns the seconds to wait where it says that the server is busy."""


class Budget:
    """Requests that an API allows all bots of this process together.

    `rate` requests in `seconds`, `daily` in a day, `at_once` at the same time; None is no limit.
    """

    def __init__(
        self, rate: int | None = None, seconds: float = 60.0, daily: int | None = None, at_once: int | None = None
    ) -> None:
        self.daily = daily
        self._seconds = seconds
        self._recent: deque[float] = deque(maxlen=rate or 0)
        self._today: deque[float] = deque(maxlen=daily or 0)
        self._room = threading.Semaphore(at_once) if at_once else None
        self._lock = threading.Lock()

    def turn(self, now: float) -> float | None:
        """Return when the next request may be sent, which then counts; None where the day's are spent."""
        with self._lock:
            if self._today.maxlen and len(self._today) == self._today.maxlen and now - self._today[0] < DAY:
                return None
            turn = now
            if self._recent.maxlen and len(self._recent) == self._recent.maxlen:
                turn = max(now, self._recent[0] + self._seconds)
            self._recent.append(turn)
            self._today.append(turn)
            return turn

    @contextmanager
    def room(self) -> Iterator[None]:
        """Hold one of the requests that may be under way at the same time."""
        if self._room is None:
            yield
        else:
            with self._room:
                yield


@dataclass(frozen=True, slots=True)
class Answer:
    """What an API answered: an object, or the state in which it leaves the search."""

    values: dict[str, Any] = field(default_factory=dict)
    status: int = 200
    state: State | None = None
    note: str = ""
    text: str = ""

    def end(self) -> Page | None:
        """Return the page that ends a search which was not answered; None where it was."""
        return None if self.state is None else Page(state=self.state, note=self.note, text=self.text)


class Api:
    """Asks one server, within a budget; of a server on this machine there is neither budget nor waiting."""

    def __init__(self, url: str, budget: Budget) -> None:
        self.url = url
        self._near = is_loopback(url)
        self._budget = budget
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Let a search that waits for its turn end at once, by InterruptedError."""
        self._stopped.set()

    def ask(
        self, session: requests.Session, params: Mapping[str, str | int], busy: Busy = lambda values: None
    ) -> Answer:
        """Return the answer to one request; a busy server is asked again when it says.

        Raises `requests.RequestException` where there is none, InterruptedError after `stop`.
        """
        for tries_left in reversed(range(TRIES)):
            if not self._near and not self._wait_for_turn():
                return Answer(state=State.BLOCKED, note=f"the {self._budget.daily} requests of a day are spent")
            with self._budget.room():
                response = session.get(self.url, params=params, timeout=TIMEOUT)
            seconds = _seconds_to_wait(response, busy)
            if seconds is None:
                return _read(response)
            if not tries_left or seconds > LONGEST_WAIT:
                break
            self._sleep(seconds)
        return Answer(state=State.BLOCKED, note=f"HTTP {response.status_code}, asked to wait for {seconds:.0f} s")

    def _wait_for_turn(self) -> bool:
        now = time.monotonic()
        turn = self._budget.turn(now)
        if turn is not None:
            self._sleep(turn - now)
        return turn is not None

    def _sleep(self, seconds: float) -> None:
        if self._stopped.wait(0.0 if self._near else max(0.0, seconds)):
            raise InterruptedError("stopped while waiting for a turn")


def _seconds_to_wait(response: requests.Response, busy: Busy) -> float | None:
    """Return how long a busy server wants to be left alone; None where it has answered."""
    if response.status_code in (429, 503):
        return _retry_after(response, 5.0)
    seconds = busy(_values(response)) if response.status_code == 200 else None
    return None if seconds is None else max(seconds, _retry_after(response, seconds))


def _retry_after(response: requests.Response, otherwise: float) -> float:
    try:
        return max(0.0, float(response.headers.get("Retry-After", "")))
    except ValueError:  # missing, or a date, which is more than a search waits for
        return LONGEST_WAIT + 1 if response.headers.get("Retry-After") else otherwise


def _values(response: requests.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return None


def _read(response: requests.Response) -> Answer:
    status, shown = response.status_code, response.text[:SHOWN]
    if status >= 500:
        response.raise_for_status()
    values = _values(response)
    if status >= 400:
        detail = string(values, "detail") if isinstance(values, dict) else None
        return Answer({}, status, State.BLOCKED, f"HTTP {status}: {detail}" if detail else f"HTTP {status}", shown)
    if not isinstance(values, dict):
        return Answer({}, status, State.LAYOUT_CHANGED, "the answer is no JSON object", shown)
    return Answer(values, status, None, "", shown)
