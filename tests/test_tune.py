"""A search: what it refuses, that nothing is lost or counted twice, and that it never looks at the test part."""

from __future__ import annotations

import csv
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from colours import colours as colours
from patches import tree

from facekit import runs
from facekit.base.contract import FacekitError, Record
from facekit.dataset import Dataset
from facekit.identity.split import split_dataset
from facekit.options.tune import Tune
from facekit.training.search.ranges import Choice, Space, Span, read_space
from facekit.training.search.study import Study
from facekit.training.search.trial import search_parts

RATES = "[ranges]\nlearning_rate = [1e-3, 3e-3, 1e-2]\n"


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tree(tmp_path_factory.mktemp("tuning") / "faces")


def options(faces: Path, output: Path, **more: Any) -> Tune:
    values = {"network": "cnn3", "size": 32, "epochs": 2, "trials": 3, "labels": "classes"}
    return Tune(input=faces, output=output, **(values | more))


def of_file(tmp_path: Path, text: str, **more: Any) -> Space:
    file = tmp_path / "ranges.toml"
    file.write_text(text)
    return read_space(options(tmp_path / "faces", tmp_path / "out", ranges=file, **more))


def test_ranges_are_read(tmp_path: Path) -> None:
    text = """
        [train]
        schedule = "plateau"
        [ranges]
        learning_rate = { low = 1e-4, high = 1e-2, log = true }
        dropout = { low = 0.0, high = 0.4, step = 0.1 }
        patience = { low = 2, high = 4 }
        batch = [32, 64]
    """
    space = of_file(tmp_path, text)
    assert space.ranges["learning_rate"] == Span(1e-4, 1e-2, log=True)
    assert space.ranges["dropout"].grid() == [0.0, 0.1, 0.2, 0.3, 0.4]
    assert space.ranges["patience"].grid() == [2, 3, 4]
    assert space.ranges["batch"] == Choice((32, 64))
    assert space.shared["schedule"] == "plateau"
    with pytest.raises(FacekitError, match="grid cannot count the values of learning_rate; give it a list or a step"):
        space.grid()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[train]\nbatch = 8\n", "varies nothing; add a table"),
        ("[ranges]\nbatsch = [8, 16]\n", "no option called 'batsch'; did you mean batch"),
        ("[ranges]\nbatch = [8, 9000]\n", "batch.*8192"),
        ("[ranges]\nbatch = [8]\n", "batch: give two different values or more"),
        ("[ranges]\nbatch = { low = 8.5, high = 16 }\n", "batch: the option takes whole numbers"),
        ("[ranges]\nlearning_rate = { low = 0.1, high = 0.01 }\n", "learning_rate: low must be less than high"),
        ("[ranges]\nlearning_rate = { low = 0.1 }\n", "learning_rate: give a list of values, or"),
        ("[ranges]\nlearning_rate = { low = 0.0, high = 0.1, log = true }\n", "log needs a low above 0"),
        ('[ranges]\nlearning_rate = { low = "a", high = 0.1 }\n', "low is 'a'; give a number"),
        ("[ranges]\nseed = [1, 2]\n", "seed applies to all trainings; give it to `tune` instead"),
        ("[train]\nbatch = 8\n[ranges]\nbatch = [8, 16]\n", r"batch is in \[train\] and in \[ranges\]"),
        ("[range]\nbatch = [8, 16]\n", "unknown table 'range'"),
        ("batch = [", "ranges.toml"),
    ],
)
def test_wrong_ranges_are_refused_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(FacekitError, match=said) as refused:
        of_file(tmp_path, text)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("network", ["cnn5", "vgg16", "resnet50_v2", "alexnet"])
@pytest.mark.parametrize("sampler", ["tpe", "grid"])
def test_the_default_ranges_are_allowed(tmp_path: Path, network: str, sampler: str) -> None:
    space = read_space(options(tmp_path / "faces", tmp_path / "out", network=network, sampler=sampler, size=96))
    assert ("dropout" in space.ranges) == (network != "resnet50_v2" and sampler == "tpe")
    assert sampler == "tpe" or 8 <= len(space.ranges["learning_rate"].grid()) * 4 <= 12


def study(tmp_path: Path, **more: Any) -> Study:
    chosen = options(tmp_path / "faces", tmp_path / "out", **more)
    return Study(
        tmp_path / "out", chosen, Space({"learning_rate": Span(1e-4, 1e-2, log=True), "batch": Choice((8, 16))})
    )


def test_a_trial_whose_process_died_goes_on_with_its_values(tmp_path: Path) -> None:
    first = study(tmp_path, trials=2)
    with first.next() as given:
        assert given is not None
        trial, values, home = given
        trial.report(0.5, 1)
        with study(tmp_path, trials=2).next() as other:  # of another process, while the first lives
            assert other is not None
            assert (other[0].number, other[1] != values) == (1, True)
            with study(tmp_path, trials=2).next() as third:
                assert third is None
    # Both ended without a result, as if killed.
    again = study(tmp_path, trials=2)
    for number in (0, 1):
        with again.next() as given:
            assert given is not None
            assert given[0].number == number
            assert number or (given[1], given[2]) == (values, home)
            again.finish(given[0], 0.5 + number)
    with again.next() as given:
        assert given is None
    assert [one.state.name for one in again.trials] == ["COMPLETE", "COMPLETE"]
    assert again.best.number == 1
    assert list((tmp_path / "out" / "trials").iterdir()) == []


def test_a_grid_has_each_setting_once(tmp_path: Path) -> None:
    space = Space({"batch": Choice((8, 16)), "label_smoothing": Span(0.0, 0.2, step=0.1)})
    seen = []
    searched = Study(tmp_path / "out", options(tmp_path, tmp_path / "out", sampler="grid", trials=50), space)
    while True:
        with searched.next() as given:
            if given is None:
                break
            seen.append(tuple(given[1].values()))
            searched.finish(given[0], 0.5)
    assert sorted(seen) == [(batch, smoothing) for batch in (8, 16) for smoothing in (0.0, 0.1, 0.2)]


def chosen(folder: Path, **more: Any) -> list[tuple[Any, ...]]:
    """The settings of a whole search in which each trial is as good as its learning rate is small."""
    searched, seen = study(folder, **more), []
    for _ in range(more["trials"]):
        with searched.next() as given:
            assert given is not None
            seen.append(tuple(given[1].values()))
            searched.finish(given[0], 1 - given[1]["learning_rate"])
    return seen


def test_the_second_half_of_a_short_search_goes_by_the_first(tmp_path: Path) -> None:
    tpe, by_chance = (chosen(tmp_path / name, trials=6, sampler=name) for name in ("tpe", "random"))
    assert tpe[:3] == by_chance[:3]
    assert not set(tpe[3:]) & set(by_chance[3:])
    assert len(set(tpe)) == 6


def test_each_photo_validates_one_fold_and_the_test_part_none(faces: Path) -> None:
    split = split_dataset(Dataset.open(faces).hashed(), "70/20/10", "group", 0)
    tested = {record.path for record in split.records if record.split == "test"}
    rest = {record.path for record in split.records} - tested
    assert tested
    for folds in (1, 3):
        parts = search_parts(split, folds, 0)
        assert len(parts) == folds
        for part in parts:
            assert {record.path for record in part.records} == rest
            assert {record.path for record in part.dataset.records} == rest
    validated = [record.path for part in parts for record in part.part("validation")]
    assert sorted(validated) == sorted(rest)
    groups = [{one.group or one.origin for one in part.part("validation")} for part in parts]
    assert not groups[0] & groups[1] | groups[1] & groups[2] | groups[0] & groups[2]
    with pytest.raises(FacekitError, match=r"fewer than --folds 20; add photos$"):
        search_parts(split, 20, 0)


def test_no_trial_begins_when_the_time_is_over(faces: Path, tmp_path: Path, facekit: Callable[..., Any]) -> None:
    typed = ("tune", faces, "-o", tmp_path / "out", "--network", "cnn3", "--size", 32, "--labels", "classes", "--json")
    report = facekit(*typed, "--timeout", "0.000001").report
    assert report["details"]["trials"] == 0
    assert "recipe" not in report["details"]
    assert not (tmp_path / "out" / "final").exists()


def test_a_broken_study_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "study.db").write_text("no database, but long enough to be looked at as one" * 50)
    with pytest.raises(FacekitError, match=r"study\.db cannot be read; delete it to begin again"):
        study(tmp_path)


def table(folder: Path) -> list[dict[str, str]]:
    with (folder / "trials.csv").open(newline="") as lines:
        return list(csv.DictReader(lines))


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """The parts of the pictures that trainings read, in order."""
    from facekit.training import pack

    parts: list[str | None] = []
    decoded = pack.decoded

    def noting(root: Path, records: list[Record], *more: Any) -> Iterator[Any]:
        parts.extend(record.split for record in records)
        return decoded(root, records, *more)

    monkeypatch.setattr(pack, "decoded", noting)
    return parts


def test_a_search_goes_on_and_scores_its_best_once(
    faces: Path, tmp_path: Path, facekit: Callable[..., Any], opened: list[str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    ranges, out = tmp_path / "ranges.toml", tmp_path / "study"
    ranges.write_text(RATES)
    typed = ("tune", faces, "-o", out, "--ranges", ranges, "--network", "cnn3", "--size", 32, "--epochs", 2)
    typed = (*typed, "--labels", "classes", "--sampler", "random", "--json")
    finish = Study.finish

    def killed(self: Study, trial: Any, value: float | None, **said: Any) -> None:
        if trial.number == 1:  # its training is over, and nobody knows yet
            raise KeyboardInterrupt
        finish(self, trial, value, **said)

    with monkeypatch.context() as patched:
        patched.setattr(Study, "finish", killed)
        assert facekit(*typed, "--trials", 2).code == 130
    before = len(opened)
    details = facekit(*typed, "--trials", 2).report["details"]
    assert [(row["trial"], row["state"], row["epochs"]) for row in table(out)] == [
        ("0", "done", "2"),
        ("1", "done", "2"),
    ]
    assert before == 2 * 33
    assert len(opened) == before + 33  # the final training alone: the interrupted trial had all its epochs
    assert set(opened) == {"train", "validation"}
    assert details["test_pictures"] == 9
    assert (out / "final" / "evaluation" / "scores.json").is_file()
    assert facekit("run", out / "best.toml", "--dry-run").code == 0
    refused = facekit(*typed, "--trials", 9)
    assert refused.code == 2
    assert "scored on the test part, which further trials must not follow" in refused.err
    again = facekit(*typed, "--trials", 2, "--jobs", 1).report
    assert again["details"]["test_accuracy"] == details["test_accuracy"]


def test_a_search_of_several_targets_ends_with_a_model_of_them(
    faces: Path, tmp_path: Path, colours: str, facekit: Callable[..., Any]
) -> None:
    """They are given in the file of ranges; a table of theirs lies beside it, wherever the command is called."""
    (tmp_path / "who.csv").write_text("label,shade\nperson0,dark\nperson1,light\n")
    text = '[train]\ntargets = "identity,shade"\ntargets_from = "who.csv"\n[ranges]\nclass_weights = ["auto", "none"]\n'
    (tmp_path / "ranges.toml").write_text(text)
    out = tmp_path / "study"
    typed = ("tune", faces, "-o", out, "--backbone", colours, "--ranges", tmp_path / "ranges.toml", "--trials", 2)
    details = facekit(*typed, "--labels", "classes", "--json").report["details"]
    assert details["test_pictures"] == 9
    assert [(one.name, one.labels) for one in runs.load(out / "final").targets] == [
        ("identity", ("person0", "person1", "person2")),
        ("shade", ("dark", "light")),
    ]
    assert [row["state"] for row in table(out)] == ["done", "done"]
    assert facekit("run", out / "best.toml", "--dry-run").code == 0
    (tmp_path / "who.csv").unlink()
    assert facekit(*typed, "--labels", "classes", "--trials", 3).code == 2


def states(out: Path) -> list[str]:
    """How the trials of a search stand, as its file says; nothing before there is one."""
    try:
        with sqlite3.connect(f"file:{out / 'study.db'}?mode=ro", uri=True) as held:
            return [state for (state,) in held.execute("select state from trials")]
    except sqlite3.OperationalError:
        return []


@pytest.mark.slow
def test_two_processes_and_two_kills_lose_no_trial(faces: Path, tmp_path: Path) -> None:
    out, ranges = tmp_path / "study", tmp_path / "ranges.toml"
    ranges.write_text("[ranges]\nlearning_rate = [1e-4, 3e-4, 1e-3]\n")  # low: none may diverge
    words = ["tune", faces, "-o", out, "--ranges", ranges, "--network", "cnn3", "--size", "32", "--epochs", "4"]
    typed = [sys.executable, "-m", "facekit", *map(str, words), "--labels", "classes", "--trials", "5", "--no-final"]
    said = tmp_path / "said"
    for done in (1, 3):
        with said.open("a") as file:
            several = [subprocess.Popen(typed, stderr=file) for _ in range(2)]
        while sum(state in ("COMPLETE", "PRUNED") for state in states(out)) < done or "RUNNING" not in states(out):
            assert None in [process.poll() for process in several], said.read_text()
            time.sleep(0.1)
        for process in several:
            os.kill(process.pid, signal.SIGKILL)
        assert -signal.SIGKILL in [process.wait() for process in several]
    before = states(out)
    assert "RUNNING" in before  # as the dead have left it
    assert subprocess.run(typed, check=False).returncode == 0
    rows = table(out)
    assert [row["trial"] for row in rows] == [str(number) for number in range(5)]
    assert {row["state"] for row in rows} <= {"done", "given up"}
    assert all(int(row["epochs"]) <= 4 for row in rows)
