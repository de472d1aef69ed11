"""Bing's pages: what is read from the cards, and how a search ends, in a real browser over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from searching import FIRST_RANKS, GOOD, links, twice, web_of

from facekit.sources.addresses import canonical, is_loopback
from facekit.sources.engines import Search, State
from facekit.sources.engines.bing import Bing, harvest, repeats
from facekit.world.searches import ENGINES
from facekit.world.web import Web

ENDS = {
    "empty": State.EMPTY,
    "blocked": State.BLOCKED,
    "refused": State.BLOCKED,
    "redesigned": State.LAYOUT_CHANGED,
    "no-body": State.LAYOUT_CHANGED,
    "unreadable": State.LAYOUT_CHANGED,
    "repeating": State.SOFT_BLOCK,
    "page-4-repeats": State.SOFT_BLOCK,
    "consent": State.OK,
    "consent-stuck": State.CONSENT,
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


def test_filters_are_asked_for_by_bings_names() -> None:
    plain = urlsplit(Bing().address(Search("Ada & Bob", 9)))
    assert (plain.netloc, plain.path) == ("www.bing.com", "/images/search")
    assert parse_qs(plain.query) == {"q": ["Ada & Bob"], "first": ["1"], "adlt": ["strict"]}
    asked = Search("Ada", 9, face_only=True, min_width=800, safe=False, since="week", license="commercial")
    address = Bing().address(asked)
    assert address.endswith(
        "&adlt=off&qft=+filterui:face-face+filterui:imagesize-custom_800_1+filterui:age-lt10080+filterui:license-L2_L3"
    )
    assert Bing().address(Search("Ada", 9, license="open")).endswith("qft=+filterui:licenseType-Any")


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with web_of("bing", {"Twice": twice()}) as one:
        yield one


def test_every_variant_has_an_end() -> None:
    assert ENDS.keys() == ENGINES["bing"].VARIANTS.keys()


def test_a_search_scrolls_and_presses_the_button_until_it_has_enough(web: Web, driver: Any) -> None:
    results = Bing(web.base_url).search(driver, Search(GOOD, 130))
    assert (results.state, results.strategy) == (State.OK, "cards")
    assert [c.url for c in results.candidates] == links(web, 130)
    assert [c.rank for c in results.candidates[:9]] == FIRST_RANKS
    assert web.requests["/images/async?Ada"] in (3, 4), "where a page comes late, the button is pressed once more"
    assert web.requests["/th"] == 0, "thumbnails are not to be fetched"


def test_a_search_stops_where_there_is_no_more(web: Web, driver: Any) -> None:
    assert len(Bing(web.base_url).search(driver, Search(GOOD, 500)).candidates) == 140


def test_a_picture_that_is_found_twice_is_one_candidate(web: Web, driver: Any) -> None:
    results = Bing(web.base_url).search(driver, Search("Twice", 500))
    assert (results.state, len(results.candidates)) == (State.OK, 60)


@pytest.mark.parametrize(("query", "state"), [*ENDS.items(), ("Stranger", State.EMPTY)])
def test_how_a_search_ends(web: Web, driver: Any, query: str, state: State) -> None:
    results = Bing(web.base_url).search(driver, Search(query, 130))
    assert results.state is state
    expected = {State.OK: 130, State.SOFT_BLOCK: 33 if query == "repeating" else 103}
    assert len(results.candidates) == expected.get(state, 0)
