"""Scraping from names to a tree: a real browser, a real server, and every way in which a run is cut short."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from leftovers import gone, kill_browser, needs_browser, own_place
from plainweb import Plain, many, noise

from facekit.base.contract import FacekitError, Report
from facekit.commands.scrape import scrape
from facekit.commands.scrape.names import words
from facekit.dataset import REMOVED, Dataset
from facekit.options.scrape import Scrape
from facekit.sources.engines import Results, Search
from facekit.sources.engines.bing import Bing
from facekit.world.web import Web, serve

LONG = "Wolfeschlegelsteinhausenbergerdorff " * 8 + "Hubert Blaine"
ODD = ["AC/DC", "..", "Ada\nLovelace", "👩🏽‍🚀 Sally", LONG]
BROKEN = {0: "slow", 1: "slow", 3: "404", 5: "html", 6: "truncated", 8: "flaky"}

CHILD = """
import json, os, signal, sys
from facekit.base import files
from facekit.options.scrape import Scrape
from facekit.commands.scrape import scrape
left = int(sys.argv[1])
append = files.append_line
def counted(path, line):
    global left
    append(path, line)
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
files.append_line = counted
print("ready", flush=True)
scrape(Scrape(**json.loads(sys.argv[2])))
"""


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    with own_place() as folder:
        yield folder


@pytest.fixture(scope="module")
def web(place: Path) -> Iterator[Web]:
    names = {
        "Ada": many("ada", 20, BROKEN),
        "Bob": [*many("bob", 12), *many("bob", 8, dict.fromkeys(range(8), "noindex-other"))],
        "Cyd": many("cyd", 12),
        "Few": many("few", 3, {1: "404"}),
        "Slow": many("slow", 12, dict.fromkeys(range(12), "drip")),
        **{words(name, "{name}"): many(f"odd{k}", 5) for k, name in enumerate(ODD)},
    }
    variants = {"Robot": "blocked", "Redesign": "redesigned"}
    with serve(Plain(names), variants=variants) as one:
        yield one


def options(web: Web, out: Path, *names: str, **more: Any) -> Scrape:
    settings: dict[str, Any] = {"per_name": 8, "bots": 2, "base_url": web.base_url}
    return Scrape(names=list(names), output=out, **{**settings, **more})


def child(given: Scrape, kill_after: int = 0) -> subprocess.Popen[str]:
    """Scrape in a process of its own, which is killed after so many written lines."""
    values = {"names": given.names, "output": str(given.output), "base_url": given.base_url}
    values |= {"per_name": given.per_name, "bots": given.bots, "grid": given.grid}
    command = [sys.executable, "-c", CHILD, str(kill_after), json.dumps(values)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str]) -> str:
    """The child's stderr, when it has ended."""
    return process.communicate(timeout=60)[1]


def tree(root: Path) -> dict[str, Any]:
    """Every file of a tree; the times of fetching left out."""
    found: dict[str, Any] = {}
    for path in sorted(p for p in root.rglob("*") if p.is_file()):
        data: Any = path.read_bytes()
        if path.name == "sources.jsonl":
            data = [{k: v for k, v in json.loads(line).items() if k != "fetched_at"} for line in data.splitlines()]
        found[str(path.relative_to(root))] = data
    return found


def lines_of(root: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (root / name).read_text().splitlines()]


@pytest.fixture(scope="module")
def whole(web: Web, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Report]:
    """One uninterrupted run over two names."""
    out = tmp_path_factory.mktemp("whole") / "raw"
    return out, scrape(options(web, out, "Ada", "Bob"))


@needs_browser
def test_rank_decides_and_not_who_arrived_first(web: Web, whole: tuple[Path, Report]) -> None:
    out, report = whole
    sources = {source["origin"]: source for source in lines_of(out, "sources.jsonl")}
    records = lines_of(out, "manifest.jsonl")
    kept = [(r["label"], sources[r["origin"]]["url"].rpartition("/")[2]) for r in records]
    assert kept == [("Ada", f"ada-{k}.jpg") for k in (0, 1, 2, 4, 7, 8, 9, 10)] + [
        ("Bob", f"bob-{k}.jpg") for k in range(8)
    ]
    assert [sources[r["origin"]]["rank"] for r in records[:4]] == [1, 2, 3, 6]
    assert (report.made, report.kept) == (16, 16)
    assert not report.details["shortfalls"]
    for record in records:
        data = (out / record["path"]).read_bytes()
        assert data == noise(sources[record["origin"]]["url"].rpartition("/")[2]), "saved as found"
    assert Dataset.open(out).labels == ["Ada", "Bob"]


@needs_browser
def test_broken_links_are_counted_with_their_reason(whole: tuple[Path, Report]) -> None:
    out, report = whole
    assert report.left == {"http 404": 1, "web page": 1, "incomplete": 1}
    rejected = lines_of(out, "rejected.jsonl")
    assert [(r["label"], r["reason"]) for r in rejected] == [
        ("Ada", "http 404"),
        ("Ada", "web page"),
        ("Ada", "incomplete"),
    ]
    assert all(r["path"].startswith("http://127.") for r in rejected)


@needs_browser
def test_no_bot_is_left(place: Path, whole: tuple[Path, Report]) -> None:
    assert gone(place)


@needs_browser
def test_a_second_run_does_nothing(web: Web, whole: tuple[Path, Report]) -> None:
    out, _ = whole
    before, asked = tree(out), web.requests.total()
    report = scrape(options(web, out, "Ada", "Bob"))
    assert (report.made, report.kept) == (0, 16)
    assert tree(out) == before
    assert web.requests.total() == asked


@needs_browser
def test_more_names_extend_the_folder(web: Web, whole: tuple[Path, Report], tmp_path: Path) -> None:
    out = tmp_path / "raw"
    scrape(options(web, out, "Ada"))
    report = scrape(options(web, out, "Ada", "Bob"))
    assert (report.made, report.kept) == (8, 16)
    assert tree(out) == tree(whole[0])


@needs_browser
@pytest.mark.parametrize("lines", [2, 23])
def test_a_killed_run_goes_on_to_the_same_tree(
    web: Web, place: Path, whole: tuple[Path, Report], tmp_path: Path, lines: int
) -> None:
    out = tmp_path / "raw"
    before = web.requests.copy()
    given = options(web, out, "Ada", "Bob")
    killed = child(given, kill_after=lines)
    finish(killed)
    assert killed.returncode == -signal.SIGKILL
    manifest = out / "manifest.jsonl"
    vouched = [r["origin"] for r in lines_of(out, manifest.name)] if manifest.exists() else []
    scrape(given)
    assert tree(out) == tree(whole[0])
    urls = {s["origin"]: s["url"] for s in lines_of(out, "sources.jsonl")}
    for origin in vouched:
        path = "/" + urls[origin].split("/", 3)[3]
        allowed = 2 if "flaky" in path else 1
        assert web.requests[path] - before[path] <= allowed, f"{path} was kept and fetched again"
    assert gone(place), "the next start sweeps up what a kill left"


@needs_browser
def test_ctrl_c_ends_everything_at_once_and_the_run_goes_on(web: Web, place: Path, tmp_path: Path) -> None:
    given = options(web, tmp_path / "raw", "Cyd", "Slow")
    running = child(given)
    end = time.monotonic() + 30
    while not (tmp_path / "raw" / "manifest.jsonl").exists() and time.monotonic() < end:
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    said = finish(running)  # gives up on one that waits for its downloads
    assert "KeyboardInterrupt" in said
    assert gone(place)
    manifest = (tmp_path / "raw" / "manifest.jsonl").read_bytes()
    assert manifest.endswith(b"\n")
    report = scrape(options(web, tmp_path / "raw", "Cyd"))
    assert report.kept == 8


@needs_browser
def test_what_a_person_removed_or_moved_stays_so(web: Web, whole: tuple[Path, Report], tmp_path: Path) -> None:
    out = tmp_path / "raw"
    shutil.copytree(whole[0], out)
    photos = [r for r in lines_of(out, "manifest.jsonl") if r["label"] == "Ada"]
    (out / photos[1]["path"]).unlink()
    (out / photos[4]["path"]).rename(out / "Bob" / Path(photos[4]["path"]).name)
    asked = web.requests.total()
    report = scrape(options(web, out, "Ada", "Bob"))
    assert web.requests.total() == asked
    assert report.kept == 15
    assert report.left[REMOVED] == 1
    ada = report.details["names"]["Ada"]
    assert (ada["folder"], ada["state"], ada["searches"]) == ("Ada", "done", {"bing": "ok"})
    assert (ada["kept"], ada["removed"], ada["short"]) == (7, 1, 0)
    assert sum(r["label"] == "Bob" for r in lines_of(out, "manifest.jsonl")) == 9
    before = tree(out)
    scrape(options(web, out, "Ada", "Bob"))
    assert tree(out) == before


@needs_browser
def test_odd_names_have_safe_folders_and_are_kept_as_asked(web: Web, tmp_path: Path) -> None:
    out = tmp_path / "raw"
    report = scrape(options(web, out, *ODD, "ac/dc", per_name=2))
    assert report.kept == 2 * len(ODD)
    assert len(report.details["notices"]) >= 1
    records = lines_of(out, "manifest.jsonl")
    assert list(dict.fromkeys(r["name"] for r in records)) == [name.strip() for name in ODD]
    folders = {p.name for p in out.iterdir() if p.is_dir()}
    assert folders == {r["label"] for r in records}
    assert len(folders) == len(ODD)


@needs_browser
def test_a_name_without_pictures_is_reported_and_never_fatal(web: Web, tmp_path: Path) -> None:
    report = scrape(options(web, tmp_path / "raw", "Nobody", "Few", "Redesign", per_name=4, bots=3))
    states = {name: (found["state"], found["searches"]["bing"]) for name, found in report.details["names"].items()}
    assert states == {
        "Nobody": ("short", "empty"),
        "Few": ("short", "ok"),
        "Redesign": ("failed", "layout changed"),
    }
    short = {row["name"]: (row["short"], row["why"]) for row in report.details["shortfalls"]}
    assert short == {
        "Nobody": (4, "bing: empty; 0 found"),
        "Few": (2, "bing: ok; 3 found, 1 http 404"),
        "Redesign": (4, "bing: layout changed; 0 found"),
    }
    assert report.left == {"http 404": 1}


@needs_browser
def test_nothing_at_all_and_a_block_are_errors_that_say_so(web: Web, tmp_path: Path) -> None:
    with pytest.raises(FacekitError, match=r"no picture was found for any of 1 name \(1 empty\)"):
        scrape(options(web, tmp_path / "one", "Nobody"))
    with pytest.raises(FacekitError, match="bing blocked every search"):
        scrape(options(web, tmp_path / "two", "Robot"))


@needs_browser
def test_a_dead_browser_costs_a_requeue_and_nothing_else(
    web: Web, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    search, deaths = Bing.search, []

    def die_once(self: Bing, driver: Any, wanted: Search) -> Results:
        if not deaths:
            deaths.append(wanted.query)
            kill_browser(place)
        return search(self, driver, wanted)

    monkeypatch.setattr(Bing, "search", die_once)
    report = scrape(options(web, tmp_path / "raw", "Cyd", bots=1))
    assert deaths and report.kept == 8
    assert gone(place)


@needs_browser
def test_a_bug_keeps_its_traceback_and_leaves_no_browser(
    web: Web, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Bing, "search", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        scrape(options(web, tmp_path / "raw", "Cyd"))
    assert gone(place)


@needs_browser
def test_overwrite_starts_anew(web: Web, whole: tuple[Path, Report], tmp_path: Path) -> None:
    out = tmp_path / "raw"
    shutil.copytree(whole[0], out)
    report = scrape(options(web, out, "Cyd", overwrite=True))
    assert (report.made, report.kept) == (8, 8)
    assert {p.name for p in out.iterdir() if p.is_dir()} == {"Cyd"}


def test_dry_run_writes_nothing(web: Web, tmp_path: Path) -> None:
    asked = web.requests.total()
    report = scrape(options(web, tmp_path / "raw", "Ada", "A/B", dry_run=True))
    assert report.details["would_search"] == ["Ada", "A/B"]
    assert report.details["folders"] == {"Ada": "Ada", "A/B": "A_B"}
    assert not (tmp_path / "raw").exists()
    assert web.requests.total() == asked


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"query": "portrait"}, "--query"),
        ({"base_url": "ftp://x"}, "--base-url"),
        ({"contact": "a\nb"}, "--contact"),
        ({"engine": "bong"}, "no engine called 'bong'"),
    ],
)
def test_options_are_refused_before_work_starts(web: Web, tmp_path: Path, more: dict[str, Any], said: str) -> None:
    with pytest.raises(FacekitError, match=said):
        scrape(options(web, tmp_path / "raw", "Ada", **more))
    assert not os.path.lexists(tmp_path / "raw")
