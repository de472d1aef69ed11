"""Verifying: the same person or not, as an exit code, and lists of pairs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, Facekit

from facekit.base import images
from facekit.base.contract import BadImage, FacekitError
from facekit.identity.people.matching import Matcher
from facekit.options.verify import Verify

pytest.importorskip("onnxruntime", reason="the extra `faces` is not installed")


@pytest.fixture(scope="module")
def photos(drawn_photos: Path) -> list[Path]:
    """Photos of each of the drawn people in turn, all of which show a face."""
    from facekit.identity.faces import Finder, suited

    finder = Finder("dlib", suited("dlib", None))
    found = []
    for folder in sorted(drawn_photos.iterdir()):
        if folder.is_dir():
            for file in sorted(folder.iterdir()):
                try:
                    finder.see(images.load(file))
                except BadImage:
                    continue
                found.append(file)
                break
    return found


def test_the_exit_code_says_whether_they_are_one_person(photos: list[Path], facekit: Facekit) -> None:
    same = facekit("verify", photos[0], photos[0])
    other = facekit("verify", "--fmr", "1e-6", photos[0], photos[1])
    assert (same.code, json.loads(same.out)["same"], json.loads(same.out)["similarity"]) == (0, True, 1.0)
    assert (other.code, json.loads(other.out)["same"]) == (1, False)
    assert json.loads(other.out)["fmr"] == 1e-6
    assert json.loads(same.out)["probability"] > json.loads(other.out)["probability"]


def test_a_photo_without_a_face_is_the_users_fault(photos: list[Path], tmp_path: Path, facekit: Facekit) -> None:
    grey = tmp_path / "grey.png"
    grey.write_bytes(images.encode_png(np.full((80, 80, 3), 128, np.uint8)))
    done = facekit("verify", photos[0], grey)
    assert (done.code, done.out) == (2, "")
    assert f"{grey}: no face; give a photo that shows a face" in done.err
    assert facekit("verify", photos[0], tmp_path / "none.jpg").code == 2


def test_a_bug_has_an_exit_code_of_its_own(
    photos: list[Path], facekit: Facekit, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(Matcher, "match", broken)
    done = facekit("verify", photos[0], photos[1])
    assert done.code == 70
    assert "ZeroDivisionError: a bug" in done.err
    assert "Traceback" in done.err


BROKEN = """
class Broken:
    name, version, metric, threshold, dimensions = "broken", "1", "euclidean", 0.6, 4
    licence, accuracy, packages = "none", "none", ()

    def align(self, image, box=None):
        return image

    def embed(self, faces):
        raise ZeroDivisionError("a bug")
"""


def environment(site: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": f"{site}{os.pathsep}{ROOT}"}


def test_processes_exit_with_the_codes_that_are_documented(photos: list[Path], tmp_path: Path) -> None:
    """A package's embedder that fails stands for a bug."""
    (tmp_path / "broken.py").write_text(BROKEN)
    info = tmp_path / "broken-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[facekit.embedder]\nbroken = broken:Broken\n")

    def code(*arguments: object) -> tuple[int, str]:
        command = [sys.executable, "-m", "facekit", "verify", *map(str, arguments)]
        done = subprocess.run(command, env=environment(tmp_path), capture_output=True, text=True, timeout=120)
        return done.returncode, done.stderr

    assert code(photos[0], photos[0])[0] == 0
    assert code("--fmr", "1e-6", photos[0], photos[1])[0] == 1
    assert code(photos[0], tmp_path / "none.jpg")[0] == 2
    bug, told = code("--embedder", "broken", "--detector", "dlib", photos[0], photos[1])
    assert (bug, "ZeroDivisionError: a bug" in told) == (70, True), told


def test_the_first_answer_of_a_list_comes_before_the_last(photos: list[Path], tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("first,second\n" + f"{photos[0]},{photos[1]}\n" * 2000)
    command = [sys.executable, "-m", "facekit", "verify", "--pairs", str(pairs), "--jobs", "1"]
    with subprocess.Popen(command, env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as one:
        assert one.stdout is not None
        first = json.loads(one.stdout.readline())
        still = one.poll() is None
        one.kill()
    assert still
    assert first["same"] in (True, False)
    assert {"similarity", "probability", "threshold", "fmr"} <= first.keys()


def test_a_list_is_answered_line_by_line(photos: list[Path], tmp_path: Path, facekit: Facekit) -> None:
    pairs = tmp_path / "pairs.csv"
    pairs.write_text(f"first,second\n{photos[0]},{photos[0]}\n{photos[0]},none.jpg\n{photos[0]},{photos[1]}\n")
    done = facekit("verify", "--pairs", pairs)
    found = [json.loads(line) for line in done.out.splitlines()]
    assert done.code == 0
    assert [one["same"] for one in found][:2] == [True, None]
    assert found[1]["reason"].startswith(str(tmp_path / "none.jpg"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("first,other\na,b\n", "has no column second"),
        ("first,second\na.jpg,b.jpg\n\na.jpg,\n", "line 4 lacks a photo"),
    ],
)
def test_a_list_that_is_none_is_refused(tmp_path: Path, facekit: Facekit, text: str, message: str) -> None:
    (tmp_path / "pairs.csv").write_text(text)
    done = facekit("verify", "--pairs", tmp_path / "pairs.csv")
    assert done.code == 2
    assert message in done.err


@pytest.mark.parametrize("given", [0, 1, 3])
def test_anything_but_two_photos_is_refused(given: int) -> None:
    with pytest.raises(FacekitError, match="give two photos"):
        Verify(pictures=[Path("a.jpg")] * given)


@pytest.mark.parametrize("name", ["dlib", "sface"])
def test_a_lower_false_match_rate_asks_for_more_similarity(name: str, real_weights: None) -> None:
    own, *others = [Matcher.of(name), *(Matcher.of(name, rate) for rate in (0.4, 0.1, 0.03, 0.01, 0.001, 1e-5))]
    assert sorted(one.threshold for one in others) == [one.threshold for one in others]
    assert Matcher.of(name, own.fmr).threshold == pytest.approx(own.threshold, abs=0.01)


@pytest.mark.parametrize("name", ["dlib", "sface"])
def test_so_many_pairs_of_strangers_pass_as_was_asked_for(name: str, data: Path) -> None:
    """Every 16th photo of LFW's pairsDevTest, of which the rates were not fitted."""
    from facekit.dataset import pairlists
    from facekit.identity.embedders.metrics import distances
    from facekit.identity.faces import Finder, Seen, suited

    listed = sorted(pairlists.read(data / "lfw" / "pairsDevTest.txt").photos)[::16]
    finder = Finder(name, suited(name, None))
    looked = [(path, finder.look(data / "lfw" / "pairs_images" / path, only_foremost=True)) for path in listed]
    seen = [(path, one) for path, one in looked if isinstance(one, Seen)]
    vectors, _ = finder.embed([one.faces[0].aligned for _, one in seen])
    who = np.array([Path(path).parent.name for path, _ in seen])
    there = np.isfinite(vectors).all(axis=1)
    strangers = np.triu(who[:, None] != who, 1) & there & there[:, None]
    similar = 1 - distances(Matcher.of(name).metric, vectors, vectors)[strangers]
    for rate in (0.1, 0.01):
        passed = float((similar >= Matcher.of(name, rate).threshold).mean())
        assert rate / 2 < passed < 2 * rate
