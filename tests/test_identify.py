"""Identifying: who is in photos, as JSON Lines, CSV, and drawn on copies of the photos."""

from __future__ import annotations

import csv
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import Facekit

from facekit.base import images
from facekit.commands.identify import identify
from facekit.identity.gallery import Gallery
from facekit.options.identify import Identify

pytest.importorskip("onnxruntime", reason="the extra `faces` is not installed")


def answers(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture(scope="module")
def photo(enrolled: Path) -> Path:
    """A photo of which the face is enrolled."""
    with Gallery.open(enrolled) as gallery:
        return Path(next(gallery.store.faces()).where.path)


def test_an_answer_says_what_it_rests_on(enrolled: Path, photo: Path, facekit: Facekit) -> None:
    done = facekit("identify", enrolled, photo)
    assert done.code == 0, done.err
    (answer, *_) = answers(done.out)
    with Gallery.open(enrolled) as gallery:
        promise = gallery.promise()
        who = next(gallery.store.faces()).name
    assert answer["name"] == who
    assert answer["threshold"] == pytest.approx(promise.open_set.threshold, abs=1e-4)
    assert (answer["fpir"], answer["promised"], answer["face"]) == (0.01, False, 1)
    assert answer["similarity"] >= answer["threshold"]  # type: ignore[operator]
    assert answer["probability"] > 0.5  # type: ignore[operator]
    assert [one["name"] for one in answer["nearest"]][0] == who  # type: ignore[attr-defined]


def test_json_csv_and_the_table_give_what_an_answer_rests_on(
    enrolled: Path, photo: Path, tmp_path: Path, facekit: Facekit
) -> None:
    (answer, *_) = identify(Identify(gallery=enrolled, pictures=[photo], csv=tmp_path / "who.csv"))
    rests = ("similarity", "probability", "threshold", "fpir")
    (said, *_) = answers(facekit("identify", enrolled, photo).out)
    with (tmp_path / "who.csv").open(newline="") as file:
        (row, *_) = csv.DictReader(file)
    table = answer.row()
    for name in rests:
        value = getattr(answer, name)
        assert said[name] == value
        assert float(row[name]) == value
        assert float(table["FPIR" if name == "fpir" else name]) == pytest.approx(value, abs=6e-3)


def test_a_photo_that_shows_somebody_twice_names_them_once(
    enrolled: Path, photo: Path, facekit: Facekit, tmp_path: Path
) -> None:
    one = images.read(photo)
    twice = tmp_path / "twice.png"
    twice.write_bytes(images.encode_png(np.concatenate([one, one[:, ::-1]], axis=1)))
    named = [one["name"] for one in answers(facekit("identify", enrolled, twice).out)]
    repeated = [one["name"] for one in answers(facekit("identify", enrolled, twice, "--allow-repeats").out)]
    known = [name for name in named if name != "unknown"]
    assert len(named) >= 2
    assert len(set(known)) == len(known) >= 1
    assert len([name for name in repeated if name == known[0]]) == 2


def test_what_shows_no_face_is_answered_with_a_reason(enrolled: Path, tmp_path: Path, facekit: Facekit) -> None:
    (tmp_path / "grey.png").write_bytes(images.encode_png(np.full((80, 80, 3), 128, np.uint8)))
    (tmp_path / "text.jpg").write_text("hello")
    found = answers(facekit("identify", enrolled, tmp_path).out)
    assert [(one["name"], one["reason"]) for one in found] == [(None, "no face"), (None, "not a picture")]


def test_csv_and_annotated_copies(enrolled: Path, photo: Path, tmp_path: Path, facekit: Facekit) -> None:
    other = tmp_path / "in" / photo.name
    other.parent.mkdir()
    shutil.copy(photo, other)
    done = facekit("identify", enrolled, photo, other, "--csv", tmp_path / "who.csv", "--annotate", tmp_path / "drawn")
    with (tmp_path / "who.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    found = answers(done.out)
    assert [(row["picture"], row["name"]) for row in rows] == [(one["picture"], one["name"]) for one in found]
    assert rows[0]["x"] == str(found[0]["box"][0])  # type: ignore[index]
    drawn = sorted(path.name for path in (tmp_path / "drawn").glob("[!.]*"))
    assert drawn == sorted([f"{photo.stem}.jpg", f"{photo.stem}-2.jpg"])
    before, after = images.read(photo), images.read(tmp_path / "drawn" / f"{photo.stem}.jpg")
    x, y, w, h = found[0]["box"]  # type: ignore[misc]
    assert before.shape == after.shape
    assert np.abs(before[y + h // 2, x].astype(int) - after[y + h // 2, x]).max() > 40  # the left side of the box


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{folder}", "{photo}"], "has no gallery.sqlite; make one with `facekit enroll"),
        (["{gallery}", "{folder}/none.jpg"], "no such picture or folder"),
        (["{gallery}", "{photo}", "--annotate", "{photo}"], "--annotate is .*, which is a file"),
        (["{gallery}", "{photo}", "--csv", "{folder}/none/who.csv"], "--csv is .*, which cannot be a file"),
        (["{gallery}", "{photo}", "--fpir", "0.9"], "--fpir is 0.9; it must be 0.5 or less"),
    ],
)
def test_bad_input_is_one_line(
    enrolled: Path, photo: Path, tmp_path: Path, facekit: Facekit, arguments: list[str], message: str
) -> None:
    places = {"folder": tmp_path, "photo": photo, "gallery": enrolled}
    done = facekit("identify", *(argument.format(**places) for argument in arguments))
    assert (done.code, done.out) == (2, "")
    assert re.search(message, done.err)


def test_an_empty_gallery_is_refused(enrolled: Path, photo: Path, tmp_path: Path, facekit: Facekit) -> None:
    root = Path(shutil.copytree(enrolled, tmp_path / "g"))
    with Gallery.open(root) as gallery:
        gallery.store.remove([one.number for one in gallery.store.people()], [])
    done = facekit("identify", root, photo)
    assert done.code == 2
    assert "is an empty gallery; enroll people with" in done.err
