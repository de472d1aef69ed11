"""The demo: what it will do, how long it says that takes, and, slowly, that it does it."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from conftest import Facekit

from facekit.base.contract import Report
from facekit.cli import demo as demos
from facekit.cli.demo import COSTS, Clock, steps
from facekit.cli.estimate import Cost, Pace, pace
from facekit.cli.run import Step, read
from facekit.options import registry
from facekit.options.demo import Demo
from facekit.options.train import Train
from facekit.world.content import World

RECIPE = Path(demos.__file__).with_name("demo.toml")
WORLD = World(people=2, photos=8)
ORDER = ["scrape", "crop", "clean", "train", "evaluate", "balance", "augment", "train", "evaluate"]


def test_a_first_score_comes_before_the_network_is_trained(facekit: Facekit, tmp_path: Path) -> None:
    done = facekit("demo", "-o", tmp_path / "out", "--dry-run")
    assert done.code == 0
    lines = [line.split() for line in done.out.splitlines()]
    assert [words[1] for words in lines] == ORDER
    out = str(tmp_path / "out")
    assert lines[3][2:] == [f"{out}/clean", "-o", f"{out}/first", "--backbone", "sface"]
    assert lines[4][2:] == [f"{out}/first"]
    assert lines[5][2] == f"{out}/clean", "the first score does not come in between"
    assert lines[7][2:5] == [f"{out}/augment", "-o", f"{out}/train"]
    assert not (tmp_path / "out").exists()


def test_without_an_embedder_there_is_no_first_score(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demos.embedders, "available", lambda name: False)
    found = [step.command.name for step in steps(Demo(), read(RECIPE), WORLD, "http://127.0.0.1:1")]
    assert found == [*ORDER[:3], *ORDER[5:]]
    assert "first" not in Clock(list(demos._costs(steps(Demo(), read(RECIPE), WORLD, ""))), Pace(1, 1)).forecast()


def test_every_step_has_its_cost() -> None:
    planned = steps(Demo(), read(RECIPE), WORLD, "http://127.0.0.1:1")
    names = [name for cost in demos._costs(planned) for name, known in COSTS.items() if known is cost]
    assert names == ["scrape", "crop", "clean", "first", "first score", "balance", "augment", "train", "evaluate"]


def test_the_time_is_counted_in_steps_that_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facekit.cli.estimate.workers", lambda jobs: 2)
    assert Pace(photo=0.5, step=0.25).seconds([Cost(photos=8, seconds=1), Cost(steps=12)]) == 0.5 * 4 + 3 + 1
    slow, fast = (Clock(list(COSTS.values()), speed) for speed in (Pace(0.4, 0.2), Pace(0.04, 0.02)))
    assert sum(slow._seconds) > sum(fast._seconds)
    assert slow.forecast().startswith("about ")
    assert " to a first score and " in slow.forecast()


def test_what_the_stages_took_corrects_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("facekit.cli.demo.time.monotonic", lambda: now[0])
    clock = Clock([Cost(seconds=10), Cost(seconds=20), Cost(seconds=30)], Pace(1, 1))
    assert clock.left() == 60
    now[0] += 20  # twice as long as expected
    clock.tick(Report("crop", "x"))
    assert clock.left() == 2 * 50
    now[0] += 10_000  # an hour's sleep says nothing of the machine
    clock.tick(Report("clean", "x"))
    assert clock.left() == 4 * 30
    clock.tick(Report("train", "x"))
    assert clock.left() == 0


def test_scores_are_said_when_they_are_known(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr("facekit.cli.demo.time.monotonic", lambda: 5.0)
    clock = Clock([Cost(seconds=10), Cost(seconds=20)], Pace(1, 1))
    with caplog.at_level("INFO"):
        clock.tick(Report("evaluate", "x", details={"accuracy": 0.9375, "pictures": 48}))
        clock.tick(Report("evaluate", "x", details={"accuracy": 1.0, "pictures": 30}))
    first, left, last = caplog.messages
    assert first.startswith("first score after 0 s: 93.8% of the test photos (48)")
    assert left.startswith("about ")
    assert last.startswith("score after 0 s: 100.0% of the test photos (30)")


def test_a_pace_is_measured_on_a_drawn_photo_and_a_batch() -> None:
    options = Train(input="x", output="y", network="cnn3", size=32, batch=4)
    found = Clock.measured([Step(registry.own("train"), options)], World(people=2, photos=12))
    assert found._seconds[0] > COSTS["first"].seconds
    found = pace(lambda number: None, options, 2)
    assert found.photo < found.step < 600


def test_a_demo_of_other_pictures_says_what_to_type(
    facekit: Facekit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stale(*arguments: object) -> None:
        raise demos.StaleError("the pictures have changed", "facekit run demo.toml", "give another output")

    monkeypatch.setattr(demos, "execute", stale)
    (tmp_path / "out").mkdir()
    done = facekit("demo", "-o", tmp_path / "out")
    assert done.code == 2
    assert f"`facekit demo -o {tmp_path / 'out'} --overwrite`" in done.err


@pytest.mark.slow
def test_the_demo_reaches_what_it_is_asked_for(facekit: Facekit, tmp_path: Path) -> None:
    began = time.monotonic()
    done = facekit("demo", "-o", tmp_path / "out")
    took = time.monotonic() - began
    assert done.code == 0, done.err
    first, last = (json.loads((tmp_path / "out" / run / "model.json").read_text()) for run in ("first", "train"))
    assert last["stopped"] == "reached 0.97"
    assert last["scores"]["val_accuracy"] >= 0.97
    assert last["drawn"]
    assert first["drawn"]
    lines = done.err.splitlines()
    order = [
        next(n for n, line in enumerate(lines) if word in line) for word in ("to a first score", "first score after")
    ]
    assert order == sorted(order)
    assert took < 3600
