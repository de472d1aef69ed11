"""Run again: what may work is tried once more, what cannot is left, and a kill at any moment changes nothing."""

from __future__ import annotations

import csv
import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import STRIDE, manifest, read_tree, rejected
from leftovers import gone, needs_browser, own_place
from longrun import faulty, kill_often
from plainengine import ENGINES, PlainEngine
from plainweb import Plain, many

from facekit.base import plugins
from facekit.base.contract import FacekitError, Record, Report
from facekit.base.files import read_lines
from facekit.commands.scrape import scrape
from facekit.dataset import MANIFEST
from facekit.options.scrape import Scrape
from facekit.sources.engines import Results, Search, State
from facekit.world import faults
from facekit.world.web import Web, serve

Dying = Callable[[int, Callable[[], Any]], bool]

MIXED = {0: "500", 2: "404", 3: "truncated", 5: "html", 6: "500", 7: "flaky"}


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    names = {
        "more Ada": many("ada", 10, MIXED),
        "other Ada": [*many("ada", 3), *many("ada-other", 4, {1: "429", 2: "410"})],
        "more Bob": many("bob", 12),
        "more Cyd": [],
        "other Cyd": many("cyd", 3, {0: "404"}),
    }
    with serve(Plain(names)) as one:
        yield one


@pytest.fixture(autouse=True)
def engines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(plugins.PARTS, "engine", {**plugins.PARTS["engine"], **ENGINES})


@pytest.fixture
def healed(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Makes the server answer well what it answered with 500, and what it cut short."""

    def heal() -> None:
        for fault in ("500", "truncated"):
            monkeypatch.setitem(faults.FAULTS, fault, lambda answer, data: answer.send(200, data))

    return heal


def options(web: Web, out: Path, *names: str, **more: Any) -> Scrape:
    values = {"names": list(names), "output": out, "per_name": 8, "base_url": web.base_url, "bots": 2}
    return Scrape(**{**values, "engine": "plain", **more})


def asked(web: Web, before: Counter[str]) -> Counter[str]:
    """What the server was asked for since then: pictures by file name and fault, searches by their words."""
    names = {path: path.rpartition("/")[2] for path in web.requests}
    signals = ("robots.txt", "tdmrep.json")  # what the host allows is asked for once in each run
    return Counter({names[path]: n for path, n in (web.requests - before).items() if names[path] not in signals})


def test_a_later_run_tries_again_what_may_work_and_nothing_else(
    web: Web, tmp_path: Path, healed: Callable[[], None]
) -> None:
    out = tmp_path / "raw"
    first = scrape(options(web, out, "Ada", "Bob"))
    assert first.left == {"http 500": 2, "http 404": 1, "incomplete": 1, "web page": 1}
    assert first.details["names"]["Ada"]["state"] == "short"
    before, tree = web.requests.copy(), read_tree(out)

    again = scrape(options(web, out, "Ada", "Bob"))
    assert set(asked(web, before)) == {"ada-0.jpg", "ada-3.jpg", "ada-6.jpg"}, "neither a search nor what is kept"
    assert (again.made, again.kept) == (0, first.kept)
    assert read_tree(out) == tree

    healed()
    before = web.requests.copy()
    last = scrape(options(web, out, "Ada", "Bob"))
    assert asked(web, before) == {"ada-0.jpg": 1, "ada-3.jpg": 1, "ada-6.jpg": 1}
    assert (last.made, last.left) == (3, {"http 404": 1, "web page": 1})
    assert last.details["names"]["Ada"]["state"] == "done"
    ranks = [json.loads(line)["rank"] for line in (out / "sources.jsonl").read_text().splitlines()]
    assert ranks == sorted(ranks[:8]) + sorted(ranks[8:]), "in the order of the results, whenever they came"

    before, tree = web.requests.copy(), read_tree(out)
    assert scrape(options(web, out, "Ada", "Bob")).made == 0
    assert not asked(web, before)
    assert read_tree(out) == tree


def test_only_as_many_are_tried_again_as_are_missing(web: Web, tmp_path: Path, healed: Callable[[], None]) -> None:
    out = tmp_path / "raw"
    assert scrape(options(web, out, "Ada", per_name=6)).kept == 5
    healed()
    before = web.requests.copy()
    report = scrape(options(web, out, "Ada", per_name=6))
    assert report.kept == 6
    assert asked(web, before) == {"ada-0.jpg": 1}
    assert report.left == {"http 500": 1, "http 404": 1, "incomplete": 1, "web page": 1}


def test_names_that_are_not_asked_for_stay_as_they_are(web: Web, tmp_path: Path, healed: Callable[[], None]) -> None:
    out = tmp_path / "raw"
    scrape(options(web, out, "Ada"))
    healed()
    before = web.requests.copy()
    scrape(options(web, out, "Bob"))
    assert not [path for path in asked(web, before) if "ada" in path]
    assert scrape(options(web, out, "Ada", "Bob")).details["names"]["Ada"]["state"] == "done"


def test_a_search_that_failed_is_done_again_and_one_that_gave_its_all_is_not(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, state = tmp_path / "raw", {"Ada": State.LAYOUT_CHANGED}
    search = PlainEngine.search

    def sometimes(self: PlainEngine, driver: Any, wanted: Search) -> Results:
        bad = state.get(wanted.query)
        return Results(bad) if bad and self.name == "plain" else search(self, driver, wanted)

    monkeypatch.setattr(PlainEngine, "search", sometimes)
    first = scrape(options(web, out, "Ada", "Bob", "Cyd", engine="plain,other"))
    assert {n: f["kept"] for n, f in first.details["names"].items()} == {"Ada": 5, "Bob": 8, "Cyd": 2}
    state.clear()
    before = web.requests.copy()
    last = scrape(options(web, out, "Ada", "Bob", "Cyd", engine="plain,other"))
    again = asked(web, before)
    assert {path for path in again if "?" in path} == {"async?more Ada"}
    assert last.details["names"]["Ada"]["state"] == "done"
    assert not {path for path in again if path in ("ada-0.jpg", "ada-1.jpg", "ada-2.jpg") and "other" in path}
    assert len({record["path"] for record in manifest(out)}) == 18


def test_a_refused_folder_takes_another_query(web: Web, tmp_path: Path) -> None:
    """What was searched for in vain, with other options, is no reason not to search."""
    out = tmp_path / "raw"
    with pytest.raises(FacekitError, match="no picture"):
        scrape(options(web, out, "Ada", query="{name} in a hat"))
    assert scrape(options(web, out, "Ada")).kept == 5


# The summary


def test_the_summary_has_a_line_for_each_name(web: Web, tmp_path: Path) -> None:
    out = tmp_path / "raw"
    scrape(options(web, out, "Bob", "Ada"))
    scrape(options(web, out, "Cyd", "Ada", engine="plain,other"))
    with (out / "summary.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(r["name"], r["state"], r["found"], r["kept"], r["short"]) for r in rows] == [
        ("Bob", "done", "12", "8", "0"),
        ("Cyd", "short", "3", "2", "6"),
        ("Ada", "done", "14", "8", "0"),
    ]
    assert rows[1]["reasons"] == "1 http 404"
    assert rows[2]["searches"] == "other: ok; plain: ok"
    assert {path.name for path in out.iterdir() if path.is_dir()} == {"Ada", "Bob", "Cyd"}


def test_the_summary_goes_with_what_it_sums_up(web: Web, tmp_path: Path) -> None:
    out = tmp_path / "raw"
    scrape(options(web, out, "Bob"))
    scrape(options(web, out, "Ada", overwrite=True))
    assert "Bob" not in (out / "summary.csv").read_text()


# Kills


def die_everywhere(dying: Dying, web: Web, before: Path | None, out: Path, work: Callable[[Path], Report]) -> int:
    """Let a run die all along, run it again, compare; return the last change of the disk at which it died."""
    whole = out.with_name("whole")
    if before is not None:
        shutil.copytree(before, whole)
    work(whole)
    wanted, k = read_tree(whole), 1
    while True:
        if before is not None:
            shutil.copytree(before, out)
        died = dying(k, lambda: work(out))
        kept = {record.id for record in read_lines(out / MANIFEST, Record)}
        then = web.requests.copy()
        if not died:
            return k - STRIDE
        work(out)
        assert read_tree(out) == wanted, f"died at change {k}"
        again = {path for path, count in (web.requests - then).items() if count}
        sources = (json.loads(line) for line in (out / "sources.jsonl").read_text().splitlines())
        twice = {s["url"] for s in sources if s["origin"] in kept and "/" + s["url"].split("/", 3)[3] in again}
        assert not twice, f"died at change {k}: fetched what was kept"
        shutil.rmtree(out)
        k += STRIDE


def test_dead_all_along_of_a_first_run(web: Web, tmp_path: Path, dying: Dying) -> None:
    """Two names, two engines, one of them deepened, and links of every kind."""

    def work(out: Path) -> Report:
        return scrape(options(web, out, "Ada", "Cyd", engine="plain,other", bots=1, per_name=7))

    assert die_everywhere(dying, web, None, tmp_path / "out", work) > 40


def test_dead_all_along_of_trying_again(web: Web, tmp_path: Path, dying: Dying, healed: Callable[[], None]) -> None:
    before = tmp_path / "before"
    scrape(options(web, before, "Ada", "Cyd", engine="plain,other", per_name=10))
    healed()

    def work(out: Path) -> Report:
        return scrape(options(web, out, "Ada", "Cyd", engine="plain,other", bots=1, per_name=10))

    assert die_everywhere(dying, web, before, tmp_path / "out", work) > 10


def test_what_failed_in_a_killed_run_is_not_tried_again_by_the_one_that_goes_on(
    web: Web, tmp_path: Path, dying: Dying, healed: Callable[[], None]
) -> None:
    """Its result is that of a run which nobody killed; the next one tries again."""
    out, k = tmp_path / "out", 1
    while True:
        assert dying(k, lambda: scrape(options(web, out, "Ada", "Bob", bots=1)))
        lines = (out / ".scrape.jsonl").read_text() if (out / ".scrape.jsonl").exists() else ""
        if '{"label": "Ada", "ends": "short"}\n' in lines:
            break
        shutil.rmtree(out, ignore_errors=True)
        k += 4
    healed()
    assert scrape(options(web, out, "Ada", "Bob")).details["names"]["Ada"]["state"] == "short"
    assert sum(r["reason"] == "http 500" for r in rejected(out)) == 2
    assert scrape(options(web, out, "Ada", "Bob")).details["names"]["Ada"]["state"] == "done"


@needs_browser
def test_killed_often_in_one_long_run(tmp_path: Path) -> None:
    """Real browsers, real kills, one after another; `benchmarks/kills.py` does it ten times over fifty names."""
    with own_place() as place:
        with serve(faulty(4, 12)) as web:
            names = [f"Name {k:03d}" for k in range(4)]
            arguments = (*names, "--base-url", web.base_url, "--per-name", "8", "--bots", "2")
            outcome = kill_often(web, tmp_path, arguments, kills=3)
        assert outcome.killed == 3
        assert outcome.differs == []
        assert outcome.twice == []
        assert gone(place)
