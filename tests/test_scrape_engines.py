"""Several engines, one after another: what each gives, what is said of it, and what is looked at when it fails."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import manifest, rejected
from leftovers import gone, needs_browser, own_place
from plainengine import AGENTS, ENGINES, Changed, PlainEngine
from plainweb import Plain, many

from facekit import __version__
from facekit.base import plugins
from facekit.base.contract import FacekitError
from facekit.cli import build
from facekit.commands.scrape import scrape
from facekit.commands.scrape.notices import duration, notices_of
from facekit.commands.scrape.plan import plan
from facekit.options.scrape import Scrape
from facekit.sources.engines import Results, Search, State
from facekit.sources.siterules import ROBOTS_PATH, TDM_PATH
from facekit.world import searches
from facekit.world.web import Web, serve


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    with own_place() as folder:
        yield folder


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    names = {
        "Ada": many("ada", 4),
        "more Ada": [*many("ada", 4), *many("ada-more", 5, {1: "404"})],
        "other Ada": many("ada-other", 5),
        "Bob": many("bob", 12),
        "more Bob": many("bob-more", 12),
        "more Deep": many("deep", 30, dict.fromkeys(range(14), "404")),
        "more Twins": ["/a/twin-1.jpg", "/b/twin-1.jpg", "/a/twin-2.jpg", "/a/twin-3.jpg"],
    }
    with serve(Plain(names), variants={"Gone": "redesigned"}) as one:
        yield one


@pytest.fixture(autouse=True)
def engines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(plugins.PARTS, "engine", {**plugins.PARTS["engine"], **ENGINES})


def options(web: Web, out: Path, *names: str, **more: Any) -> Scrape:
    values = {"names": list(names), "output": out, "per_name": 8, "base_url": web.base_url, "bots": 2}
    return Scrape(**{**values, "engine": "plain", **more})


def sources(root: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (root / "sources.jsonl").read_text().splitlines()]


# Filling


@needs_browser
def test_the_next_engine_fills_what_the_one_before_left(web: Web, place: Path, tmp_path: Path) -> None:
    out, before = tmp_path / "raw", web.requests.copy()
    report = scrape(options(web, out, "Ada", "Bob", engine="bing,plain"))
    assert report.kept == 16
    found = report.details["names"]
    assert found["Ada"]["searches"] == {"bing": "ok", "plain": "ok"}
    assert found["Bob"]["searches"] == {"bing": "ok"}, "who has enough is not searched for again"
    ada = [s for s in sources(out) if "ada" in s["url"]]
    assert [s["engine"] for s in ada] == ["bing"] * 4 + ["plain"] * 4
    # Bing's fourth card is broken; the plain engine's first four links are Bing's, and its sixth is dead.
    assert [s["rank"] for s in ada] == [1, 2, 3, 5, 11, 13, 14, 15]
    assert {s.get("licence") for s in ada} == {None, "cc0"}
    for number in range(4):
        path = f"/ada/ada-{number}.jpg"
        assert web.requests[path] - before[path] == 1, "the same link of two engines is fetched once"
    assert gone(place)


def test_three_engines_of_which_two_fail(web: Web, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    report = scrape(options(web, tmp_path / "raw", "Ada", engine="blocking,dead,plain"))
    ada = report.details["names"]["Ada"]
    assert report.kept == 8 and ada["state"] == "done"
    assert ada["searches"]["blocking"] == "blocked" and ada["searches"]["dead"].startswith("ConnectionError")
    said = [record.message for record in caplog.records]
    assert "blocking blocked searches twice; it is not used again in this run" in said


def test_an_engine_that_stops_leaves_the_others_all_names(web: Web, tmp_path: Path) -> None:
    report = scrape(options(web, tmp_path / "raw", "Ada", "Bob", "Cyd", engine="blocking,plain", bots=1))
    found = report.details["names"]
    assert {name: (f["state"], f["kept"]) for name, f in found.items()} == {
        "Ada": ("done", 8),
        "Bob": ("done", 8),
        "Cyd": ("blocked", 0),
    }


def test_a_name_that_is_short_everywhere_says_why(web: Web, tmp_path: Path) -> None:
    report = scrape(options(web, tmp_path / "raw", "Ada", engine="plain,other", per_name=20))
    (row,) = report.details["shortfalls"]
    assert row == {"name": "Ada", "kept": 13, "short": 7, "why": "other: ok; plain: ok; 14 found, 1 http 404"}


def test_a_search_is_deepened_until_enough_are_kept(web: Web, tmp_path: Path) -> None:
    """1.5 times as many as wanted do not suffice where more than a third of the links are dead."""
    asked, search = list[int](), PlainEngine.search

    def noted(self: PlainEngine, driver: Any, wanted: Search) -> Results:
        asked.append(wanted.wanted)
        return search(self, driver, wanted)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PlainEngine, "search", noted)
        report = scrape(options(web, tmp_path / "raw", "Deep"))
    assert asked == [12, 24]
    assert report.kept == 8
    assert report.left == {"http 404": 14}
    assert len({r["path"] for r in rejected(tmp_path / "raw")}) == 14


def test_the_same_picture_again_is_left_out(web: Web, tmp_path: Path) -> None:
    report = scrape(options(web, tmp_path / "raw", "Twins", per_name=3))
    assert report.kept == 3
    assert report.left == {"repeat": 1}


def test_engines_may_be_added_and_not_exchanged(web: Web, tmp_path: Path) -> None:
    out = tmp_path / "raw"
    first = scrape(options(web, out, "Ada", per_name=12))
    assert first.kept == 8
    kept = [record["path"] for record in manifest(out)]
    before = web.requests.copy()
    report = scrape(options(web, out, "Ada", per_name=12, engine="plain,other"))
    assert report.kept == 12
    assert [record["path"] for record in manifest(out)][:8] == kept
    again = {path for path in web.requests if web.requests[path] > before[path]} - {ROBOTS_PATH, TDM_PATH}
    assert all("other" in path for path in again), "nothing that was there is fetched again"
    with pytest.raises(FacekitError, match="made with --engine plain,other; list those engines first"):
        scrape(options(web, out, "Ada", per_name=12, engine="other"))


def test_an_engine_that_found_nothing_may_be_exchanged(web: Web, tmp_path: Path) -> None:
    out = tmp_path / "raw"
    with pytest.raises(FacekitError, match="plain blocked|no picture"):
        scrape(options(web, out, "Nobody"))
    with pytest.raises(FacekitError, match="blocking blocked every search; wait some hours"):
        scrape(options(web, out, "Ada", engine="blocking"))
    assert scrape(options(web, out, "Ada", engine="other")).kept == 5


def test_an_engine_without_a_browser_is_asked_by_name(web: Web, tmp_path: Path) -> None:
    AGENTS.clear()
    scrape(options(web, tmp_path / "raw", "Ada", contact="me@example.org"))
    assert [f"facekit/{__version__} (builds face data sets; me@example.org)"] == AGENTS


# What is written down, and said


def test_terms_and_filters_are_recorded(web: Web, tmp_path: Path) -> None:
    more = {"face_only": True, "license": "open", "since": "week"}
    report = scrape(options(web, tmp_path / "raw", "Ada", **more))
    info = json.loads((tmp_path / "raw" / "dataset.json").read_text())
    assert info["engines"] == {
        "plain": {"terms": "https://example.org/terms", "unfiltered": ["face_only", "since", "license"]}
    }
    assert info["options"]["license"] == "open"
    assert report.details["notices"][0] == (
        "plain cannot narrow a search to pictures of faces (--face-only) or by age (--since) or by licence (--license)"
    )


def test_far_engines_are_asked_slowly_and_it_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    far = Scrape(names=["Ada"], output=tmp_path / "raw", engine="plain", search_interval=1, contact="me@example.org")
    made = plan(far)
    assert made.interval("plain") == 2.0, "the engine's own manners are the least"
    assert made.paces()["plain"].rest == 1800
    (notice,) = [text for text in notices_of(made, 900) if "apart" in text]
    assert notice == (
        "900 searches of plain, 2 s apart for all bots together: 30 minutes or more: that, and not the bots, "
        "limits this run; 5 of the 10 bots would do"
    )
    assert "plain: its terms of use apply to your searches: https://example.org/terms" in caplog.messages
    assert not [text for text in notices_of(plan(options_near(tmp_path)), 900) if "apart" in text]


def options_near(tmp_path: Path) -> Scrape:
    return Scrape(names=["Ada"], output=tmp_path / "raw", engine="plain", base_url="http://127.0.0.1:1")


def test_no_contact_is_said(tmp_path: Path) -> None:
    made = plan(Scrape(names=["Ada"], output=tmp_path / "raw", engine="plain"))
    assert any("--contact" in text for text in notices_of(made, 1))


def test_a_duration_is_said_as_people_do() -> None:
    assert [duration(s) for s in (20, 600, 9490)] == ["20 seconds", "10 minutes", "2.6 hours"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"engine": "plain,plain"}, "give one engine, or several different ones"),
        ({"engine": " , "}, "give one engine"),
        ({"engine": "plain,bong"}, "no engine called 'bong'"),
        ({"engine": "plain,other", "base_url": "http://search.example.org"}, "address of one engine"),
        ({"grid": "grid:4444"}, "--grid is 'grid:4444'"),
        ({"since": "yesterday"}, "--since is 'yesterday'"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_starts(
    web: Web, tmp_path: Path, more: dict[str, Any], said: str
) -> None:
    with pytest.raises(FacekitError, match=said):
        scrape(options(web, tmp_path / "raw", "Ada", **more))
    assert not (tmp_path / "raw").exists()


# Evidence


def test_a_changed_page_is_kept_and_said_loudly(web: Web, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    out = tmp_path / "raw"
    report = scrape(options(web, out, "Ada", engine="changed,plain"))
    page = out / ".scrape" / "Ada-changed.txt"
    assert page.read_text() == "<tile>"
    assert report.details["kept_pages"] == [str(page)]
    assert f"Ada: changed: layout changed (no JSON); see {page}" in caplog.messages
    assert any(m.startswith("THE PAGE OF changed HAS CHANGED: 1 name could") for m in caplog.messages)
    scrape(options(web, out, "Ada", overwrite=True))
    assert not (out / ".scrape").exists()


@needs_browser
def test_a_changed_page_of_a_browser_is_kept_with_its_picture(web: Web, place: Path, tmp_path: Path) -> None:
    out = tmp_path / "raw"
    report = scrape(options(web, out, "Gone", "Bob", engine="bing"))
    page, picture = (Path(path) for path in report.details["kept_pages"])
    assert page == out / ".scrape" / "Gone-bing.html"
    assert '<main><section class="tile"' in page.read_text()
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert {path.name for path in out.iterdir() if path.is_dir()} == {".scrape", "Bob"}
    assert gone(place)


def test_only_some_pages_of_an_engine_are_kept(web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facekit.commands.scrape.evidence.KEPT", 2)
    names = [f"Name {number}" for number in range(4)]
    report = scrape(options(web, tmp_path / "raw", "Ada", *names, engine="changed,plain", bots=1))
    assert len(report.details["kept_pages"]) == 2


def test_an_engine_that_nobody_can_read_is_not_asked_for_every_name(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("facekit.commands.scrape.tasks.CHANGED", 3)
    searches, search = list[str](), Changed.search

    def noted(self: Changed, driver: Any, wanted: Search) -> Results:
        searches.append(wanted.query)
        return search(self, driver, wanted)

    monkeypatch.setattr(Changed, "search", noted)
    names = [f"Name {number}" for number in range(6)]
    report = scrape(options(web, tmp_path / "raw", *names, "Ada", engine="changed,plain", bots=1))
    assert searches == names[:3]
    assert report.kept == 8
    assert report.details["names"]["Name 5"]["searches"]["changed"] == "layout changed"


# Probing


@needs_browser
def test_a_probe_says_what_it_found_and_downloads_nothing(web: Web, place: Path, tmp_path: Path) -> None:
    before = web.requests.copy()
    report = scrape(Scrape(names=["Bob"], output=tmp_path / "raw", probe="bing", base_url=web.base_url))
    assert report.stage == "probe"
    found = report.details
    assert (found["state"], found["found"], found["query"]) == ("ok", 12, "Bob")
    assert found["strategy"]
    assert found["with"] == {"page": 12, "licence": 0, "size": 0}
    assert [c["rank"] for c in found["first"]] == [1, 2, 3, 5, 6]
    assert not (tmp_path / "raw").exists()
    assert not [path for path in web.requests if path.endswith(".jpg") and web.requests[path] > before[path]]
    assert gone(place)


def facekit(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = build()(list(words), standalone_mode=False)
    said = capsys.readouterr()
    return code, said.out, said.err


def test_a_probe_on_the_command_line(
    web: Web, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = facekit(capsys, "scrape", "Ada", "--probe", "plain", "--base-url", web.base_url)
    assert code == 0
    lines = out.splitlines()
    assert lines[:4] == [
        "engine     plain",
        "query      Ada",
        "state      ok",
        "strategy   cards",
    ]
    assert lines[4] == "found      9 (9 with page, 9 with licence, 0 with size)"
    assert sum("http://127." in line for line in lines) == 5
    code, out, err = facekit(capsys, "scrape", "--probe", "plain", "--base-url", web.base_url)
    assert code == 0 and "query      Ada Lovelace" in out and "state      empty" in out
    assert not (tmp_path / "raw").exists()


def test_a_probe_that_fails_says_so_in_one_line_and_all_of_it_in_json(
    web: Web, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("scrape", "Ada", "--probe", "changed", "--base-url", web.base_url, "-o", str(tmp_path / "raw"), "--json")
    code, out, err = facekit(capsys, *words)
    assert code == 2
    assert err.count("error: ") == 1
    assert "error: changed: layout changed (no JSON); its page has changed" in err
    found = json.loads(out)["details"]
    assert found["state"] == "layout changed"
    assert [Path(path).read_text() for path in found["files"]] == ["<tile>"]
    assert facekit(capsys, "scrape", "--probe", "dead", "--base-url", web.base_url)[0] == 2
    assert facekit(capsys, "scrape", "--probe", "blocking", "--base-url", web.base_url)[0] == 2


@needs_browser
def test_a_probe_of_a_changed_page_keeps_it(web: Web, place: Path, tmp_path: Path) -> None:
    with pytest.raises(FacekitError, match="bing: layout changed") as caught:
        scrape(Scrape(names=["Gone"], output=tmp_path / "raw", probe="bing", base_url=web.base_url))
    assert caught.value.report is not None
    names = sorted(Path(path).name for path in caught.value.report.details["files"])
    assert names == ["probe-bing.html", "probe-bing.png"]
    assert gone(place)
    report = scrape(options(web, tmp_path / "raw", "Ada"))
    assert report.kept == 8, "what a probe kept is in nobody's way"


def test_states_are_told_apart(web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = iter([State.CONSENT, State.SOFT_BLOCK, State.EMPTY, State.LAYOUT_CHANGED])

    def search(self: PlainEngine, driver: Any, wanted: Search) -> Results:
        return Results(next(given), note="so it is")

    monkeypatch.setattr(PlainEngine, "search", search)
    names = ["Consent", "Soft", "Empty", "Changed"]
    with pytest.raises(FacekitError, match="no picture was found for any of 4 names"):
        scrape(options(web, tmp_path / "raw", *names, bots=1))
    lines = [json.loads(line) for line in (tmp_path / "raw" / ".scrape.jsonl").read_text().splitlines()]
    states = {line["name"]: (line["state"], line["searches"]["plain"]["state"]) for line in lines[:4]}
    assert states == {
        "Consent": ("blocked", "consent"),
        "Soft": ("short", "soft block"),
        "Empty": ("short", "empty"),
        "Changed": ("failed", "layout changed"),
    }


# Every engine that facekit has


@needs_browser
@pytest.mark.parametrize("engine", [name for name in plugins.names("engine") if name in searches.ENGINES])
def test_every_engine_can_be_probed(web: Web, place: Path, tmp_path: Path, engine: str) -> None:
    report = scrape(Scrape(names=["Bob"], output=tmp_path / "raw", probe=engine, base_url=web.base_url))
    found = report.details
    assert (found["state"], found["found"]) == ("ok", 12)
    assert found["strategy"] and found["terms"].startswith("https://")
    assert found["with"]["page"] == 12
    assert (found["with"]["licence"] == 12) == (engine in ("commons", "openverse"))
    assert gone(place)


@needs_browser
def test_five_engines_of_which_the_last_delivers(place: Path, tmp_path: Path) -> None:
    variants = {"bing:Ada": "blocked", "google:Ada": "empty", "duckduckgo:Ada": "empty", "commons:Ada": "empty"}
    engines = "bing,google,duckduckgo,commons,openverse"
    with serve(Plain({"Ada": many("ada", 6)}), variants=variants) as one:
        report = scrape(options(one, tmp_path / "raw", "Ada", engine=engines, per_name=4))
    ada = report.details["names"]["Ada"]
    assert ada["searches"] == {
        "bing": "blocked",
        "google": "empty",
        "duckduckgo": "empty",
        "commons": "empty",
        "openverse": "ok",
    }
    assert ada["state"] == "done"
    assert all(s["engine"] == "openverse" and s["licence"] and s["creator"] for s in sources(tmp_path / "raw"))
    assert gone(place)
