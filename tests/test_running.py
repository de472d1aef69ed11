"""How a command ends that is interrupted: in one line, also where a library makes another error of Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from facekit.base.contract import Track
from facekit.cli.codes import INTERRUPTED
from facekit.cli.interrupting import terminate
from facekit.cli.running import Shared, run
from facekit.options.audit import Audit
from facekit.options.balance import Balance
from facekit.options.base import Options
from facekit.options.registry import Command
from facekit.options.stats import Stats

STOPPING = Options.stopping

ALONE = Shared(json=False, quiet=False, log_file=None, max_megapixels=None)
QUIET = Shared(json=False, quiet=True, log_file=None, max_megapixels=None)


def turns_ctrl_c_into_an_error(options: Stats, track: Track) -> None:
    """As TensorFlow does while it traces a function."""
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        raise SystemError("bad argument to internal function") from None


def has_a_bug(options: Stats, track: Track) -> None:
    raise SystemError("bad argument to internal function")


def is_stopped_before_it_writes(options: Balance, track: Track) -> None:
    signal.raise_signal(signal.SIGINT)


def is_stopped_while_it_writes(options: Balance, track: Track) -> None:
    if not options.dry_run:
        (options.output / "Ada").mkdir(parents=True, exist_ok=True)
        (options.output / "Ada" / "1.jpg").write_bytes(b"")
    signal.raise_signal(signal.SIGINT)


def is_ended_by_the_system(options: Balance, track: Track) -> None:
    signal.raise_signal(signal.SIGTERM)


def command(function: Callable[..., object], options: type = Balance) -> Command:
    return Command(options.__name__.lower(), options, f"{__name__}:{function.__name__}")


def test_ctrl_c_is_ctrl_c_whatever_a_library_makes_of_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = signal.getsignal(signal.SIGINT)
    assert run(command(turns_ctrl_c_into_an_error, Stats), {"tree": tmp_path}, ALONE) == INTERRUPTED
    assert capsys.readouterr().err == f"{STOPPING}\nInterrupted.\n"
    assert signal.getsignal(signal.SIGINT) is before
    assert run(command(turns_ctrl_c_into_an_error, Audit), {"folder": tmp_path}, ALONE) == INTERRUPTED
    again = "Interrupted. Typed again, the command begins from the start."
    assert capsys.readouterr().err == f"{STOPPING}\n{again}\n"
    with pytest.raises(SystemError):  # a bug stays one
        run(command(has_a_bug, Stats), {"tree": tmp_path}, ALONE)


@pytest.mark.parametrize(
    ("function", "more", "says"),
    [
        (is_stopped_before_it_writes, {}, "Interrupted before anything was written."),
        (is_stopped_while_it_writes, {}, "Interrupted. Run the same command again to go on."),
        (
            is_stopped_while_it_writes,
            {"overwrite": True},
            "Interrupted. Run the same command again, without --overwrite, to go on.",
        ),
        (is_stopped_while_it_writes, {"dry_run": True}, "Interrupted."),
    ],
)
def test_it_says_whether_there_is_something_to_go_on_with(
    function: Callable[..., object],
    more: dict[str, bool],
    says: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    old = tmp_path / "out" / "Bob"  # what an earlier run has made is nothing that this one had begun
    old.mkdir(parents=True)
    for path in (old, old.parent):
        os.utime(path, (time.time() - 60,) * 2)
    values = {"input": tmp_path, "output": tmp_path / "out", **more}
    assert run(command(function), values, ALONE) == INTERRUPTED
    assert capsys.readouterr().err == f"{STOPPING}\n{says}\n"
    assert run(command(function), values, QUIET) == INTERRUPTED
    assert STOPPING not in capsys.readouterr().err


def test_a_system_that_ends_it_is_answered_as_ctrl_c_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = signal.signal(signal.SIGTERM, terminate)  # as `main` sets it
    try:
        values = {"input": tmp_path, "output": tmp_path / "out"}
        assert run(command(is_ended_by_the_system), values, ALONE) == INTERRUPTED
        assert signal.getsignal(signal.SIGTERM) is terminate
    finally:
        signal.signal(signal.SIGTERM, before)
    assert capsys.readouterr().err == f"{STOPPING}\nInterrupted before anything was written.\n"


def test_a_second_signal_ends_the_waiting_without_a_crash(plain: Path, tmp_path: Path) -> None:
    """Workers are in OpenCV then, and Python's own exit would abort under them. Two at once are one."""
    script = tmp_path / "slow.py"
    script.write_text(
        "import sys\n"
        "import cv2, numpy as np\n"
        "from facekit.base.parallel import ordered_map\n"
        "from facekit.commands import crop as stage\n"
        "from facekit.cli import main\n"
        "image = np.zeros((4000, 4000, 3), np.float32)\n"
        "def work(number):\n"
        "    for _ in range(30):\n"
        "        cv2.GaussianBlur(image, (31, 31), 5)\n"
        "def slow(*rest):\n"
        "    print('begun', file=sys.stderr, flush=True)\n"
        "    list(ordered_map(work, range(9), 2))\n"
        "stage._crop = slow\n"
        "main()\n"
    )
    words = [sys.executable, str(script), "crop", str(plain), "-o", str(tmp_path / "out")]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        while (line := process.stderr.readline()) != "begun\n":
            assert line
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        assert process.stderr.readline() == f"{STOPPING}\n"
        process.send_signal(signal.SIGTERM)
        time.sleep(1.2)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.stderr.read() == "Interrupted before anything was written.\n"
    assert process.returncode == INTERRUPTED


def test_the_line_comes_before_what_was_begun_is_finished(plain: Path, tmp_path: Path) -> None:
    """`Stopping` is there while the stage still cleans up."""
    script = tmp_path / "slow.py"
    script.write_text(
        "import sys, time\n"
        "from facekit.commands import crop as stage\n"
        "from facekit.cli import main\n"
        "def slow(*rest):\n"
        "    print('begun', file=sys.stderr, flush=True)\n"
        "    try:\n"
        "        time.sleep(60)\n"
        "    finally:\n"
        "        time.sleep(3)\n"
        "stage._crop = slow\n"
        "main()\n"
    )
    words = [sys.executable, str(script), "crop", str(plain), "-o", str(tmp_path / "out")]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        while (line := process.stderr.readline()) != "begun\n":
            assert line
        process.send_signal(signal.SIGINT)
        assert process.stderr.readline() == f"{STOPPING}\n"
        assert process.poll() is None  # it still cleans up
        assert process.stderr.readline() == "Interrupted before anything was written.\n"
    assert process.returncode == INTERRUPTED


def test_a_command_of_a_pipe_that_still_waits_says_nothing_of_ctrl_c(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C reaches them all at once, and three that talk write over each other."""

    def stopped() -> str:
        signal.raise_signal(signal.SIGINT)
        return str(tmp_path)

    monkeypatch.setattr("facekit.cli.running.read_folder", stopped)
    values = {"input": "-", "output": tmp_path / "out"}
    assert run(command(is_stopped_before_it_writes), values, ALONE) == INTERRUPTED
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("facekit.cli.running.read_folder", lambda: str(tmp_path))
    assert run(command(is_stopped_while_it_writes), values, ALONE) == INTERRUPTED
    assert capsys.readouterr().err == f"{STOPPING}\nInterrupted. Run the same command again to go on.\n"
