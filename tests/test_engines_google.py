"""Google's pages: what is read from state, scripts and links, and how a search ends, in a real browser."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from searching import FIRST_RANKS, GOOD, links, twice, web_of

from facekit.sources.engines import Search, State
from facekit.sources.engines.google import Google, Look, verdict
from facekit.sources.engines.google_page import Record, Seen, harvest, in_link, in_script, in_state, is_original
from facekit.world.searches import ENGINES
from facekit.world.web import Web

THUMB = "https://encrypted-tbn0.gstatic.com/images?q=tbn:x&s"
ADA = Search("Ada", 100)

ENDS = {
    "empty": (State.EMPTY, ""),
    "blocked": (State.BLOCKED, ""),
    "sorry-body": (State.BLOCKED, ""),
    "captcha": (State.BLOCKED, ""),
    "shell": (State.BLOCKED, ""),
    "refused": (State.BLOCKED, ""),
    "redesigned": (State.LAYOUT_CHANGED, ""),
    "unreadable": (State.LAYOUT_CHANGED, ""),
    "repeating": (State.SOFT_BLOCK, "state+script"),
    "consent": (State.OK, "state+script"),
    "consent-modal": (State.OK, "state+script"),
    "consent-stuck": (State.CONSENT, ""),
    "hover": (State.OK, "links"),
    "script-only": (State.OK, "script"),
    "symbol": (State.OK, "state+script"),
    "goto": (State.OK, "state+script"),
    "renamed": (State.OK, "state+script"),
    "no-lpage": (State.OK, "state+script"),
    "old": (State.OK, "script"),
    "click": (State.LAYOUT_CHANGED, ""),
}


def record(id: str, url: object, page: str = "http://page.example/1", thumb: object = THUMB, **more: Any) -> list[Any]:
    about = {"2000": [None, "page.example"], "2003": [None, "doc", page, f"title of {id}"]}
    return [None, [0, id, [thumb, 194, 259], [url, 900, 1600], None, 0, "rgb(1,2,3)", None, 0, about]]


GOOD_ONE, OTHER = record("a-1", "http://a.example/1.jpg"), record("b-2", "http://b.example/2.jpg?x=1&y=2")
READ = Record("a-1", "http://a.example/1.jpg", 1600, THUMB, "http://page.example/1", "title of a-1")


@pytest.mark.parametrize(
    "wrapped",
    [
        GOOD_ONE,
        {"rec1": GOOD_ONE},
        {"Symbol(jd)": GOOD_ONE},
        {"rec1": {"Symbol(jd)": {"x": GOOD_ONE[1]}}},
        [1, [[["old", GOOD_ONE[1]]]]],
        [None, [0, 7, *GOOD_ONE[1][1:]]],
    ],
    ids=["bare", "key", "symbol", "deeper", "nested", "shifted"],
)
def test_a_record_is_found_by_its_shape_wherever_it_lies(wrapped: Any) -> None:
    assert list(in_state(wrapped)) == [READ]


@pytest.mark.parametrize(
    "bad",
    [
        record("c", None),
        record("c", "/relative.jpg"),
        record("c", "data:image/jpeg;base64,AA"),
        record("c", THUMB),
        record("c", "https://ssl.gstatic.com/x.png"),
        record("c", "http://c.example/3.jpg", thumb="http://c.example/small.jpg"),
        record("", "http://c.example/3.jpg"),
        [None, [0, "c", [THUMB, 1, 2], ["http://c.example/3.jpg"]]],
        [None, [0, "c", [THUMB, 1, 2], ["http://c.example/3.jpg", "high", "wide"]]],
        *(
            [None, [0, "c", [THUMB, 1, 2], ["http://c.example/3.jpg", 1, wide]]]
            for wide in (math.inf, math.nan, 10**400)
        ),
        None,
        7,
    ],
)
def test_a_record_that_cannot_be_read_costs_itself_alone(bad: Any) -> None:
    cards = [["a-1", ""], ["c", ""], ["b-2", ""]]
    for seen in (
        Seen(state=[GOOD_ONE, bad, OTHER], cards=cards),
        Seen(scripts=[f"x={json.dumps([GOOD_ONE, bad, OTHER])}"], cards=cards),
    ):
        found = harvest(seen, ADA).candidates
        assert [(c.rank, c.url) for c in found] == [
            (1, "http://a.example/1.jpg"),
            (3, "http://b.example/2.jpg?x=1&y=2"),
        ]


def escaped(value: Any) -> str:
    return json.dumps(value).replace("=", r"\u003d").replace("&", r"\u0026").replace("/", r"\/")


@pytest.mark.parametrize(
    "script",
    [
        f"window['W_jd']['k']={escaped(OTHER)};",
        f"(()=>{{var m={{'k':{json.dumps(OTHER)}}};}})()",
        f"AF_initDataCallback({{key: 'ds:1', data:{json.dumps([[1, OTHER[1]]], indent=1)}, sideChannel: {{}}}});",
        "google.x='" + json.dumps(OTHER).replace('"', r"\x22").replace("=", r"\\u003d") + "';",
    ],
    ids=["assigned", "object", "callback", "quoted"],
)
def test_records_are_read_from_scripts_with_their_escapes(script: str) -> None:
    (found,) = in_script(script)
    assert found == Record(
        "b-2", "http://b.example/2.jpg?x=1&y=2", 1600, THUMB, "http://page.example/1", "title of b-2"
    )


def test_each_record_of_a_script_has_its_own_page() -> None:
    nameless = [None, [0, "n", [THUMB, 1, 2], ["http://n.example/n.jpg", 3, 4], None]]
    found = list(in_script(json.dumps([nameless, GOOD_ONE])))
    assert [(r.id, r.page_url, r.title) for r in found] == [("n", None, None), ("a-1", READ.page_url, READ.title)]


def test_a_broken_escape_costs_its_record() -> None:
    broken = json.dumps(GOOD_ONE).replace("1.jpg", r"\u00zz.jpg")
    assert [r.id for r in in_script(f"[{broken},{json.dumps(OTHER)}]")] == ["b-2"]


@given(
    st.recursive(st.none() | st.integers() | st.floats() | st.text() | st.just(THUMB), lambda inner: st.lists(inner))
)
def test_no_state_is_too_odd(values: Any) -> None:
    assert list(in_state([values, GOOD_ONE])) == [READ]


@given(st.text())
def test_no_script_is_too_odd(text: str) -> None:
    assert [r for r in in_script(f"{text}\n;{json.dumps(GOOD_ONE)}") if r.id == "a-1"] == [READ]


def test_a_link_is_read_once_the_mouse_gave_it_its_address() -> None:
    asked = {"imgurl": "http://a.example/1.jpg?x=1", "imgrefurl": "http://page.example/1", "w": 640, "tbnid": "a-1"}
    link = f"https://www.google.com/imgres?{urlencode(asked)}"
    assert in_link(link) == Record("a-1", "http://a.example/1.jpg?x=1", 640, page_url="http://page.example/1")
    for wide in ("9" * 5000, "-1", "²"):
        found = in_link(link.replace("w=640", f"w={wide}"))
        assert found is not None
        assert found.width is None
    for bad in ("/goto?url=CAESabc", "https://www.google.com/imgres?", link.replace("a.example", "encrypted-tbn0.x")):
        assert in_link(bad) is None


def test_links_and_panel_are_for_pages_without_records() -> None:
    link = f"https://www.google.com/imgres?{urlencode({'imgurl': 'http://l.example/1.jpg', 'tbnid': 'z'})}"
    panel = [("p", "http://p.example/1.jpg"), ("q", THUMB), ("r", "data:image/png;base64,AA"), ("s", "")]
    seen = Seen(links=[link], panel=panel)
    assert harvest(seen._replace(state=[GOOD_ONE]), ADA).strategy == "state"
    assert harvest(seen, ADA).strategy == "links"
    by_panel = harvest(seen._replace(links=[]), ADA)
    assert (by_panel.strategy, [c.url for c in by_panel.candidates]) == ("panel", ["http://p.example/1.jpg"])


def test_state_and_scripts_make_one_result_in_the_order_of_the_cards() -> None:
    unseen = record("u-9", "http://u.example/9.jpg")
    cards = [["x", ""], ["b-2", ""], ["y", ""], ["a-1", ""]]
    seen = Seen(state=[GOOD_ONE], scripts=[json.dumps([GOOD_ONE, unseen]), json.dumps(OTHER)], cards=cards)
    found = harvest(seen, ADA)
    assert found.strategy == "state+script"
    assert [(c.rank, c.url[7]) for c in found.candidates] == [(2, "b"), (4, "a"), (5, "u")]
    assert (found.records, found.pictures) == (3, 3)


def test_a_card_names_the_page_that_its_record_does_not() -> None:
    nameless = [None, [0, "n", [THUMB, 1, 2], ["http://n.example/n.jpg", 3, 4], None]]
    (found,) = harvest(Seen(state=[nameless], cards=[["n", "http://page.example/n"]]), ADA).candidates
    assert (found.page_url, found.thumbnail, found.width) == ("http://page.example/n", THUMB, 4)


def test_narrow_originals_are_left_out_and_still_counted() -> None:
    found = harvest(Seen(state=[GOOD_ONE, OTHER]), Search("Ada", 9, min_width=1601))
    assert (found.candidates, found.records) == ([], 2)
    assert len(harvest(Seen(state=[GOOD_ONE, OTHER]), Search("Ada", 9, min_width=1600)).candidates) == 2


def test_a_thumbnail_is_no_original() -> None:
    assert is_original("http://a.example/1.jpg")
    for url in (THUMB, "data:image/gif;base64,AA", "https://lh3.gstatic.com/x", "https://gstatic.com/x", "", None):
        assert not is_original(url)


def test_filters_are_asked_for_by_googles_names() -> None:
    def tbs(**wanted: Any) -> str | None:
        query = parse_qs(urlsplit(Google().address(Search("Ada", 9, **wanted))).query)
        return query.get("tbs", [None])[0]

    plain = urlsplit(Google().address(Search("Ada & Bob", 9)))
    assert (plain.netloc, plain.path) == ("www.google.com", "/search")
    assert parse_qs(plain.query) == {"q": ["Ada & Bob"], "udm": ["2"], "hl": ["en"], "safe": ["active"]}
    assert "safe=off" in Google().address(Search("Ada", 9, safe=False))
    assert tbs(face_only=True, since="month", license="open") == "itp:face,il:cl,qdr:m"
    assert tbs(since="2024-01-31") == "cdr:1,cd_min:1/31/2024"
    assert tbs(min_width=400) is None, "a picture 400 wide may have fewer pixels than any size of Google's"
    assert tbs(min_width=2000) == "isz:lt,islt:2mp"


LOOK = {
    "path": "/search", "status": 200, "held": (0, 0, 0), "records": False, "consent": False, "length": 50_000,
    "sorry": False,
    "script": False, "results": 3, "captcha": False, "none": False,
}  # fmt: skip


@pytest.mark.parametrize(
    ("look", "state"),
    [
        ({"records": True}, None),
        ({"records": True, "script": True, "sorry": True, "captcha": True}, None),
        ({"records": True, "consent": True}, State.CONSENT),
        ({"path": "/sorry/index", "records": True}, State.BLOCKED),
        ({"status": 429}, State.BLOCKED),
        ({"captcha": True, "none": True}, State.BLOCKED),
        ({"sorry": True, "length": 1999}, State.BLOCKED),
        ({"sorry": True, "length": 2001}, State.LAYOUT_CHANGED),
        ({"script": True, "results": 0}, State.BLOCKED),
        ({"script": True}, State.LAYOUT_CHANGED),
        ({"none": True, "script": True, "results": 0}, State.EMPTY),
        ({}, State.LAYOUT_CHANGED),
    ],
)
def test_the_verdict_on_a_page(look: dict[str, Any], state: State | None) -> None:
    assert verdict(Look(**{**LOOK, **look})) is state


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with web_of("google", {"Twice": twice()}) as one:
        yield one


def test_every_variant_has_an_end() -> None:
    assert ENDS.keys() == ENGINES["google"].VARIANTS.keys()


def test_a_search_scrolls_and_presses_the_button_until_it_has_enough(web: Web, driver: Any) -> None:
    results = Google(web.base_url).search(driver, Search(GOOD, 130))
    assert (results.state, results.strategy) == (State.OK, "state+script")
    assert [c.url for c in results.candidates] == links(web, 130)
    assert [c.rank for c in results.candidates[:9]] == FIRST_RANKS
    first = results.candidates[0]
    assert (first.title, first.width, first.engine) == ("Ada 0", 1600, "google")
    assert first.page_url and first.page_url.startswith(f"{web.base_url}/pages/1.html")
    assert first.thumbnail and first.thumbnail.startswith("https://encrypted-tbn0.gstatic.com/images?q=tbn:")


def test_a_search_stops_where_there_is_no_more(web: Web, driver: Any) -> None:
    results = Google(web.base_url).search(driver, Search(GOOD, 500))
    assert (results.state, len(results.candidates)) == (State.OK, 140)


def test_only_wide_originals_where_they_are_asked_for(web: Web, driver: Any) -> None:
    results = Google(web.base_url).search(driver, Search(GOOD, 30, min_width=800))
    assert [c.rank for c in results.candidates[:6]] == [1, 2, 3, 6, 7, 8]
    none = Google(web.base_url).search(driver, Search("Twice", 30, min_width=8000))
    assert (none.state, none.candidates) == (State.EMPTY, [])


def test_a_picture_that_is_found_twice_is_one_candidate(web: Web, driver: Any) -> None:
    results = Google(web.base_url).search(driver, Search("Twice", 500))
    assert (results.state, len(results.candidates)) == (State.OK, 60)


@pytest.mark.parametrize("query", [*ENDS, "Stranger"])
def test_how_a_search_ends(web: Web, driver: Any, query: str) -> None:
    state, strategy = ENDS.get(query, (State.EMPTY, ""))
    results = Google(web.base_url).search(driver, Search(query, 130))
    assert (results.state, results.strategy) == (state, strategy)
    assert len(results.candidates) == {State.OK: 130, State.SOFT_BLOCK: 38}.get(state, 0)
    if state is State.OK:
        assert [c.url for c in results.candidates] == links(web, 130, query)
        assert results.candidates[0].page_url, "from the record, the card or the link"


def test_the_panel_is_opened_only_on_request(web: Web, driver: Any) -> None:
    results = Google(web.base_url, click=True).search(driver, Search("click", 7))
    assert (results.state, results.strategy) == (State.OK, "panel")
    assert [c.url for c in results.candidates] == links(web, 7, "click")
    assert [c.rank for c in results.candidates] == FIRST_RANKS[:7]
