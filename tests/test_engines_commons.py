"""Wikimedia Commons: what is read from its API's answers, and how a search ends, over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from searching import FIRST_RANKS, GOOD, LINKS, links, session, twice, web_of

from facekit.sources.engines import Search, State
from facekit.sources.engines.commons import Commons, harvest, parameters, text
from facekit.world.searches import ENGINES
from facekit.world.web import Web

ENDS = {
    "empty": State.EMPTY,
    "blocked": State.BLOCKED,
    "refused": State.OK,
    "limited": State.BLOCKED,
    "lagging": State.OK,
    "lagged": State.BLOCKED,
    "redesigned": State.LAYOUT_CHANGED,
    "garbled": State.LAYOUT_CHANGED,
    "unreadable": State.LAYOUT_CHANGED,
    "repeating": State.SOFT_BLOCK,
    "bare": State.OK,
    "drawings": State.EMPTY,
    "broken-off": State.LAYOUT_CHANGED,
}


def page(index: object = 1, about: Any = None, **info: Any) -> dict[str, Any]:
    """One file of an answer, good as it stands."""
    given = {
        "url": "http://up.example/Ada.jpg",
        "descriptionurl": "http://commons.example/File:Ada.jpg",
        "width": 900,
        "mime": "image/jpeg",
        **info,
    }
    if about is not None:
        given["extmetadata"] = {key: {"value": value, "source": "x"} for key, value in about.items()}
    return {"pageid": 7, "ns": 6, "title": "File:Ada.jpg", "index": index, "imageinfo": [given]}


def answer(*pages: Any) -> dict[str, Any]:
    return {"batchcomplete": "", "query": {"pages": {str(k): one for k, one in enumerate(pages)}}}


def test_a_file_gives_licence_creator_and_credit_as_text() -> None:
    about = {
        "LicenseShortName": "CC BY-SA 4.0",
        "LicenseUrl": "https://creativecommons.org/licenses/by-sa/4.0",
        "Artist": '<a href="//x">Ada</a> <span>&amp;\n Bob</span><style>.x{}</style>',
        "Attribution": "<p>Ada</p><p>CC&nbsp;BY</p>",
    }
    (found,) = harvest(answer(page(3, about)), "Ada").candidates
    assert (found.url, found.rank, found.title) == ("http://up.example/Ada.jpg", 3, "Ada.jpg")
    assert found.page_url == "http://commons.example/File:Ada.jpg"
    assert (found.licence, found.licence_url) == ("CC BY-SA 4.0", "https://creativecommons.org/licenses/by-sa/4.0")
    assert (found.creator, found.attribution) == ("Ada & Bob", "Ada CC BY")


def test_what_is_wider_than_needed_is_taken_as_the_api_scales_it() -> None:
    scaled = {"thumburl": "http://up.example/thumb/1280px-Ada.jpg", "thumbwidth": 1280}
    (wide,) = harvest(answer(page(width=6000, **scaled)), "Ada").candidates
    assert (wide.url, wide.width) == ("http://up.example/thumb/1280px-Ada.jpg", 6000)
    for narrow in (page(width=1280, **scaled), page(width=6000, thumburl=None)):
        assert harvest(answer(narrow), "Ada").candidates[0].url == "http://up.example/Ada.jpg"


@pytest.mark.parametrize(
    "bad",
    [None, 7, {}, {"index": 2}, {"index": 2, "imageinfo": []}, {"index": 2, "imageinfo": ["x"]}, page(None),
     page(2, url="/relative.jpg"), page(2, url=None)],
)  # fmt: skip
def test_a_file_that_cannot_be_read_costs_itself_alone(bad: Any) -> None:
    found = harvest(answer(page(3), bad, page(1)), "Ada")
    assert [c.rank for c in found.candidates] == [1, 3]
    assert (found.unread, found.unsought) == (1, 0)


def test_what_is_no_photograph_is_not_sought_and_not_unreadable() -> None:
    kinds = ("image/svg+xml", "image/tiff", "image/gif", "application/pdf")
    found = harvest(answer(*(page(k, mime=mime) for k, mime in enumerate(kinds)), page(9)), "Ada")
    assert ([c.rank for c in found.candidates], found.unread, found.unsought) == ([9], 0, 4)


@pytest.mark.parametrize("about", [{}, {"Artist": 7}, {"Artist": "<b></b>"}, "x", []])
def test_metadata_may_be_missing_or_odd(about: Any) -> None:
    one = page()
    one["imageinfo"][0]["extmetadata"] = about
    (found,) = harvest(answer(one), "Ada").candidates
    assert (found.licence, found.creator, found.attribution) == (None, None, None)


@pytest.mark.parametrize(
    ("values", "state"),
    [
        ({"batchcomplete": ""}, None),
        ({}, State.LAYOUT_CHANGED),
        ({"query": []}, State.LAYOUT_CHANGED),
        ({"query": {"pages": []}}, State.LAYOUT_CHANGED),
        ({"error": {"code": "blocked"}}, State.BLOCKED),
        ({"error": {"code": "badvalue"}}, State.LAYOUT_CHANGED),
        ({"error": "x"}, State.LAYOUT_CHANGED),
    ],
)
def test_what_an_answer_says_of_the_search(values: dict[str, Any], state: State | None) -> None:
    found = harvest(values, "Ada")
    assert (found.state, list(found.candidates)) == (state, [])


def test_html_is_read_as_text() -> None:
    assert text("A<br>B<script>x</script> &eacute;<b>") == "A B é"
    assert text("<style>x") is None
    assert text(None) is None and text("  ") is None


def test_what_the_api_is_asked_for() -> None:
    asked = parameters(Search("Ada Lovelace", 9))
    assert asked["gsrsearch"] == "filetype:bitmap Ada Lovelace"
    assert (asked["iiurlwidth"], asked["maxlag"], asked["gsrnamespace"]) == (1280, 5, 6)
    wide = parameters(Search("Ada", 9, min_width=2000))
    assert (wide["gsrsearch"], wide["iiurlwidth"]) == ("filetype:bitmap filew:>1999 Ada", 2000)


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with web_of("commons", {"Twice": twice()}) as one:
        yield one


def test_every_variant_has_an_end() -> None:
    assert {*ENDS, "down"} == ENGINES["commons"].VARIANTS.keys()


def test_a_search_continues_until_it_has_enough(web: Web) -> None:
    results = Commons(web.base_url).search(session(), Search(GOOD, 120))
    assert (results.state, results.strategy) == (State.OK, "api")
    # Of a wide picture the API's own rendering, of a narrow one the original.
    assert [c.url.partition("?")[0] for c in results.candidates] == links(web, 120)
    assert [c.rank for c in results.candidates if c.url.endswith("?width=1280")][:4] == [1, 2, 3, 6]
    assert [c.rank for c in results.candidates[:9]] == FIRST_RANKS
    assert web.requests["/w/api.php?Ada"] == 3
    first = results.candidates[0]
    assert (first.licence, first.creator) == ("CC BY-SA 4.0", "Nobody Known")
    assert first.attribution == "Nobody Known & friends"


def test_a_search_stops_where_there_is_no_more(web: Web) -> None:
    results = Commons(web.base_url).search(session(), Search(GOOD, 500))
    assert (results.state, len(results.candidates)) == (State.OK, LINKS)


def test_only_wide_originals_where_they_are_asked_for(web: Web) -> None:
    results = Commons(web.base_url).search(session(), Search(GOOD, 30, min_width=800))
    assert [c.rank for c in results.candidates[:6]] == [1, 2, 3, 6, 7, 8]


def test_a_file_without_a_licence_is_none_where_one_is_asked_for(web: Web) -> None:
    results = Commons(web.base_url).search(session(), Search("bare", 30, license="open"))
    assert (results.state, results.candidates) == (State.EMPTY, [])
    assert len(Commons(web.base_url).search(session(), Search(GOOD, 30, license="commercial")).candidates) == 30


def test_a_picture_that_is_found_twice_is_one_candidate(web: Web) -> None:
    results = Commons(web.base_url).search(session(), Search("Twice", 500))
    assert (results.state, len({c.url for c in results.candidates})) == (State.OK, len(results.candidates))


@pytest.mark.parametrize("query", [*ENDS, "Stranger"])
def test_how_a_search_ends(web: Web, query: str) -> None:
    results = Commons(web.base_url).search(session(), Search(query, 120))
    state = ENDS.get(query, State.EMPTY)
    assert results.state is state
    assert len(results.candidates) == {State.OK: 120, State.SOFT_BLOCK: 48}.get(state, 0)
    assert bool(results.page) == (state is State.LAYOUT_CHANGED or query == "blocked")


def test_a_busy_server_is_asked_three_times(web: Web) -> None:
    before = web.requests["/w/api.php?lagged"]
    results = Commons(web.base_url).search(session(), Search("lagged", 9))
    assert (results.state, web.requests["/w/api.php?lagged"] - before) == (State.BLOCKED, 3)


def test_who_does_not_say_who_it_is_is_turned_away(web: Web) -> None:
    with requests.Session() as nameless:
        assert Commons(web.base_url).search(nameless, Search(GOOD, 9)).state is State.BLOCKED


def test_a_server_that_is_down_is_no_state(web: Web) -> None:
    with pytest.raises(requests.HTTPError, match="500"):
        Commons(web.base_url).search(session(), Search("down", 9))
