"""Pages from strangers: whatever they do, a scrape ends, takes a bounded amount of memory, and leaves nothing behind.

The real command in a process of its own, a real browser, and `hostileweb`, which plays the engines. Time-outs are
shorter than real ones, and every search is tried once, except in the tests that are left to `make bench`.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import hostileweb
import psutil
import pytest
from connections import Lookout
from hostileweb import BEHAVIOURS, DUCKS, GOOGLES, OTHER_HOST, PRIVATE, Hostile, Trap
from leftovers import gone, needs_browser, own_place, using

pytestmark = needs_browser

CHILD = """
import json, sys
from facekit.cli import main
from facekit.commands.scrape import bot
from facekit.sources.browser import running
for name, value in json.loads(sys.argv.pop(1)).items():
    module = bot if hasattr(bot, name) else running
    setattr(module, name, value)
sys.argv[0] = "facekit"
main()
"""

IMPATIENT = {"REQUEUES": 0, "PAGE_SECONDS": 4, "SCRIPT_SECONDS": 3, "CLIENT_SECONDS": 7}
PATIENT = {"REQUEUES": 0, "PAGE_SECONDS": 60, "CLIENT_SECONDS": 90}

MB = 1_000_000
FACEKIT_MOST, BROWSER_MOST = 250 * MB, 2500 * MB
"""Bytes that facekit, and one browser with its helpers, may use at any moment: the limit, and what comes in a look."""

LOOKS = 5
"""Looks at facekit for each at its browsers: to weigh all processes of one takes longer than a look is apart."""

TELLING = [
    "hangs before headers",
    "endless body",
    "200 MB in a card",
    "deep JSON",
    "lying scripts",
    "fills the heap",
    "never stops, with cards",
    "dialogs without end",
    "a worker that keeps the page",
    "refreshes to a private address",
    "redirects to a private address",
    "scripts to private addresses",
]
"""One of each kind; the others are left to `make bench`."""


@pytest.fixture
def place() -> Iterator[Path]:
    with own_place() as folder:
        yield folder


@pytest.fixture(scope="module")
def web() -> Iterator[Hostile]:
    with hostileweb.serve() as one:
        yield one


@dataclass
class Run:
    """How a scrape fared."""

    code: int
    stderr: str
    facekit: int
    """Most bytes at one moment."""
    browsers: int
    """Most bytes of the largest browser, with its helpers, at one moment."""
    left: list[str] = field(default_factory=list)
    """Command lines of what was still there when the command had ended."""


def start(
    web: Hostile, out: Path, names: Sequence[str], *more: str, patch: Mapping[str, int] = IMPATIENT
) -> subprocess.Popen[str]:
    arguments = ["scrape", *names, "--base-url", web.base_url, "-o", str(out), "--per-name", "4", *more]
    command = [sys.executable, "-c", CHILD, json.dumps(patch), *arguments]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str], place: Path, seconds: float) -> Run:
    """Wait for a scrape, and weigh it meanwhile."""
    run = Run(0, "", 0, 0)
    watching = threading.Thread(target=_watch, args=(process, place, run))
    watching.start()
    try:
        run.stderr = process.communicate(timeout=seconds)[1]
    finally:
        process.kill()
        run.left = [" ".join(one.cmdline()[:2]) for one in using(place)]
        watching.join()
    run.code = process.returncode
    return run


def _watch(process: subprocess.Popen[str], place: Path, run: Run) -> None:
    look = 0
    while process.poll() is None:
        run.facekit = max(run.facekit, _weight(process.pid))
        if look % LOOKS == 0:
            run.browsers = max(run.browsers, _of_browsers(place))
        look += 1
        time.sleep(0.1)


def _of_browsers(place: Path) -> int:
    """The bytes of the largest browser, with its helpers, at this moment."""
    weights: dict[int, int] = {}
    for one in using(place):
        try:
            session = os.getsid(one.pid)
        except OSError:
            continue
        weights[session] = weights.get(session, 0) + _weight(one.pid)
    return max(weights.values(), default=0)


def _weight(pid: int) -> int:
    try:
        memory = psutil.Process(pid).memory_full_info()
    except (psutil.Error, OSError):
        return 0
    return int(getattr(memory, "pss", memory.rss))


def check(run: Run, web: Hostile, place: Path, out: Path) -> dict[str, str]:
    """Hold a run against what is promised; return name -> how its search ended."""
    assert run.code in (0, 2), run.stderr
    assert "Traceback" not in run.stderr
    assert run.facekit < FACEKIT_MOST
    assert run.browsers < BROWSER_MOST
    assert not run.left
    assert gone(place, 1)
    assert not web.trap.caught
    for path in out.glob(".scrape/*"):
        assert path.stat().st_size <= 5 * MB
    searches = out / ".scrape.jsonl"
    lines = [json.loads(line) for line in searches.read_text().splitlines()]
    return {line["name"]: next(iter(line["searches"].values()))["state"] for line in lines if "name" in line}


CALLER = """
import socket, sys
host, _, port = sys.argv[1].rpartition(":")
kind = socket.SOCK_DGRAM if sys.argv[2:] else socket.SOCK_STREAM
one = socket.socket(socket.AF_INET, kind)
one.connect((host, int(port)))
one.send(b"x")
print("there", flush=True)
sys.stdin.read()
"""


@contextmanager
def caller(address: str, temporary: Path, *more: str) -> Iterator[None]:
    """A process that is connected to an address, with a temporary folder of its own."""
    command = [sys.executable, "-c", CALLER, address, *more]
    environment = {**os.environ, "TMPDIR": str(temporary)}
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stdin is not None
        assert process.stdout.readline() == "there\n"
        yield
        process.stdin.close()


def _caught(trap: Trap) -> bool:
    end = time.monotonic() + 10
    while not trap.caught and time.monotonic() < end:
        time.sleep(0.05)
    return bool(trap.caught)


@pytest.mark.parametrize("more", [(), ("udp",)])
def test_the_trap_counts_who_belongs_to_the_test_and_nobody_else(
    place: Path, tmp_path: Path, more: tuple[str, ...]
) -> None:
    for _ in range(3):  # an earlier test's browser may still call at a port that it knew, which is free again
        trap = Trap()
        address = trap.udp if more else trap.addresses[0]
        with caller(address, tmp_path, *more):
            time.sleep(0.5)
            stray = dict(trap.caught)
            if not stray:
                with caller(address, place / "fk-browser", *more):
                    assert _caught(trap)
        trap.close()
        if not stray:
            return
    pytest.fail(f"who does not belong to the test was counted: {stray}")


def test_the_lookout_sees_who_belongs_to_the_test_and_nobody_else(place: Path, tmp_path: Path) -> None:
    """At a loopback address: no test connects to another."""
    try:
        server = socket.create_server((OTHER_HOST, 0))
    except OSError:
        pytest.skip(f"there is no {OTHER_HOST}")
    with server, Lookout(OTHER_HOST) as lookout:
        address = f"{OTHER_HOST}:{server.getsockname()[1]}"
        with caller(address, tmp_path):
            time.sleep(0.5)
            # The server's own end, which nobody has accepted, has no process, and its remote address is another.
            assert not lookout.seen
        with caller(address, place):
            time.sleep(0.5)
        assert lookout.seen


def test_hostile_pages_are_told_apart_and_leave_nothing(web: Hostile, place: Path, tmp_path: Path) -> None:
    out = tmp_path / "raw"
    with Lookout(PRIVATE) as lookout:
        run = finish(start(web, out, TELLING, "--bots", "2"), place, 300)
    states = check(run, web, place, out)
    assert states.keys() == set(TELLING)
    assert not lookout.seen
    # How each fails depends on how busy the machine is: a time-out may come first.
    with_cards = {"never stops, with cards", "scripts to private addresses", "lying scripts"}
    assert {name for name, state in states.items() if state == "ok"} <= with_cards


def test_a_page_that_fills_memory_is_stopped_by_it(web: Hostile, place: Path, tmp_path: Path) -> None:
    """However long it takes: on a busy machine the time-outs of the others come first."""
    out = tmp_path / "raw"
    run = finish(start(web, out, ["fills memory"], "--bots", "1", patch=PATIENT), place, 150)
    states = check(run, web, place, out)
    stopped = re.search(r"it used ([0-9.]+) GB of memory, more than ([0-9.]+)\)", run.stderr)
    assert stopped and "of memory, more than" in states["fills memory"]
    # A look at all of a browser's processes takes a while: the one in this test may come before the last gigabyte.
    used, most = map(float, stopped.groups())
    assert most <= used < BROWSER_MOST / 1e9
    assert run.browsers > 100 * MB


@pytest.mark.parametrize("engine", ["google", "duckduckgo"])
def test_pages_of_the_other_engines(web: Hostile, place: Path, tmp_path: Path, engine: str) -> None:
    out = tmp_path / "raw"
    names = list(GOOGLES if engine == "google" else DUCKS)
    run = finish(start(web, out, names, "--engine", engine, "--bots", "2"), place, 200)
    states = check(run, web, place, out)
    assert states.keys() == set(names)
    assert "ok" not in states.values()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_run_that_is_ended_while_pages_hang_leaves_nothing(
    web: Hostile, place: Path, tmp_path: Path, how: signal.Signals
) -> None:
    if signal.getsignal(how) is signal.SIG_IGN:
        pytest.skip(f"{how.name} is ignored here, and by what is started here: nohup does that")
    before = web.requests.copy()
    names = ["hangs before headers", "never stops"]
    process = start(web, tmp_path / "raw", names, "--bots", "2", patch={})
    end = time.monotonic() + 60
    while sum((web.requests - before).values()) < 2 and time.monotonic() < end:
        time.sleep(0.05)
    began = time.monotonic()
    process.send_signal(how)
    if how is signal.SIGINT:  # whoever is in a hurry presses it twice
        time.sleep(0.2)
        process.send_signal(how)
    run = finish(process, place, 60)
    assert run.code == 130, run.stderr
    assert time.monotonic() - began < 30
    assert not run.left
    assert gone(place, 1)


@pytest.mark.slow
@pytest.mark.parametrize("name", BEHAVIOURS)
def test_every_behaviour(web: Hostile, place: Path, tmp_path: Path, name: str) -> None:
    """With the real time-outs, and each search tried as often as it is."""
    out = tmp_path / "raw"
    with Lookout(PRIVATE) as lookout:
        run = finish(start(web, out, [name], "--bots", "1", patch={}), place, 400)
    check(run, web, place, out)
    assert not lookout.seen


@pytest.mark.slow
def test_every_page_at_once(web: Hostile, place: Path, tmp_path: Path) -> None:
    out = tmp_path / "raw"
    run = finish(start(web, out, list(BEHAVIOURS), "--bots", "4"), place, 1500)
    assert check(run, web, place, out).keys() == BEHAVIOURS.keys()
    assert run.code == 2, "no page leads to a picture that can be had"
    assert f"no picture was found for any of {len(BEHAVIOURS)} names" in run.stderr
    assert not list(out.glob("*/*.*"))
