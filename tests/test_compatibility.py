"""What facekit 0.1.0 wrote is read, and gone on with, by today's commands.

The folders in `data/v0_1_0` were made by that version: `make.py` there says how.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from conftest import Facekit, read_tree, records
from older import MADE, move, unpack

from facekit.base.contract import Decision, Record, Rejection, Source
from facekit.base.files import read_lines
from facekit.dataset import INFO, MANIFEST, Dataset
from facekit.dataset.decisions import Decisions, standing
from facekit.world.content import Link
from facekit.world.web import serve

PORT = ":28733/"
"""The port of the web that the photos come from."""

TREES = {"raw": 15, "faces": 16, "clean": 14, "balanced": 16, "augmented": 20, "raw-interrupted": 3}


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A copy of all that 0.1.0 made, at a place of its own."""
    root = unpack(tmp_path / "old")
    move(root)
    return root


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


# Trees


@pytest.mark.parametrize("name", TREES)
def test_a_tree_is_read(old: Path, name: str) -> None:
    tree = Dataset.open(old / name)
    assert len(tree.records) == TREES[name]
    assert tree.labels == ["Marlow Alder", "Quinn Ibarra"] or name == "raw-interrupted"
    assert all(tree.bytes_of(record)[:2] == b"\xff\xd8" for record in tree.records)
    assert {record.origin for record in tree.records} <= tree.sources.keys()


@pytest.mark.parametrize("name", TREES)
def test_each_line_is_written_as_it_was_read(name: str) -> None:
    for file, kind in ((MANIFEST, Record), ("sources.jsonl", Source), ("rejected.jsonl", Rejection)):
        written = (MADE / name / file).read_text().splitlines()
        assert [value.to_json() for value in read_lines(MADE / name / file, kind)] == written
    if name == "clean":
        written = (MADE / name / "decisions.jsonl").read_text().splitlines()
        assert [one.to_json() for one in read_lines(MADE / name / "decisions.jsonl", Decision)] == written


def test_a_tree_has_the_digest_that_runs_recorded(old: Path) -> None:
    for run, tree in (("run", "augmented"), ("head", "balanced"), ("run-interrupted", "balanced")):
        assert (
            Dataset.open(old / tree).digest() == json.loads((old / run / "model.json").read_text())["dataset"]["digest"]
        )


# Stages


@pytest.mark.parametrize(
    "arguments",
    [
        ("crop", "raw", "--faces", "all", "--size", "64", "-o", "faces"),
        ("clean", "faces", "-o", "clean", "--min-images", "3"),
        ("balance", "clean", "-o", "balanced", "-n", "8"),
        ("augment", "clean", "-o", "augmented", "-n", "10"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_stage_makes_nothing_again(
    old: Path, facekit: Facekit, monkeypatch: pytest.MonkeyPatch, arguments: Sequence[str]
) -> None:
    monkeypatch.chdir(old)
    output = old / arguments[arguments.index("-o") + 1]
    before, info = read_tree(output), json.loads((output / INFO).read_text())
    report = facekit(*arguments, "--json").report
    assert (report["made"], report["kept"]) == (0, TREES[output.name])
    assert json.loads((output / INFO).read_text()) == info, "in whichever order"
    assert {**read_tree(output), INFO: None} == {**before, INFO: None}


def test_an_interrupted_crop_goes_on(old: Path, facekit: Facekit) -> None:
    whole, part = old / "faces", old / "faces-interrupted"
    done = read_tree(part)
    report = facekit("crop", old / "raw", "--faces", "all", "--size", "64", "-o", part, "--json").report
    assert (report["made"], report["kept"]) == (10, 16)
    assert [(r.id, r.path, r.box) for r in records(part)] == [(r.id, r.path, r.box) for r in records(whole)]
    after = read_tree(part)
    assert all(after[path] == data for path, data in done.items() if path.endswith(".jpg"))


def test_decisions_are_applied(old: Path, facekit: Facekit) -> None:
    """Three of them had been; one was made later; one was taken back."""
    book = Decisions(old / "clean")
    assert len(book.history()) == 6
    assert len(standing(book.history())) == 4
    command = ("clean", old / "faces", "-o", old / "clean", "--min-images", "3", "--json")
    assert facekit(*command).report["details"]["decisions"] == {"in force": 3, "waiting": 1}
    last = records(old / "clean")[-1]
    report = facekit(*command, "--apply").report
    assert report["details"]["decisions"] == {"in force": 4, "waiting": 0}
    assert (report["made"], report["kept"]) == (0, 13)
    assert last.id not in {record.id for record in records(old / "clean")}


def test_a_recipe_runs(old: Path, facekit: Facekit) -> None:
    report = facekit("run", old / "recipe.toml", "-o", old / "again", "--json").report
    assert [stage["stage"] for stage in report["details"]["stages"]] == ["crop", "clean", "balance"]
    assert len(records(old / "again" / "balance")) == 16


# Scrapes


@dataclass
class Kept:
    """Serves the photos of a finished scrape, in the order of its results."""

    root: Path

    def links(self, query: str) -> list[Link]:
        return [Link(path, query) for path, record in self._photos().items() if record.name == query]

    def picture(self, path: str) -> bytes | None:
        record = self._photos().get(path)
        return None if record is None else (self.root / record.path).read_bytes()

    def _photos(self) -> dict[str, Record]:
        tree = Dataset.open(self.root)
        return {urlsplit(tree.sources[r.origin].url or "").path: r for r in tree.records}


def test_an_interrupted_scrape_goes_on_and_a_finished_one_searches_no_more(old: Path, facekit: Facekit) -> None:
    whole, part = old / "raw", old / "raw-interrupted"
    with serve(Kept(MADE / "raw")) as web:
        for folder in (whole, part):
            for file in (*folder.glob("*.jsonl"), *folder.glob(".*.jsonl")):
                file.write_text(file.read_text().replace(PORT, f":{web.server_port}/"))
        scrape = ("scrape", "Quinn Ibarra", "Marlow Alder", "--engine", "openverse", "--base-url", web.base_url,
                  "--per-name", "9", "--bots", "1", "--json")  # fmt: skip
        report = facekit(*scrape, "-o", part).report
        assert (report["made"], report["kept"]) == (12, 15)
        assert {r.id for r in records(part)} == {r.id for r in records(whole)}
        assert not [path for path in web.requests if path.startswith("/v1/images")], "both searches had been done"

        before = read_tree(whole)
        report = facekit(*scrape, "-o", whole).report
        assert (report["made"], report["kept"]) == (0, 15)
        assert read_tree(whole)[MANIFEST] == before[MANIFEST]


# Runs


def test_an_interrupted_training_goes_on(old: Path, facekit: Facekit) -> None:
    run = old / "run-interrupted"
    first = json.loads((run / "checkpoint" / "state.json").read_text())["rows"][0]
    train = (
        "train",
        old / "balanced",
        "-o",
        run,
        "--network",
        "cnn3",
        "--size",
        "32",
        "--epochs",
        "3",
        "--stop-at",
        "1.01",
    )
    report = facekit(*train, "--json").report
    assert report["details"]["epochs"] == 3
    assert not (run / "checkpoint").exists()
    head, *rows = (run / "history.csv").read_text().splitlines()
    assert len(rows) == 3
    epoch = dict(zip(head.split(","), rows[0].split(","), strict=True))
    assert float(epoch["loss"]) == pytest.approx(first["loss"], rel=1e-3), "the first epoch is the one of then"
    weights = (run / "model.weights.h5").read_bytes()
    assert facekit(*train, "--resume", "--json").report["details"]["epochs"] == 3, "0.1.0 needed the option"
    assert (run / "model.weights.h5").read_bytes() == weights, "a finished run is not trained again"


@pytest.mark.parametrize("run", ["run", "head"])
def test_a_run_answers_and_scores_as_it_did(
    old: Path, facekit: Facekit, monkeypatch: pytest.MonkeyPatch, run: str
) -> None:
    monkeypatch.chdir(old)
    answers = lines(facekit("predict", run, "balanced", "--no-detect", "--min-confidence", "0").out)
    then = lines((MADE / f"{run}.predict.jsonl").read_text())
    assert [(a["picture"], a["label"]) for a in answers] == [(a["picture"], a["label"]) for a in then]
    assert [a["confidence"] for a in answers] == pytest.approx([a["confidence"] for a in then], abs=2e-3)

    before = json.loads((MADE / run / "evaluation" / "scores.json").read_text())
    facekit("evaluate", run)
    now = json.loads((old / run / "evaluation" / "scores.json").read_text())
    assert now["accuracy"] == before["accuracy"]
    assert now["confusion"] == before["confusion"]
    assert now["calibration"]["nll"] == pytest.approx(before["calibration"]["nll"], abs=2e-3)


def test_a_run_is_looked_into_and_audited(old: Path, facekit: Facekit) -> None:
    """Also where a report of then is there already."""
    assert (old / "run" / "inspection" / "inspection.json").is_file()
    assert facekit("inspect", old / "run", "--count", "1").code == 0
    assert (old / "run" / "inspection" / "report.html").is_file()
    assert facekit("audit", old / "run").code == 0
    assert facekit("audit", old / "balanced", "-o", old / "audit").code == 0
    assert (old / "audit" / "report.html").is_file()


def test_a_run_gives_its_weights_to_another(old: Path, facekit: Facekit) -> None:
    train = ("train", old / "balanced", "-o", old / "new", "--network", "cnn3", "--size", "32")
    report = facekit(*train, "--weights", old / "run", "--warmup-epochs", "1", "--epochs", "2", "--json").report
    assert report["details"]["epochs"] <= 2


def test_folds_are_not_trained_again(old: Path, facekit: Facekit) -> None:
    folds = old / "head" / "evaluation-2-folds"
    before = {path: path.stat().st_mtime_ns for path in folds.rglob("head.npz")}
    accuracy = json.loads((folds / "scores.json").read_text())["accuracy"]
    assert facekit("cross-validate", old / "head", "--folds", "2").code == 0
    assert {path: path.stat().st_mtime_ns for path in folds.rglob("head.npz")} == before
    assert json.loads((folds / "scores.json").read_text())["accuracy"] == accuracy


def test_a_comparison_takes_another_network(old: Path, facekit: Facekit) -> None:
    head = old / "comparison" / "runs" / "dlib" / "head.npz"
    before = head.stat().st_mtime_ns
    compare = ("compare", old / "balanced", "-o", old / "comparison", "--json")
    assert facekit(*compare, "--networks", "dlib").code == 0
    assert facekit(*compare, "--networks", "dlib,cnn3", "--size", "32", "--epochs", "1").code == 0
    assert head.stat().st_mtime_ns == before, "what is trained is not trained again"
    rows = json.loads((old / "comparison" / "compare.json").read_text())["rows"]
    assert set(rows) == {"dlib", "cnn3"}
