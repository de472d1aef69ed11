"""Browsers that take too much are killed, with the reason; real processes stand in for theirs."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from leftovers import gone, needs_browser, own_place

from facekit.sources import browser
from facekit.sources.browser import processes, watching
from facekit.sources.browser.watching import Watch

HOG = "import sys, time; held = bytearray(int(sys.argv[1])); print('ready', flush=True); time.sleep(60)"
FAMILY = """
import subprocess, sys, time
children = [subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) for _ in range(int(sys.argv[1]))]
print("ready", flush=True); time.sleep(60)
"""


@contextmanager
def session(script: str, argument: int) -> Iterator[int]:
    """A process that leads a session of its own, as a driver does."""
    command = [sys.executable, "-c", script, str(argument)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        try:
            yield process.pid
        finally:
            assert processes.end(process.pid) == []


class Noted:
    """What would be killed."""

    def __init__(self) -> None:
        self.why = ""
        self.killed = threading.Event()

    def kill(self, why: str = "") -> None:
        self.why = why
        self.killed.set()


def test_members_of_a_session_are_found_and_ended() -> None:
    with session(FAMILY, 3) as leader:
        assert len(processes.members([leader])[leader]) == 4
    assert processes.members([leader]) == {leader: []}


def test_memory_is_that_of_all_members_and_what_they_share_counts_once() -> None:
    with session(HOG, 100_000_000) as leader:
        pids = processes.members([leader])[leader]
        assert 100e6 < processes.weighed(pids) < 150e6
        assert 100e6 < processes.held(pids) < 150e6
    with session(FAMILY, 8) as leader:
        pids = processes.members([leader])[leader]
        assert processes.held(pids) < 9 * 15e6
    assert processes.held(pids) == processes.weighed(pids) == 0


@pytest.mark.parametrize(
    ("script", "argument", "limit", "most", "why"),
    [
        (HOG, 100_000_000, "MOST_MEMORY", 80_000_000, r"it used 0\.1 GB of memory, more than 0\.1"),
        (FAMILY, 3, "MOST_PROCESSES", 2, "it had 4 processes, more than 2"),
        (HOG, 1, "MOST_DISK", 1_000_000, r"it wrote 2 MB to the disk"),
    ],
)
def test_whoever_takes_too_much_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, argument: int, limit: str, most: int, why: str
) -> None:
    monkeypatch.setattr(watching, limit, most)
    monkeypatch.setattr(watching, "EVERY", 0.02)
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "x").write_bytes(bytes(range(256)) * 8000)
    one, watch = Noted(), Watch()
    with session(script, argument) as leader:
        watch.add(leader, one, tmp_path)
        assert one.killed.wait(10)
        watch.discard(leader)
    assert re.fullmatch(why, one.why)


def test_others_are_left_alone_and_the_thread_ends_with_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "EVERY", 0.02)
    one, watch = Noted(), Watch()
    with session(HOG, 1) as leader:
        watch.add(leader, one, tmp_path)
        assert not one.killed.wait(0.5)
        watch.discard(leader)
    assert until(lambda: watch._thread is None)
    with session(HOG, 1) as leader:
        watch.add(leader, one, tmp_path)
        assert watch._thread is not None
        watch.discard(leader)
    assert until(lambda: watch._thread is None)


@needs_browser
def test_a_browser_that_is_killed_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    with own_place() as place:
        one = browser.LocalBrowser()
        one.start()
        monkeypatch.setattr(watching, "MOST_MEMORY", 50_000_000)
        assert until(lambda: "of memory, more than" in one.cause)
        one.close()
        assert gone(place)


def until(is_so: Callable[[], bool], seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while not is_so() and time.monotonic() < end:
        time.sleep(0.02)
    return is_so()
