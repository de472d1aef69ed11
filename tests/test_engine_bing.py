"""Bing's pages: what is read from the cards, and how a search ends, in a real browser over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from leftovers import NO_BROWSER, browser_is_missing
from plainweb import Plain, many

from facekit import browser
from facekit.engines import State, canonical, is_loopback
from facekit.engines.bing import Bing, harvest, repeats
from facekit.world.web import Web, serve

VARIANTS = {
    "Nobody": "empty",
    "Robot": "blocked",
    "Refused": "refused",
    "Redesign": "redesigned",
    "Garbled": "unreadable",
    "Again": "repeating",
}


def card(url: object, **more: Any) -> str:
    return json.dumps({"murl": url, "purl": "http://page.example/1", "turl": "http://t.example/1", "t": "T", **more})


def test_a_card_gives_original_page_thumbnail_and_title() -> None:
    (found,) = harvest([card("http://a.example/1.jpg")], "Ada")
    assert found.url == "http://a.example/1.jpg"
    assert (found.page_url, found.thumbnail, found.title) == ("http://page.example/1", "http://t.example/1", "T")
    assert (found.rank, found.engine, found.query) == (1, "bing", "Ada")


@pytest.mark.parametrize(
    "bad",
    [None, "", "{", "[]", "3", card(None), card("/relative.jpg"), card("data:image/png;base64,AA"), card("http://[")],
)
def test_a_card_that_cannot_be_read_costs_itself_alone(bad: str | None) -> None:
    found = harvest([card("http://a.example/1.jpg"), bad, card("http://a.example/2.jpg")], "Ada")
    assert [(c.url[-5:], c.rank) for c in found] == [("1.jpg", 1), ("2.jpg", 3)]


def test_a_picture_that_is_linked_twice_keeps_its_better_rank() -> None:
    found = harvest([card("http://a.example/1.jpg"), card("http://A.example/1.jpg#top")], "Ada")
    assert [c.rank for c in found] == [1]


def test_pages_that_repeat_are_a_soft_block() -> None:
    page = [card(f"http://a.example/{k}.jpg") for k in range(35)]
    assert not repeats(page)
    assert repeats(page + page)
    assert not repeats(page + [card(f"http://b.example/{k}.jpg") for k in range(35)])
    assert not repeats([*page, page[0]])


def test_addresses() -> None:
    assert canonical("HTTP://A.example") == "http://a.example/"
    assert is_loopback("http://127.0.0.9:80/") and is_loopback("http://[::1]/") and is_loopback("http://localhost/")
    assert not is_loopback("http://10.0.0.1/") and not is_loopback("https://www.bing.com")


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    names = {name: many(name.lower(), 140) for name in ("Ada", "Garbled", "Again")}
    with serve(Plain(names), variants=VARIANTS) as one:
        yield one


@pytest.fixture(scope="module")
def driver() -> Iterator[Any]:
    if browser_is_missing():
        pytest.skip(NO_BROWSER)
    with browser.browse() as one:
        yield one


def test_a_search_scrolls_and_presses_the_button_until_it_has_enough(web: Web, driver: Any) -> None:
    results = Bing(web.base_url).search(driver, "Ada", 130)
    assert results.state is State.OK
    assert len(results.candidates) == 130
    assert [c.url for c in results.candidates] == [web.url(p, k) for k, p in enumerate(many("ada", 130))]
    assert [c.rank for c in results.candidates[:9]] == [1, 2, 3, 5, 6, 7, 8, 10, 11]  # 4 and 9 are bad cards
    assert web.requests["/images/async?Ada"] == 4 - 1
    assert web.requests["/th"] == 0, "thumbnails are not to be fetched"


def test_a_search_stops_where_there_is_no_more(web: Web, driver: Any) -> None:
    assert len(Bing(web.base_url).search(driver, "Ada", 500).candidates) == 140


@pytest.mark.parametrize(
    ("query", "state"),
    [
        ("Nobody", State.EMPTY),
        ("Stranger", State.EMPTY),
        ("Robot", State.BLOCKED),
        ("Refused", State.BLOCKED),
        ("Redesign", State.LAYOUT_CHANGED),
        ("Garbled", State.LAYOUT_CHANGED),
    ],
)
def test_a_search_without_candidates_says_why(web: Web, driver: Any, query: str, state: State) -> None:
    results = Bing(web.base_url).search(driver, query, 30)
    assert results.state is state
    assert not results.candidates


def test_a_soft_block_keeps_what_was_found_before(web: Web, driver: Any) -> None:
    results = Bing(web.base_url).search(driver, "Again", 100)
    assert results.state is State.SOFT_BLOCK
    assert len(results.candidates) == 33
