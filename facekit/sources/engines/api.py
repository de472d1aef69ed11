"""How an engine queries an API: within a budget shared by all bots, and with retries if the server is busy."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from facekit.base.plain import Json
from facekit.sources.addresses import is_loopback
from facekit.sources.engines import State
from facekit.sources.engines.paging import SHOWN, Page
from facekit.sources.engines.reading import LONGEST, fields, parse, string

if TYPE_CHECKING:
    import requests

TIMEOUT = (5.0, 20.0)
"""Seconds to connect, and between two parts of an answer."""

WALL = 60.0
"""Seconds that one answer may take in all."""

TRIES = 3
LONGEST_WAIT = 60.0
"""Longest wait for a busy server, in seconds; one that asks for more has blocked us."""

BUSY_SECONDS = 5.0
"""Seconds to wait for a busy server that does not say how long."""

DAY = 86_400.0
Busy = Callable[[Json], float | None]
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
        self._slots = threading.Semaphore(at_once) if at_once else None
        self._lock = threading.Lock()

    def turn(self, now: float) -> float | None:
        """Return when the next request may be sent, which then counts; None where the day's are used up."""
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
    def slot(self) -> Iterator[None]:
        """Hold one of the requests that may be under way at the same time."""
        if self._slots is None:
            yield
        else:
            with self._slots:
                yield


@dataclass(frozen=True, slots=True)
class Answer:
    """What an API answered: a JSON object, or the state in which it leaves the search."""

    values: Mapping[str, Json] = field(default_factory=dict)
    status: int = 200
    state: State | None = None
    note: str = ""
    text: str = ""

    def end(self) -> Page | None:
        """Return the page that ends a search which was not answered; None where it was."""
        return None if self.state is None else Page(state=self.state, note=self.note, text=self.text)


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer over HTTP, read once."""

    status: int
    text: str
    values: Json
    """The JSON of the text; None for none."""
    retry_after: str = ""
    """The header, as it came."""


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
                return Answer(
                    state=State.BLOCKED, note=f"the {self._budget.daily} requests allowed per day are used up"
                )
            with self._budget.slot(), session.get(self.url, params=params, timeout=TIMEOUT, stream=True) as response:
                reply = read(response)
            seconds = seconds_to_wait(reply, busy)
            if seconds is None:
                return _answer(reply)
            if not tries_left or seconds > LONGEST_WAIT:
                break
            self._sleep(seconds)
        return Answer(state=State.BLOCKED, note=f"HTTP {reply.status}, asked to wait for {seconds:.0f} s")

    def _wait_for_turn(self) -> bool:
        now = time.monotonic()
        turn = self._budget.turn(now)
        if turn is not None:
            self._sleep(turn - now)
        return turn is not None

    def _sleep(self, seconds: float) -> None:
        if self._stopped.wait(0.0 if self._near else max(0.0, seconds)):
            raise InterruptedError("stopped while waiting for a turn")


def read(response: requests.Response) -> Reply:
    """Read a whole answer, of `LONGEST` bytes and `WALL` seconds at most.

    Raises `requests.RequestException` for one that is longer, that never ends, or that says the server failed.
    """
    if response.status_code >= 500 and response.status_code != 503:
        response.raise_for_status()
    text = _body(response).decode("utf-8-sig", errors="replace")
    return Reply(response.status_code, text, parse(text), response.headers.get("Retry-After", ""))


def _body(response: requests.Response) -> bytes:
    import requests
    from urllib3.exceptions import HTTPError

    end, data = time.monotonic() + WALL, bytearray()
    try:
        # read1 returns what has come; read would wait, past any limit, until a whole part is there.
        while part := response.raw.read1(65_536, decode_content=True):
            data += part
            if len(data) > LONGEST:
                raise requests.ConnectionError(f"the answer has more than {LONGEST:,} bytes")
            if time.monotonic() > end:
                raise requests.Timeout(f"the answer did not end in {WALL:.0f} seconds")
    except HTTPError as error:
        raise requests.ConnectionError(error) from None
    return bytes(data)


def seconds_to_wait(reply: Reply, busy: Busy) -> float | None:
    """Return how long a busy server wants to be left alone; None where it has answered."""
    if reply.status in (429, 503):
        return _retry_after(reply, BUSY_SECONDS)
    seconds = busy(reply.values) if reply.status == 200 else None
    return None if seconds is None else max(seconds, _retry_after(reply, seconds))


def _retry_after(reply: Reply, otherwise: float) -> float:
    from facekit.sources.connections import retry_after

    if not reply.retry_after:
        return otherwise
    seconds = retry_after(reply.retry_after)
    return LONGEST_WAIT + 1 if seconds is None else seconds


def _answer(reply: Reply) -> Answer:
    shown = reply.text[:SHOWN]
    if reply.status >= 400:
        detail = (string(fields(reply.values), "detail") or "")[:200]
        note = f"HTTP {reply.status}: {detail}" if detail else f"HTTP {reply.status}"
        return Answer({}, reply.status, State.BLOCKED, note, shown)
    if not isinstance(reply.values, dict):
        return Answer({}, reply.status, State.LAYOUT_CHANGED, "the answer is not a JSON object", shown)
    return Answer(reply.values, reply.status, None, "", shown)
