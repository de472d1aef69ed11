"""What comes next after each command: one line that works as it is typed, on stderr, and only for people."""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import Facekit, plain_tree
from typer.main import get_command

from facekit import cli
from facekit.base.contract import Report
from facekit.cli.parameters import made
from facekit.options import registry
from facekit.options.base import make
from facekit.options.following import PHOTOS, beside


def following(command: str, report: Report | None = None, **values: Any) -> str | None:
    return make(registry.own(command).options, values).next_command(report or Report(command, "x"))


def details(**more: Any) -> Report:
    return Report("x", "x", details=more)


CASES: list[tuple[str, Report, dict[str, Any], str | None]] = [
    ("scrape", details(), {"output": "w/raw"}, "facekit crop w/raw -o w/faces"),
    ("scrape", details(), {"probe": "bing"}, None),
    ("inspect", details(), {"run": "model", "list_layers": True}, None),
    ("draw", details(), {"output": "photos"}, "facekit crop photos -o faces"),
    ("crop", details(), {"input": "a", "output": "it's"}, "facekit clean 'it'\"'\"'s' -o good"),
    ("clean", details(unsure=2), {"input": "a", "output": "w/good"}, "facekit review w/good"),
    ("clean", details(unsure=0, embedder="dlib+sface"), {"input": "a", "output": "w/good"},
     "facekit train w/good -o w/model --backbone sface"),
    ("clean", details(embedder="dlib"), {"input": "a", "output": "g"}, "facekit train g -o model --backbone dlib"),
    ("clean", details(unsure=0, embedder="dlib", by_person=[{"kept": 9}, {"kept": 0}]), {"input": "a", "output": "g"},
     None),
    ("clean", details(embedder="none"), {"input": "a", "output": "g"}, "facekit balance g -o even"),
    ("review", details(to_carry_out="facekit clean a -o g --apply"), {"folder": "g"}, "facekit clean a -o g --apply"),
    ("review", details(), {"folder": "g"}, None),
    ("balance", details(), {"input": "g", "output": "w/even"}, "facekit augment w/even -o w/full"),
    ("augment", details(), {"input": "e", "output": "w/full"}, "facekit train w/full -o w/model"),
    ("audit", details(to_leave_out_of_training=3), {"folder": "tree"}, "facekit audit tree --without tree-without"),
    ("audit", details(to_leave_out_of_training=3), {"folder": "t", "other": "u"},
     "facekit audit t u --without t-without"),
    ("audit", details(to_leave_out_of_training=0), {"folder": "tree"}, None),
    ("audit", details(), {"folder": "tree", "without": "w/less"}, "facekit train w/less -o w/model"),
    ("train", details(), {"input": "full", "output": "a model"}, "facekit evaluate 'a model'"),
    ("train", details(test_photos=3), {"input": "full", "output": "m"}, "facekit evaluate m"),
    ("train", details(test_photos=0, val_photos=2), {"input": "full", "output": "m"},
     "facekit evaluate m --part validation"),
    ("train", details(test_photos=0, val_photos=0), {"input": "full", "output": "m"},
     "facekit evaluate m --data PHOTOS"),
    ("compare", details(best="s/runs/cnn5"), {"input": "full", "output": "s"}, f"facekit predict s/runs/cnn5 {PHOTOS}"),
    ("compare", details(), {"input": "full", "output": "s"}, None),
    ("evaluate", details(), {"run": "model"}, "facekit predict model PHOTOS"),
    ("inspect", details(), {"run": "model"}, f"facekit predict model {PHOTOS}"),
    ("cross-validate", details(), {"run": "model"}, f"facekit predict model {PHOTOS}"),
    ("evaluate-pairs", details(), {"run": "dlib", "pairs": "p.csv"}, None),
]  # fmt: skip


@pytest.mark.parametrize(("command", "report", "values", "says"), CASES)
def test_what_comes_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, report: Report, values: dict[str, Any], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert following(command, report, **values) == says
    if says is not None:  # the parser takes it, whatever is there
        name, *words = shlex.split(says)[1:]
        command: Any = get_command(made(registry.own(name)))
        assert command.make_context(name, words).params


def test_a_path_that_is_taken_is_not_proposed(tmp_path: Path) -> None:
    faces = tmp_path / "faces"
    assert beside(faces, "good") == tmp_path / "good"
    (tmp_path / "good").mkdir()
    assert beside(faces, "good") == tmp_path / "good-2"
    (tmp_path / "good-2").symlink_to("nowhere")
    (tmp_path / "good-3").write_text("mine")
    assert beside(faces, "good") == tmp_path / "good-4"
    (tmp_path / "good" / "dataset.json").write_text(json.dumps({"stage": "clean", "made_from": "../faces"}))
    assert beside(faces, "good") == tmp_path / "good", "what was made from it before is brought up to date"
    (tmp_path / "good" / "dataset.json").write_text("[" * 100_000)
    assert beside(faces, "good") == tmp_path / "good-4"
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.json").write_text(json.dumps({"dataset": {"root": str(faces)}}))
    assert beside(faces, "model") == tmp_path / "model", "`train` says whether it is out of date"
    assert beside(tmp_path / "good", "model") == tmp_path / "model-2"


def test_a_stage_says_what_comes_next_and_that_works(facekit: Facekit, tmp_path: Path) -> None:
    plain_tree(tmp_path / "my photos", {"Ada": 8, "Bob": 8})
    done = facekit("crop", tmp_path / "my photos", "-o", tmp_path / "my faces", "--no-detect", "--size", 24)
    assert done.code == 0
    assert done.out == f"{tmp_path / 'my faces'}\n"
    last = done.err.splitlines()[-1]
    assert last == f"next: facekit clean '{tmp_path}/my faces' -o {tmp_path}/good"
    words = shlex.split(last)[2:]
    done = facekit(*words, "--min-images", 1, "--embedder", "none", "--min-side", 10)
    assert done.code == 0, done.err
    assert done.err.splitlines()[-1].startswith("next: facekit ")


@pytest.mark.parametrize("more", ["--json", "--quiet"])
def test_programs_are_not_told(facekit: Facekit, plain: Path, tmp_path: Path, more: str) -> None:
    done = facekit("crop", plain, "-o", tmp_path / "faces", "--no-detect", "--size", 24, more)
    assert done.code == 0
    assert "next:" not in done.err + done.out


def test_in_a_pipe_the_next_command_has_been_typed_already(
    capfd: pytest.CaptureFixture[str], plain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading) as answered, os.fdopen(writing, "w") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        words = ["crop", plain, "-o", tmp_path / "faces", "--no-detect", "--size", 24]
        monkeypatch.setattr(sys, "argv", ["facekit", *map(str, words)])
        with pytest.raises(SystemExit) as left:
            cli.main()
        stdout.close()
        assert (left.value.code or 0, answered.read()) == (0, f"{tmp_path / 'faces'}\n")
    said = capfd.readouterr().err
    assert "in all" in said
    assert "next:" not in said


def test_after_a_dry_run_comes_the_same_without_it(facekit: Facekit, plain: Path, tmp_path: Path) -> None:
    done = facekit("crop", plain, "-o", tmp_path / "faces", "--no-detect", "--dry-run")
    assert done.err.splitlines()[-1] == f"next: facekit crop {plain} -o {tmp_path / 'faces'} --no-detect"


def test_a_model_without_a_test_part_is_scored_by_what_is_said_next(
    facekit: Facekit, drawn_faces: Path, tmp_path: Path
) -> None:
    pytest.importorskip("dlib", reason="the extra `faces` is not installed")
    even, run = tmp_path / "even", tmp_path / "model"
    assert facekit("balance", drawn_faces, "-o", even, "--count", 5, "--split", "80/0/20").code == 0
    done = facekit("train", even, "-o", run, "--backbone", "dlib")
    assert done.code == 0, done.err
    command = done.err.splitlines()[-1].removeprefix("next: facekit ")
    assert command == f"evaluate {run} --part validation"
    assert facekit(*shlex.split(command)).code == 0
