"""What engines have in common: filters, budgets, patience with a busy server, and that each keeps to the protocol."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest
import requests

from facekit.base import plugins
from facekit.base.contract import FacekitError
from facekit.sources.addresses import is_loopback
from facekit.sources.engines import Candidate, Search, State, repeated
from facekit.sources.engines.api import LONGEST_WAIT, Api, Budget, Reply, seconds_to_wait
from facekit.sources.engines.bing import Bing
from facekit.sources.engines.commons import Commons
from facekit.sources.engines.filters import age, day, fits, is_licensed, unfiltered
from facekit.sources.engines.google import Google
from facekit.sources.engines.openverse import Openverse
from facekit.sources.engines.paging import Page, collect
from facekit.sources.engines.reading import fields, parse
from facekit.world.searches import ENGINES, check, find

TODAY = date(2026, 11, 22)


@pytest.mark.parametrize("name", ENGINES)
def test_every_engine_keeps_to_the_protocol(name: str) -> None:
    engine = plugins.load("engine", name)
    assert engine.name == name
    assert isinstance(engine.needs_browser, bool) and engine.interval > 0
    assert engine.terms.startswith("https://")
    names = {filter.partition("=")[0].rstrip("<") for filter in engine.filters}
    assert names <= {"face_only", "min_width", "safe", "since", "license"}
    assert engine().base_url.startswith("https://") and not is_loopback(engine().base_url)
    assert engine("http://127.0.0.1:1/").base_url == "http://127.0.0.1:1"


def test_ages_and_dates() -> None:
    assert day("week", TODAY) == date(2026, 11, 15)
    assert day("2024-01-31", TODAY) == date(2024, 1, 31)
    assert age("month", TODAY) == "month"
    assert age("2026-11-21", TODAY) == "day"
    assert age("2026-11-10", TODAY) == "month"
    assert age("2025-11-22", TODAY) == "year"
    assert age("2025-11-20", TODAY) is None
    assert age(None) is None
    with pytest.raises(FacekitError, match="day, week, month, year or a date"):
        day("yesterday", TODAY)


def test_an_engine_says_what_it_cannot_filter() -> None:
    everything = Search("Ada", 9, face_only=True, min_width=9, since="year", license="commercial")
    assert unfiltered(Bing, everything) == []
    assert unfiltered(Google, everything) == ["license"]
    assert unfiltered(Google, Search("Ada", 9, license="open")) == []
    assert unfiltered(Bing, Search("Ada", 9, since="1999-01-01")) == ["since"]
    assert unfiltered(Commons, everything) == ["face_only", "since", "safe"]
    assert unfiltered(Openverse, Search("Ada", 9)) == []


@pytest.mark.parametrize(
    ("licence", "is_open", "is_commercial"),
    [
        ("CC BY 4.0", True, True),
        ("CC BY-SA 2.0", True, True),
        ("CC0", True, True),
        ("CC0 1.0", True, True),
        ("Public domain", True, True),
        ("Public Domain Mark 1.0", True, True),
        ("CC BY-NC 4.0", True, False),
        ("CC BY-NC-ND 2.0", True, False),
        ("CC BY-ND 4.0", True, False),
        ("All rights reserved", False, False),
        ("", False, False),
        (None, False, False),
    ],
)
def test_licences(licence: str | None, is_open: bool, is_commercial: bool) -> None:
    assert is_licensed(licence, Search("Ada", 9))
    assert is_licensed(licence, Search("Ada", 9, license="open")) == is_open
    assert is_licensed(licence, Search("Ada", 9, license="commercial")) == is_commercial


def candidate(k: int, width: int | None = None) -> Candidate:
    return Candidate(f"http://a.example/{k}.jpg", k, "any", "Ada", width=width)


def test_a_width_that_is_not_told_is_forgiven() -> None:
    assert fits(candidate(1, 100), Search("Ada", 9, min_width=100))
    assert fits(candidate(1), Search("Ada", 9, min_width=100))
    assert not fits(candidate(1, 99), Search("Ada", 9, min_width=100))


def test_pages_that_repeat() -> None:
    first, second = [f"http://a.example/{k}" for k in range(10)], [f"http://b.example/{k}" for k in range(10)]
    assert not repeated([first, second])
    assert repeated([first, second, [*first[:8], *second[:2]]])
    assert not repeated([first, first[:4]]), "a handful says nothing"


def test_pages_are_taken_until_there_are_enough() -> None:
    taken = []

    def pages() -> Any:
        for start in range(0, 100, 10):
            taken.append(start)
            yield Page([candidate(k) for k in range(start, start + 10)])

    assert len(collect(pages(), Search("Ada", 15), "api").candidates) == 15
    assert taken == [0, 10]


def test_what_was_found_before_a_block_stays() -> None:
    pages = [Page([candidate(1)]), Page(state=State.BLOCKED, note="HTTP 429", text="x")]
    results = collect(pages, Search("Ada", 9), "api")
    assert (results.state, len(results.candidates), results.note) == (State.BLOCKED, 1, "HTTP 429")


def test_a_budget_spreads_requests_over_all_bots() -> None:
    budget = Budget(rate=3, seconds=60)
    assert [budget.turn(0), budget.turn(1), budget.turn(2)] == [0, 1, 2]
    assert [budget.turn(3), budget.turn(4)] == [60, 61]
    assert budget.turn(500) == 500


def test_a_day_has_an_end() -> None:
    budget = Budget(daily=2)
    assert [budget.turn(0), budget.turn(9), budget.turn(10)] == [0, 9, None]
    assert budget.turn(86_401) == 86_401
    assert budget.turn(86_402) is None


def test_no_more_requests_at_once_than_allowed() -> None:
    budget = Budget(at_once=2)
    busy, most, lock = 0, 0, threading.Lock()

    def request(_: int) -> None:
        nonlocal busy, most
        with budget.slot():
            with lock:
                busy += 1
                most = max(most, busy)
            time.sleep(0.02)
            with lock:
                busy -= 1

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(request, range(6)))
    assert most == 2


def test_a_day_that_is_spent_is_a_block_before_anything_is_sent() -> None:
    spent = Budget(daily=1)
    spent.turn(time.monotonic())
    answer = Api("https://api.example.invalid/", spent).ask(requests.Session(), {})
    assert answer.state is State.BLOCKED and "1 requests" in answer.note


def test_a_search_that_waits_can_be_stopped() -> None:
    budget = Budget(rate=1)
    api = Api("https://api.example.invalid/", budget)
    budget.turn(10**9)
    api.stop()
    with pytest.raises(InterruptedError):
        api.ask(requests.Session(), {})


def reply(status: int, body: str = "{}", retry_after: str = "") -> Reply:
    return Reply(status, body, parse(body), retry_after)


@pytest.mark.parametrize(
    ("one", "seconds"),
    [
        (reply(200), None),
        (reply(404), None),
        (reply(429), 5),
        (reply(503, retry_after="7"), 7),
        (reply(429, retry_after="86400"), 86400),
        (reply(429, retry_after="-3"), LONGEST_WAIT + 1),
        (reply(429, retry_after="Sun, 22 Nov 2026 10:00:00 GMT"), 0),
        (reply(429, retry_after="Sun, 22 Nov 2099 10:00:00 GMT"), 86400),
        (reply(429, retry_after="²"), LONGEST_WAIT + 1),
        (reply(200, '{"error": 1}', retry_after="1"), 5),
        (reply(200, '{"error": 1}', retry_after="9"), 9),
        (reply(200, "no json", retry_after="9"), None),
    ],
)
def test_how_long_a_busy_server_is_left_alone(one: Reply, seconds: float | None) -> None:
    assert seconds_to_wait(one, lambda values: 5.0 if fields(values).get("error") else None) == seconds


def test_a_variant_is_for_all_engines_or_for_one() -> None:
    variants = {"Ada": "empty", "bing:Bob": "empty", "Carl": "shell"}
    check(variants)
    assert [find(variants, "bing", name) for name in ("Ada", "Bob", "Carl")] == ["empty", "empty", ""]
    assert [find(variants, "google", name) for name in ("Ada", "Bob", "Carl")] == ["empty", "", "shell"]
    for wrong in ({"Ada": "nonsense"}, {"bing:Ada": "shell"}):
        with pytest.raises(ValueError, match="no variant"):
            check(wrong)
