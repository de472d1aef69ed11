"""Lines of progress: how fast, and how long the rest takes, as a person says it."""

from __future__ import annotations

import io
import time
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console as Screen

from facekit.base.contract import AtMost
from facekit.cli.bars import _Left, _Rate, duration, progress
from facekit.cli.console import Console
from facekit.cli.tracking import Tracker


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.2, "0 s"), (99.4, "99 s"), (101, "2 min"), (2850, "48 min"), (5940, "99 min"), (7500, "2 h 5 min")],
)
def test_durations_are_said_as_people_do(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_a_line_says_how_long_the_rest_takes() -> None:
    assert progress("crop", 50, 200, 25.0) == "crop: 50/200 (2.0/s, 75 s left)"
    assert progress("crop", 200, 200, 25.0) == "crop: 200/200 (8.0/s)"
    assert progress("crop", 50, None, 25.0) == "crop: 50 (2.0/s)"
    assert progress("crop", 0, 200, 25.0) == "crop: 0/200 (0.0/s)"


def test_what_the_first_item_waits_for_is_not_counted_again() -> None:
    """The first step of a training waits for its graph: it says nothing of the other steps."""
    assert progress("train", 11, 101, 40.0, first=30.0) == "train: 11/101 (0.3/s, 90 s left)"


def test_what_is_done_says_the_rate_over_all_its_time() -> None:
    """The last items may come in a burst: 16 in 4 seconds are four a second, however fast they came."""
    done: Any = SimpleNamespace(completed=16, finished_time=4.0, finished_speed=235_563.9, speed=235_563.9)
    assert str(_Rate().render(done)) == "4.0/s"
    running: Any = SimpleNamespace(completed=8, finished_time=None, finished_speed=None, speed=2.5)
    assert str(_Rate().render(running)) == "2.5/s"


def test_a_loop_that_may_end_early_says_at_most(capsys: pytest.CaptureFixture[str]) -> None:
    assert progress("train", 50, 200, 25.0, at_most=True).endswith(", at most 75 s left)")
    assert list(AtMost(3)) == [0, 1, 2]
    assert len(AtMost(3)) == 3
    for most, said in ((False, "75 s"), (True, "≤ 75 s")):
        task: Any = SimpleNamespace(finished=False, time_remaining=75.0, fields={"at_most": most})
        assert str(_Left().render(task)) == said
    with Console() as console:
        assert list(console.track(AtMost(3), "train")) == [0, 1, 2]
        assert list(console.track([], "nothing")) == []
    said = capsys.readouterr().err
    assert "train: 3/3" in said
    assert "nothing" not in said, "a loop over nothing is not worth a line"


def on_a_terminal(width: int = 80) -> tuple[Console, io.StringIO]:
    """Return a console whose screen is a terminal, and what is written to that."""
    console, file = Console(), io.StringIO()
    console.screen = Screen(file=file, force_terminal=True, width=width, no_color=True)
    console._tracker = Tracker(console.screen, console.say)
    return console, file


def test_what_is_said_after_a_loop_stands_below_its_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facekit.cli.tracking._SHORT", 0.0)
    console, file = on_a_terminal()
    for number in console.track(range(2), "predict"):
        if number:
            console.say("in the middle")
        time.sleep(0.01)
    console.say("2 faces have a name")
    console.stop()
    text = file.getvalue()
    assert text.index("in the middle") < text.rindex("2/2") < text.index("2 faces have a name")


def test_a_long_error_is_broken_between_words_on_a_terminal() -> None:
    console, file = on_a_terminal(width=40)
    console.error("no such folder: photos; type `facekit crop my/photos -o faces --detector yunet` in another folder")
    assert file.getvalue().replace("\x1b[1m", "").replace("\x1b[0m", "").splitlines() == [
        "error: no such folder: photos; type",
        "`facekit crop my/photos -o faces --detector yunet`",
        "in another folder",
    ]


def test_the_bar_of_a_loop_that_was_stopped_does_not_fill_up() -> None:
    for stops, said in ((False, "3/3"), (True, "3/8")):
        console, file = on_a_terminal()
        for number in console.track(range(8), "train"):
            if number == 2:
                if stops:
                    console.stopping("Stopping …")
                break
        console.end("Interrupted.")
        assert said in file.getvalue().rpartition("Interrupted.")[0]
