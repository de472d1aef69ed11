"""What a browser must not leave behind, and a place where only one test's browsers can."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
from selenium.webdriver.remote.webdriver import WebDriver

from facekit.sources import browser

NO_BROWSER = "no Chrome or Chromium with its driver was found on this machine"


def browser_is_missing() -> bool:
    """Whether tests are to be skipped for want of a browser; where one must be had they run, and fail."""
    return None in browser.find() and not os.environ.get("FACEKIT_REQUIRE_BROWSER")


needs_browser = pytest.mark.skipif(browser_is_missing(), reason=NO_BROWSER)


@contextmanager
def browse() -> Iterator[WebDriver]:
    """The driver of one browser, which is gone when the block ends."""
    one = browser.LocalBrowser()
    try:
        yield one.start()
    finally:
        one.close()


@contextmanager
def own_place() -> Iterator[Path]:
    """A short temporary folder, for this process and those it starts."""
    with pytest.MonkeyPatch.context() as patch:
        folder = Path(tempfile.mkdtemp(prefix="fk-", dir="/tmp"))
        patch.setattr(tempfile, "tempdir", str(folder))
        patch.setenv("TMPDIR", str(folder))
        yield folder
        shutil.rmtree(folder, ignore_errors=True)


def using(folder: Path) -> list[psutil.Process]:
    """The living processes that were started for a bot's folder under this one."""
    found = []
    for process in psutil.process_iter():
        try:
            place = f"{folder}/{browser.PREFIX}"
            mine = place in " ".join(process.cmdline()) or process.environ().get("TMPDIR", "").startswith(place)
            if mine and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def kind_of(process: psutil.Process) -> str:
    """`driver`, `browser`, `renderer`, or what else a browser calls its helpers."""
    arguments = process.cmdline()
    for name, kind in (("chromedriver", "driver"), ("crashpad", "crashpad")):
        if name in arguments[0]:
            return kind
    return next((a.removeprefix("--type=") for a in arguments if a.startswith("--type=")), "browser")


def send(folder: Path, kind: str, how: signal.Signals = signal.SIGKILL) -> int:
    """Send a signal to the processes of one kind under a folder, and to no others; return to how many."""
    sent = 0
    for process in using(folder):
        # One may end, with all its helpers, between being listed and being asked.
        with suppress(psutil.Error, IndexError):
            if kind_of(process) == kind:
                process.send_signal(how)
                sent += 1
    return sent


def kill_browser(folder: Path) -> None:
    """Kill the browsers under a folder, and not their helpers, as a crash does."""
    send(folder, "browser")


def gone(folder: Path, seconds: float = 5) -> bool:
    """Whether neither process nor folder of a bot is left, after a moment for the dying."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not using(folder) and not list(folder.glob(f"{browser.PREFIX}*")):
            return True
        time.sleep(0.05)
    return False
