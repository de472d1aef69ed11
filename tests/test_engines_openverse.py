"""Openverse: what is read from its API's answers, its budget, and how a search ends, over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from plainweb import Plain, many
from searching import FIRST_RANKS, GOOD, LINKS, links, session, twice, web_of

from facekit.sources.engines import Search, State
from facekit.sources.engines.openverse import Openverse, harvest, parameters
from facekit.world.content import Link
from facekit.world.searches import ENGINES
from facekit.world.web import Web, serve

ADA = Search("Ada", 9)

ENDS = {
    "empty": State.EMPTY,
    "blocked": State.BLOCKED,
    "refused": State.OK,
    "limited": State.BLOCKED,
    "limited-later": State.BLOCKED,
    "shallow": State.OK,
    "closed": State.BLOCKED,
    "redesigned": State.LAYOUT_CHANGED,
    "garbled": State.LAYOUT_CHANGED,
    "unreadable": State.LAYOUT_CHANGED,
    "repeating": State.SOFT_BLOCK,
    "mature": State.EMPTY,
}


def result(url: object = "http://a.example/1.jpg", **more: Any) -> dict[str, Any]:
    """One result of an answer, good as it stands."""
    return {
        "url": url,
        "title": "Ada",
        "foreign_landing_url": "http://page.example/1",
        "creator": "Bob",
        "license": "by-sa",
        "license_version": "4.0",
        "license_url": "https://creativecommons.org/licenses/by-sa/4.0/",
        "attribution": '"Ada" by Bob is licensed under CC BY-SA 4.0.',
        "thumbnail": "http://t.example/1",
        "width": 640,
        "mature": False,
        **more,
    }


def test_a_result_gives_licence_creator_and_credit() -> None:
    (found,) = harvest({"results": [result()]}, ADA).candidates
    assert (found.url, found.page_url, found.title) == ("http://a.example/1.jpg", "http://page.example/1", "Ada")
    assert (found.licence, found.creator) == ("CC BY-SA 4.0", "Bob")
    assert found.licence_url == "https://creativecommons.org/licenses/by-sa/4.0/"
    assert found.attribution == '"Ada" by Bob is licensed under CC BY-SA 4.0.'
    assert (found.rank, found.engine, found.query, found.width) == (1, "openverse", "Ada", 640)


@pytest.mark.parametrize(
    ("code", "version", "name"),
    [
        ("by-nc", "2.0", "CC BY-NC 2.0"),
        ("cc0", "1.0", "CC0 1.0"),
        ("pdm", None, "Public Domain Mark"),
        (None, "2.0", None),
    ],
)
def test_licences_are_written_as_people_write_them(code: str | None, version: str | None, name: str | None) -> None:
    (found,) = harvest({"results": [result(license=code, license_version=version)]}, ADA).candidates
    assert found.licence == name


@pytest.mark.parametrize("bad", [None, 7, {}, result(None), result("/relative.jpg")])
def test_a_result_that_cannot_be_read_costs_itself_alone(bad: Any) -> None:
    found = harvest({"results": [result(), bad, result("http://a.example/3.jpg")]}, ADA, before=20)
    assert [c.rank for c in found.candidates] == [21, 23]
    assert (found.unread, found.unsought) == (1, 0)


def test_what_is_not_for_everyone_is_left_out_unless_asked_for() -> None:
    values = {"results": [result(), result(mature=True)]}
    assert [c.rank for c in harvest(values, ADA).candidates] == [1]
    assert harvest(values, ADA).unsought == 1
    assert len(harvest(values, Search("Ada", 9, safe=False)).candidates) == 2


def test_what_the_api_is_asked_for() -> None:
    assert parameters(ADA, 2) == {"q": "Ada", "page_size": 20, "page": 2}
    assert parameters(Search("Ada", 9, license="open"), 1) == parameters(ADA, 1), "all of it is open"
    asked = parameters(Search("Ada", 9, license="commercial", safe=False), 1)
    assert (asked["license"], asked["mature"]) == ("by,by-sa,cc0,pdm", "true")


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with web_of("openverse", {"Twice": twice(), "Many": many("many", 300)}) as one:
        yield one


def test_every_variant_has_an_end() -> None:
    assert {*ENDS, "down"} == ENGINES["openverse"].VARIANTS.keys()


def test_the_drawn_one_has_the_limits_of_the_real_one(web: Web) -> None:
    def status(size: int, page: int) -> int:
        asked = {"q": GOOD, "page_size": size, "page": page}
        return requests.get(f"{web.base_url}/v1/images/", params=asked, timeout=5).status_code

    assert [status(20, 1), status(21, 1), status(20, 12), status(20, 13)] == [200, 401, 404, 401]


def test_a_search_takes_pages_until_it_has_enough(web: Web) -> None:
    before = web.requests["/v1/images/?Ada"]
    results = Openverse(web.base_url).search(session(), Search(GOOD, 130))
    assert (results.state, results.strategy) == (State.OK, "api")
    assert [c.url for c in results.candidates] == links(web, 130)
    assert [c.rank for c in results.candidates[:9]] == FIRST_RANKS
    assert web.requests["/v1/images/?Ada"] - before == 7


def test_a_search_stops_where_there_is_no_more(web: Web) -> None:
    results = Openverse(web.base_url).search(session(), Search(GOOD, 500))
    assert (results.state, len(results.candidates)) == (State.OK, LINKS)


def test_a_search_goes_as_deep_as_it_may(web: Web) -> None:
    results = Openverse(web.base_url).search(session(), Search("Many", 500))
    assert (results.state, len(results.candidates)) == (State.OK, 240 - 2)


def test_only_wide_originals_where_they_are_asked_for(web: Web) -> None:
    results = Openverse(web.base_url).search(session(), Search(GOOD, 30, min_width=800))
    assert [c.rank for c in results.candidates[:6]] == [1, 2, 3, 6, 7, 8]


def test_a_picture_that_is_found_twice_is_one_candidate(web: Web) -> None:
    results = Openverse(web.base_url).search(session(), Search("Twice", 500))
    assert (results.state, len(results.candidates)) == (State.OK, 60)


@pytest.mark.parametrize("query", [*ENDS, "Stranger"])
def test_how_a_search_ends(web: Web, query: str) -> None:
    results = Openverse(web.base_url).search(session(), Search(query, 120))
    state = ENDS.get(query, State.EMPTY)
    assert results.state is state
    first_page = 18 if query in ("shallow", "limited-later", "repeating") else 0
    assert len(results.candidates) == (first_page or (120 if state is State.OK else 0))


def test_a_server_that_is_down_is_no_state(web: Web) -> None:
    with pytest.raises(requests.HTTPError, match="500"):
        Openverse(web.base_url).search(session(), Search("down", 9))


class Mixed(Plain):
    """Every second picture is for others' profit too."""

    def links(self, query: str) -> list[Link]:
        return [one._replace(licence=("by-nc", "cc0")[k % 2]) for k, one in enumerate(super().links(query))]


def test_only_licences_that_are_asked_for() -> None:
    with serve(Mixed({"Ada": many("ada", 40)})) as web:
        engine = Openverse(web.base_url)
        commercial = engine.search(session(), Search("Ada", 99, license="commercial")).candidates
        assert {c.licence for c in commercial} == {"CC0 1.0"}
        assert {c.licence for c in engine.search(session(), Search("Ada", 99)).candidates} == {
            "CC0 1.0",
            "CC BY-NC 4.0",
        }
