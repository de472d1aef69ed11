"""Export: one file that answers as the run does, checked before it is written, and read safely."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import Facekit
from exporting import head_run, network_run

from facekit.runs.export import load


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("tf2onnx", reason="the extra `export` is not installed")
    return network_run(tmp_path_factory.mktemp("network"))


@pytest.fixture(scope="module")
def head(even: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return head_run(tmp_path_factory.mktemp("head") / "run", even, "dlib")


def test_a_network_answers_alike_from_a_file(network: Path, tmp_path: Path, facekit: Facekit) -> None:
    file = tmp_path / "out" / "model.onnx"
    report = facekit("export", network, "-o", file, "--json").report
    assert report["details"]["largest difference"] < 1e-5
    assert report["details"]["compared on"] == "9 pictures of its own test part"
    pictures = network.parent / "faces"
    asked = ("--no-detect", "--min-confidence", 0, "--json")
    by_run = facekit("predict", network, pictures, *asked)
    by_file = facekit("predict", file, pictures, *asked)
    answers = [[json.loads(line) for line in done.out.splitlines()] for done in (by_run, by_file)]
    assert len(answers[0]) == 42
    for one, other in zip(*answers, strict=True):
        assert one["label"] == other["label"]
        assert one["probability"] == pytest.approx(other["probability"], abs=2e-4)


def test_the_same_is_not_written_twice_and_nothing_else_is_lost(head: Path, tmp_path: Path, facekit: Facekit) -> None:
    file = tmp_path / "model.onnx"
    assert facekit("export", head, "-o", file).code == 0
    before = file.stat().st_mtime_ns
    again = facekit("export", head, "-o", file)
    assert "is of this very model already" in again.err
    assert file.stat().st_mtime_ns == before
    other = facekit("export", head, "-o", file, "--no-known-faces")
    assert (other.code, file.stat().st_mtime_ns) == (2, before)
    assert "is there already, and is of another model; choose another name, or use --overwrite" in other.err
    assert facekit("export", head, "-o", file, "--no-known-faces", "--overwrite").code == 0
    assert load(file).known is None
    assert load(file).about.open_set is not None


def test_a_head_answers_alike_and_knows_strangers(
    head: Path, drawn_photos: Path, tmp_path: Path, facekit: Facekit
) -> None:
    file = tmp_path / "model.onnx"
    report = facekit("export", head, "-o", file, "--json").report
    assert report["details"]["largest difference"] < 1e-4
    pictures = sorted(path for path in drawn_photos.glob("*/*.jpg"))[:3]
    by_run = facekit("predict", head, *pictures, "--json")
    by_file = facekit("predict", file, *pictures, "--json")
    assert by_run.out
    answers = [[json.loads(line) for line in done.out.splitlines()] for done in (by_run, by_file)]
    for one, other in zip(*answers, strict=True):
        assert one["label"] == other["label"]
        assert one["similarity"] == pytest.approx(other["similarity"], abs=1e-3)
