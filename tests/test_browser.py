"""A real browser starts, and nothing of it is left, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from leftovers import browse, gone, needs_browser, own_place, send, using
from selenium.common.exceptions import WebDriverException
from urllib3.exceptions import HTTPError

from facekit.base.contract import FacekitError
from facekit.sources import browser
from facekit.sources.browser import running


@pytest.fixture
def place() -> Iterator[Path]:
    with own_place() as folder:
        yield folder


def start_elsewhere(place: Path) -> tuple[subprocess.Popen[str], Path]:
    """A process of its own that has started a browser; with the bot's folder."""
    script = (
        "import sys, time; from facekit.sources.browser import LocalBrowser\n"
        "b = LocalBrowser(); b.start(); print(b._folder, flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def test_an_environment_variable_must_name_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACEKIT_BROWSER", "/no/such/browser")
    with pytest.raises(FacekitError, match="FACEKIT_BROWSER is '/no/such/browser'"):
        browser.find()


def test_environment_comes_before_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    driver = tmp_path / "mydriver"
    driver.write_text("")
    monkeypatch.setenv("SE_CHROMEDRIVER", str(driver))
    assert browser.find().driver == str(driver)


def test_find_looks_in_the_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("FACEKIT_BROWSER", "FACEKIT_DRIVER", "SE_CHROMEDRIVER"):
        monkeypatch.delenv(name, raising=False)
    for name in ("google-chrome", "chromedriver"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert browser.find() == (str(tmp_path / "google-chrome"), str(tmp_path / "chromedriver"))


@needs_browser
def test_a_browser_leaves_nothing_behind(place: Path) -> None:
    with browse() as driver:
        driver.get("data:text/html,<title>hello</title>")
        assert driver.title == "hello"
        assert using(place)
    assert gone(place)


@needs_browser
def test_a_long_temporary_folder_is_no_hindrance(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    long = tmp_path / ("x" * 80)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    with browse() as driver:
        assert driver.capabilities["browserName"] == "chrome"


@needs_browser
def test_kill_from_another_thread_frees_the_one_that_waits(place: Path) -> None:
    one = browser.LocalBrowser()
    driver = one.start()
    threading.Timer(0.5, one.kill).start()
    began = time.monotonic()
    with pytest.raises((WebDriverException, HTTPError, OSError)):
        driver.execute_async_script("setTimeout(arguments[0], 30000)")
    one.close()
    assert time.monotonic() - began < 8
    assert gone(place)


@needs_browser
def test_a_dead_driver_is_closed_all_the_same(place: Path) -> None:
    one = browser.LocalBrowser()
    one.start()
    assert one._service is not None
    os.kill(one._service.process.pid, signal.SIGKILL)
    one.close()
    assert gone(place)


def test_a_driver_that_does_not_start_leaves_nothing(place: Path, tmp_path: Path) -> None:
    broken = tmp_path / "chromedriver"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    with pytest.raises(WebDriverException):
        browser.LocalBrowser(browser.Found(None, str(broken))).start()
    assert gone(place)


@needs_browser
def test_the_next_start_sweeps_up_after_a_kill_and_leaves_the_living_alone(place: Path) -> None:
    killed, folder = start_elsewhere(place)
    living = browser.LocalBrowser()
    living.start()
    killed.kill()
    killed.wait()
    assert killed.stdout is not None
    killed.stdout.close()
    assert folder.exists()
    assert browser.sweep() == 1
    assert not folder.exists()
    assert living.driver.title is not None
    living.close()
    assert gone(place)


@needs_browser
def test_a_hung_driver_is_asked_once(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also what only reads, which urllib3 would ask for four times."""
    monkeypatch.setattr(running, "QUIT_SECONDS", 1)
    one = browser.LocalBrowser()
    driver = one.start()
    one.set_patience(1)
    assert send(place, "driver", signal.SIGSTOP) == 1
    began = time.monotonic()
    with pytest.raises(HTTPError):
        driver.title  # noqa: B018 - asks
    assert time.monotonic() - began < 2.5
    one.close()
    assert gone(place)
