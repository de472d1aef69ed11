"""DuckDuckGo: what is read from i.js, to whom it answers, and how a search ends, in a real browser."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from searching import FIRST_RANKS, GOOD, links, twice, web_of

from facekit.sources.engines import Search, State
from facekit.sources.engines.duckduckgo import DuckDuckGo, Fetched, harvest, parameters
from facekit.world.searches import ENGINES
from facekit.world.web import Web

ENDS = {
    "empty": State.EMPTY,
    "blocked": State.BLOCKED,
    "refused": State.BLOCKED,
    "redesigned": State.LAYOUT_CHANGED,
    "limited": State.BLOCKED,
    "limited-later": State.BLOCKED,
    "slow-down": State.BLOCKED,
    "garbled": State.LAYOUT_CHANGED,
    "unreadable": State.LAYOUT_CHANGED,
    "repeating": State.SOFT_BLOCK,
}


def result(image: object, **more: Any) -> dict[str, Any]:
    return {"image": image, "thumbnail": "http://t.example/1", "url": "http://page.example/1", "title": "T", **more}


def answer(*results: Any, **more: Any) -> Fetched:
    return Fetched(200, json.dumps({"results": list(results), **more}))


def test_a_result_gives_original_page_thumbnail_title_and_width() -> None:
    page, after = harvest(answer(result("http://a.example/1.jpg", width=640)), "Ada")
    (found,) = page.candidates
    assert (found.url, found.page_url, found.title) == ("http://a.example/1.jpg", "http://page.example/1", "T")
    assert (found.rank, found.engine, found.query, found.width) == (1, "duckduckgo", "Ada", 640)
    assert (page.unread, after) == (0, None)


@pytest.mark.parametrize("bad", [None, 3, "x", [], {}, result(None), result("/relative.jpg"), result("data:x")])
def test_a_result_that_cannot_be_read_costs_itself_alone(bad: Any) -> None:
    page, _ = harvest(
        answer(result("http://a.example/1.jpg"), bad, result("http://a.example/3.jpg")), "Ada", before=100
    )
    assert [c.rank for c in page.candidates] == [101, 103]
    assert page.unread == 1


@pytest.mark.parametrize(
    ("fetched", "state"),
    [
        (Fetched(403, ""), State.BLOCKED),
        (Fetched(202, ""), State.BLOCKED),
        (Fetched(429, ""), State.BLOCKED),
        (Fetched(404, ""), State.LAYOUT_CHANGED),
        (Fetched(200, ""), State.LAYOUT_CHANGED),
        (Fetched(200, "[]"), State.LAYOUT_CHANGED),
        (Fetched(200, '{"results": null}'), State.LAYOUT_CHANGED),
        (Fetched(200, '{"results": []}'), None),
    ],
)
def test_what_an_answer_says_of_the_search(fetched: Fetched, state: State | None) -> None:
    page, after = harvest(fetched, "Ada")
    assert (page.state, list(page.candidates), after) == (state, [], None)


def test_the_next_page_starts_where_its_address_says() -> None:
    one = result("http://a.example/1.jpg")
    assert harvest(answer(one, next="i.js?q=Ada&s=100&p=1"), "Ada")[1] == "100"
    assert harvest(answer(one, next="i.js?q=Ada"), "Ada")[1] is None
    assert harvest(answer(one, next=7), "Ada")[1] is None
    assert harvest(answer(next="i.js?s=100"), "Ada")[1] is None, "an empty page has no next one"


def test_filters_are_asked_for_by_duckduckgos_names() -> None:
    plain = parameters(Search("Ada", 9))
    assert plain == {"o": "json", "q": "Ada", "l": "us-en", "p": "1", "f": ",,,,,"}
    asked = parameters(Search("Ada", 9, safe=False, since="week", license="commercial"))
    assert (asked["p"], asked["f"]) == ("-1", "time:Week,,,,,license:ModifyCommercially")
    assert parameters(Search("Ada", 9, license="open"))["f"] == ",,,,,license:Any"
    address = urlsplit(DuckDuckGo().address(Search("Ada & Bob", 9)))
    assert address.netloc == "duckduckgo.com"
    assert parse_qs(address.query) == {"q": ["Ada & Bob"], "iax": ["images"], "ia": ["images"]}


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with web_of("duckduckgo", {"Twice": twice()}) as one:
        yield one


def test_every_variant_has_an_end() -> None:
    assert ENDS.keys() == ENGINES["duckduckgo"].VARIANTS.keys()


def test_the_drawn_one_answers_only_to_whom_it_gave_the_token(web: Web) -> None:
    with requests.Session() as session:
        page = session.get(f"{web.base_url}/?q=Ada&iax=images&ia=images", timeout=5)
        token = page.text.partition('vqd="')[2].partition('"')[0]
        address = f"{web.base_url}/i.js?q=Ada&vqd="
        asked = {"Referer": page.url}
        assert session.get(address + token, headers=asked, timeout=5).status_code == 200
        assert session.get(address + token, timeout=5).status_code == 403
        assert session.get(address + "4-1", headers=asked, timeout=5).status_code == 403
        assert session.get(address + token, headers={**asked, "User-Agent": "other"}, timeout=5).status_code == 403
        assert requests.get(address + token, headers=asked, timeout=5).status_code == 403, "without the cookie"


def test_a_search_follows_the_pages_until_it_has_enough(web: Web, driver: Any) -> None:
    before = web.requests["/i.js?Ada"]
    results = DuckDuckGo(web.base_url).search(driver, Search(GOOD, 130))
    assert (results.state, results.strategy) == (State.OK, "i.js")
    assert [c.url for c in results.candidates] == links(web, 130)
    assert [c.rank for c in results.candidates[:9]] == FIRST_RANKS
    assert web.requests["/i.js?Ada"] - before == 2


def test_a_search_stops_where_there_is_no_more(web: Web, driver: Any) -> None:
    results = DuckDuckGo(web.base_url).search(driver, Search(GOOD, 500))
    assert (results.state, len(results.candidates)) == (State.OK, 140)


def test_only_wide_originals_where_they_are_asked_for(web: Web, driver: Any) -> None:
    results = DuckDuckGo(web.base_url).search(driver, Search(GOOD, 30, min_width=800, license="open"))
    assert [c.rank for c in results.candidates[:6]] == [1, 2, 3, 6, 7, 8]


def test_a_picture_that_is_found_twice_is_one_candidate(web: Web, driver: Any) -> None:
    results = DuckDuckGo(web.base_url).search(driver, Search("Twice", 500))
    assert (results.state, len(results.candidates)) == (State.OK, 60)


@pytest.mark.parametrize("query", [*ENDS, "Stranger"])
def test_how_a_search_ends(web: Web, driver: Any, query: str) -> None:
    results = DuckDuckGo(web.base_url).search(driver, Search(query, 130))
    assert results.state is ENDS.get(query, State.EMPTY)
    assert len(results.candidates) == {"repeating": 98, "limited-later": 98}.get(query, 0)
    if results.state is State.LAYOUT_CHANGED:
        assert results.page


def test_a_server_that_does_not_answer_is_no_state(web: Web, driver: Any) -> None:
    driver.get(f"{web.base_url}/?q=Ada&iax=images&ia=images")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        gone = f"http://127.0.0.1:{probe.getsockname()[1]}"
    with pytest.raises(ConnectionError, match=r"i\.js did not answer"):
        next(DuckDuckGo(gone)._pages(driver, Search(GOOD, 9), "4-1"))
