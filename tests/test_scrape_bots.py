"""Bots: whatever dies under them costs a search once more, and nothing else."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from leftovers import gone, needs_browser, send, using
from plainengine import ENGINES

from facekit.base import plugins
from facekit.base.contract import FacekitError
from facekit.commands.scrape import bot, bots, scrape
from facekit.commands.scrape.browsers import DEATHS
from facekit.commands.scrape.tasks import CHANGED, Pace, Task, Tasks
from facekit.options.scrape import Scrape
from facekit.sources import browser
from facekit.sources.browser import running
from facekit.sources.engines import Results, Search, State
from facekit.sources.engines.bing import Bing
from facekit.world.web import Web

NAMES = [f"Name {number}" for number in range(6)]


@pytest.fixture(autouse=True)
def engines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(plugins.PARTS, "engine", {**plugins.PARTS["engine"], **ENGINES})


def options(bot_web: Web, out: Path, *names: str, **more: Any) -> Scrape:
    return Scrape(
        **{"names": list(names), "output": out, "per_name": 4, "base_url": bot_web.base_url, "bots": 1, **more}
    )


def strike(monkeypatch: pytest.MonkeyPatch, times: int, blow: Callable[[], object]) -> list[str]:
    """Let something happen to the browser in the middle of the first searches; return the list of them, to come."""
    search, struck = Bing.search, list[str]()

    def struck_search(self: Bing, driver: Any, wanted: Search) -> Results:
        if len(struck) < times:
            struck.append(wanted.query)
            driver.get(self.base_url)
            blow()
        return search(self, driver, wanted)

    monkeypatch.setattr(Bing, "search", struck_search)
    return struck


@needs_browser
@pytest.mark.parametrize("kind", ["renderer", "browser", "driver"])
def test_a_death_costs_one_requeue(
    bot_web: Web,
    bot_place: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    kind: str,
) -> None:
    struck = strike(monkeypatch, 1, lambda: send(bot_place, kind))
    report = scrape(options(bot_web, tmp_path / "raw", *NAMES[:2]))
    assert struck == [NAMES[0]]
    assert report.kept == 8
    assert [r.message for r in caplog.records if "failed" in r.message][0].startswith(f"a search for {NAMES[0]} failed")
    assert sum("failed" in r.message for r in caplog.records) == 1
    assert gone(bot_place)


@needs_browser
@pytest.mark.parametrize("kind", ["renderer", "browser"])
def test_a_hang_ends_with_the_time_out_and_costs_one_requeue(
    bot_web: Web, bot_place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(running, "CLIENT_SECONDS", 3)
    monkeypatch.setattr(running, "QUIT_SECONDS", 1)
    struck = strike(monkeypatch, 1, lambda: send(bot_place, kind, signal.SIGSTOP))
    began = time.monotonic()
    report = scrape(options(bot_web, tmp_path / "raw", NAMES[0]))
    assert struck and report.kept == 4
    assert time.monotonic() - began < 40
    assert gone(bot_place)


@needs_browser
def test_a_search_that_never_ends_is_cut_off(
    bot_web: Web, bot_place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The browser answers, the page goes on for ever: no time-out of a single answer ends that."""
    monkeypatch.setattr(bots, "HANG", 3.0)
    search, struck = Bing.search, list[str]()

    def endless(self: Bing, driver: Any, wanted: Search) -> Results:
        while not struck:
            try:
                driver.execute_script("return 1")
            except DEATHS:
                struck.append(wanted.query)
                raise
        return search(self, driver, wanted)

    monkeypatch.setattr(Bing, "search", endless)
    report = scrape(options(bot_web, tmp_path / "raw", NAMES[0]))
    assert struck and report.kept == 4
    assert any("has hung" in r.message for r in caplog.records)
    assert gone(bot_place)


@needs_browser
def test_a_name_whose_browser_dies_thrice_is_given_up_and_the_others_are_not(
    bot_web: Web, bot_place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = Bing.search

    def deadly(self: Bing, driver: Any, wanted: Search) -> Results:
        if wanted.query == NAMES[1]:
            driver.get(self.address(wanted))
            driver.set_script_timeout(0.2)
            driver.execute_async_script("/* never calls back */")
        return search(self, driver, wanted)

    monkeypatch.setattr(Bing, "search", deadly)
    report = scrape(options(bot_web, tmp_path / "raw", *NAMES[:3]))
    states = {name: found["state"] for name, found in report.details["names"].items()}
    assert states == {NAMES[0]: "done", NAMES[1]: "failed", NAMES[2]: "done"}
    assert "imeout" in report.details["names"][NAMES[1]]["searches"]["bing"]
    page, picture = (Path(path) for path in report.details["kept_pages"])
    assert f"<title>{NAMES[1]}" in page.read_text()
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert gone(bot_place)


@needs_browser
def test_browsers_are_recycled_by_searches_and_by_memory(
    bot_web: Web, bot_place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = list[int]()
    start = browser.LocalBrowser.start

    def counted(self: browser.LocalBrowser) -> Any:
        started.append(1)
        return start(self)

    monkeypatch.setattr(browser.LocalBrowser, "start", counted)
    monkeypatch.setattr(bot, "RECYCLE", 2)
    scrape(options(bot_web, tmp_path / "one", *NAMES, per_name=1))
    assert len(started) == 3
    monkeypatch.setattr(bot, "RECYCLE", 25)
    monkeypatch.setattr(bot, "WEIGH", 3)
    monkeypatch.setattr(bot, "HEAVY", 50_000_000)
    scrape(options(bot_web, tmp_path / "two", *NAMES, per_name=1))
    assert len(started) == 5
    assert gone(bot_place)


@needs_browser
def test_an_idle_bot_lets_its_browser_go_and_gets_another(
    bot_web: Web, bot_place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bot, "IDLE", 0.2)
    monkeypatch.setattr("facekit.commands.scrape.collect.NAMES_AHEAD", -3)  # one name at a time
    search, alone = Bing.search, list[bool]()

    def noted(self: Bing, driver: Any, wanted: Search) -> Results:
        alone.append(len(list(bot_place.glob(f"{browser.PREFIX}*"))) == 1)
        return search(self, driver, wanted)

    monkeypatch.setattr(Bing, "search", noted)
    report = scrape(options(bot_web, tmp_path / "raw", *NAMES[:3], bots=2))
    assert report.kept == 12
    assert alone == [True, True, True]
    assert gone(bot_place)


@needs_browser
def test_memory_is_that_of_the_whole_browser() -> None:
    one = browser.LocalBrowser()
    assert one.memory() == 0
    one.start()
    assert 100e6 < one.memory() < 2e9
    one.close()
    assert one.memory() == 0


def test_no_browser_at_all_is_an_error_that_says_so(
    bot_web: Web, bot_place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "chromedriver"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setenv("FACEKIT_DRIVER", str(broken))
    with pytest.raises(FacekitError, match="the browser does not start"):
        scrape(options(bot_web, tmp_path / "raw", *NAMES, bots=3))
    assert gone(bot_place)


@needs_browser
def test_a_bot_without_a_browser_leaves_the_work_to_the_others(
    bot_web: Web, bot_place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    start, lucky = browser.LocalBrowser.start, list[int]()
    lock = threading.Lock()

    def only_one(self: browser.LocalBrowser) -> Any:
        with lock:
            mine = not lucky
            lucky.append(1)
        if not mine:
            raise OSError("no room for another browser")
        return start(self)

    monkeypatch.setattr(browser.LocalBrowser, "start", only_one)
    monkeypatch.setattr(bot, "IDLE", 60.0)
    report = scrape(options(bot_web, tmp_path / "raw", *NAMES, bots=3))
    assert report.kept == 24
    assert any("has no browser (OSError: no room" in r.message for r in caplog.records)
    assert gone(bot_place)


def test_an_engine_without_a_browser_starts_none(
    bot_web: Web, bot_place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browser.LocalBrowser, "start", lambda self: 1 / 0)
    monkeypatch.setenv("FACEKIT_DRIVER", os.devnull)
    monkeypatch.setattr(browser, "find", lambda: 1 / 0)
    with pytest.raises(FacekitError, match=r"no picture was found for any of 2 names \(2 empty\)"):
        scrape(options(bot_web, tmp_path / "raw", *NAMES[:2], engine="plain"))
    assert not using(bot_place)


def test_a_server_that_is_not_there_is_asked_three_times(bot_web: Web, tmp_path: Path) -> None:
    with pytest.raises(FacekitError, match="1 ConnectionError"):
        scrape(options(bot_web, tmp_path / "raw", NAMES[0], engine="dead"))


# Patience


def test_turns_are_an_interval_apart_over_all_bots() -> None:
    pace, turns, stop = Pace("bing", 0.1), list[float | None](), threading.Event()
    threads = [threading.Thread(target=lambda: turns.append(pace.wait(stop))) for _ in range(5)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    apart = sorted(turn for turn in turns if turn is not None)
    assert len(apart) == 5
    # A thread may wake late, never early.
    assert all(turn - began >= 0.1 * bot_place - 0.01 for bot_place, turn in enumerate(apart))


def test_the_first_block_is_a_rest_and_the_second_the_end(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    pace, stop = Pace("bing", 0.0, rest=0.2), threading.Event()
    first, meanwhile = pace.wait(stop), pace.wait(stop)
    assert first is not None and meanwhile is not None
    assert not pace.blocked(first)
    assert not pace.blocked(meanwhile), "a search that was under way is part of the first block"
    assert 0 < pace.resting <= 0.2
    assert pace.wait(stop) is None, "whoever waited while the rest began goes back to the queue"
    time.sleep(0.25)
    again = pace.wait(stop)
    assert again is not None
    assert pace.blocked(again)
    assert pace.over is not None and pace.over.state is State.BLOCKED
    assert [r.message for r in caplog.records] == [
        "bing blocked a search; it is not used for 0 minutes",
        "bing blocked searches twice; it is not used again in this run",
    ]


def test_a_changed_page_ends_an_engine_only_where_none_could_be_read() -> None:
    pace, other = Pace("bing", 0.0), Pace("google", 0.0)
    other.read(changed=False)
    for _ in range(CHANGED):
        assert pace.over is None
        pace.read(changed=True)
        other.read(changed=True)
    assert pace.over is not None and pace.over.state is State.LAYOUT_CHANGED
    assert other.over is None


def task(label: str, engine: str = "bing") -> Task:
    return Task(label, engine, Search(label, 1))


def test_a_resting_engine_holds_up_only_itself() -> None:
    paces = {"bing": Pace("bing", 0.0, rest=60), "commons": Pace("commons", 0.0)}
    tasks = Tasks([task("Ada"), task("Bob")], paces, slots=8)
    assert tasks.take() == task("Ada")
    paces["bing"].blocked(1.0)
    tasks.put(task("Ada"))
    tasks.put(task("Cyd", "commons"))
    assert tasks.take() == task("Cyd", "commons")
    assert tasks.take() is None and tasks.peek(0.05) is None


def test_names_wait_for_room_and_their_further_searches_do_not() -> None:
    tasks = Tasks(map(task, "abc"), {"bing": Pace("bing", 0.0), "commons": Pace("commons", 0.0)}, slots=1)
    assert tasks.take() == task("a")
    assert tasks.take() is None
    tasks.put(task("a", "commons"))
    assert tasks.take() == task("a", "commons")
    assert tasks.take() is None
    threading.Timer(0.05, tasks.release).start()
    assert tasks.peek(2.0) == task("b")
    tasks.close()
    assert tasks.peek(2.0) is None and tasks.take() is None
