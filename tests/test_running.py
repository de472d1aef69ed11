"""How a command ends that is interrupted: in one line, also where a library makes another error of Ctrl-C."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from facekit.base.contract import Track
from facekit.cli.codes import INTERRUPTED
from facekit.cli.running import Shared, run
from facekit.options.registry import Command
from facekit.options.stats import Stats

ALONE = Shared(json=False, quiet=False, log_file=None, max_megapixels=None)


def turns_ctrl_c_into_an_error(options: Stats, track: Track) -> None:
    """As TensorFlow does while it traces a function."""
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        raise SystemError("bad argument to internal function") from None


def has_a_bug(options: Stats, track: Track) -> None:
    raise SystemError("bad argument to internal function")


def test_ctrl_c_is_ctrl_c_whatever_a_library_makes_of_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = signal.getsignal(signal.SIGINT)
    command = Command("stats", Stats, f"{__name__}:{turns_ctrl_c_into_an_error.__name__}")
    assert run(command, {"tree": tmp_path}, ALONE) == INTERRUPTED
    assert capsys.readouterr().err == "error: interrupted; run the same command again to go on\n"
    assert signal.getsignal(signal.SIGINT) is before
    with pytest.raises(SystemError):  # a bug stays one
        run(Command("stats", Stats, f"{__name__}:{has_a_bug.__name__}"), {"tree": tmp_path}, ALONE)
