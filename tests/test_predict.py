"""Naming faces: crops and whole photos, unknown ones, pictures that show none, and the sheet."""

from __future__ import annotations

import json
import logging
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

import numpy as np
import pytest
from conftest import Facekit
from pages import check_alone, links
from patches import edit, patch, tree

from facekit import runs
from facekit.base import images
from facekit.base.contract import FacekitError
from facekit.cli.piped import json_line
from facekit.commands.predict import Answer, predict
from facekit.commands.train import train
from facekit.identity.predictor import Guess
from facekit.options.crop import CarriedCrop, FaceCrop
from facekit.options.predict import Predict
from facekit.options.train import Train
from facekit.report import sheet
from facekit.report.fonts import MISSING, fitting
from facekit.report.grid import Tile, draw, lines
from facekit.world.draw import empty_photo, group_photo
from facekit.world.people import people


class Trained(NamedTuple):
    faces: Path
    run: Path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    faces = tree(tmp_path_factory.mktemp("trained") / "faces")
    options = Train(
        input=faces,
        output=faces.parent / "run",
        network="cnn3",
        size=32,
        epochs=15,
        batch=8,
        stop_at=1,
        labels="classes",  # they are textures, and no face is near another
    )
    train(options)
    edit(options.output, crop=CarriedCrop.of(FaceCrop(size=48, margin=0.3)))
    return Trained(faces, options.output)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two drawn people in one photo, a photo of nobody, and a file that is no picture."""
    rng = np.random.default_rng(3)
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(images.encode(group_photo(people(2, seed=1), rng)[0]))
    (folder / "b.jpg").write_bytes(images.encode(empty_photo(np.random.default_rng(3))))
    (folder / "c.jpg").write_text("no picture")
    (folder / "notes.txt").write_text("counted, and not looked at")
    return folder


def _predict(trained: Trained, *pictures: Path, **more: Any) -> list[dict[str, Any]]:
    """The lines that the command prints."""
    answers = predict(Predict(run=trained.run, pictures=list(pictures), **more))
    return [json.loads(json_line(answer)) for answer in answers]


def test_crops_are_named(trained: Trained) -> None:
    answers = _predict(trained, trained.faces, detect=False, min_confidence=0)
    assert len(answers) == 42
    right = [Path(answer["picture"]).parent.name == answer["label"] for answer in answers]
    assert np.mean(right) > 0.8
    first = answers[0]
    assert first.keys() == {"picture", "box", "label", "confidence", "similarity", "probability", "top"}
    assert first["box"] is None
    assert [entry["label"] for entry in first["top"]][0] == first["label"]
    assert len(first["top"]) == 3
    assert sum(entry["confidence"] for entry in first["top"]) == pytest.approx(1, abs=1e-3)


def test_whole_photos_give_a_line_a_face_and_one_where_there_is_none(trained: Trained, photos: Path) -> None:
    answers = _predict(trained, photos)
    assert json.loads(json.dumps(answers)) == answers
    pair = [answer for answer in answers if answer["picture"].endswith("a.jpg")]
    assert len(pair) >= 2
    sizes = [answer["box"][2] * answer["box"][3] for answer in pair]
    assert sizes == sorted(sizes, reverse=True)
    nobody = {"box": None, "label": None, "confidence": None, "similarity": None, "probability": None, "top": []}
    assert answers[len(pair) :] == [
        {"picture": str(photos / "b.jpg"), **nobody, "reason": "no face"},
        {"picture": str(photos / "c.jpg"), **nobody, "reason": "not a picture"},
    ]


def test_faces_are_cut_as_the_model_expects(trained: Trained, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[FaceCrop] = []
    monkeypatch.setattr("facekit.identity.predictor.find", lambda image, crop: seen.append(crop) or [])
    answers = _predict(trained, photos / "a.jpg")
    assert answers[0]["reason"] == "no face"
    assert (seen[0].size, seen[0].margin) == (48, 0.3)


def test_a_model_of_uncropped_pictures_says_that_it_guesses(
    trained: Trained, photos: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(trained.run, tmp_path / "run")
    edit(tmp_path / "run", crop=None)
    _predict(Trained(trained.faces, tmp_path / "run"), photos / "b.jpg")
    assert "was trained on pictures that facekit did not crop; faces are cropped with the defaults" in caplog.text


def test_an_unsure_answer_is_unknown(trained: Trained, tmp_path: Path) -> None:
    (tmp_path / "grey.png").write_bytes(images.encode_png(np.full((40, 40, 3), 128, np.uint8)))
    answer = _predict(trained, tmp_path / "grey.png", detect=False, min_confidence=1.0)[0]
    assert answer["label"] == "unknown"
    assert answer["top"][0]["label"] in {"person0", "person1", "person2"}


def test_photos_are_sorted_into_folders_by_name(trained: Trained, tmp_path: Path) -> None:
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    for file in trained.faces.rglob("*.png"):
        shutil.copy(file, mixed / f"{file.parent.name}-{file.name}")
    (mixed / "broken.png").write_text("no picture")
    said = _predict(trained, mixed, detect=False, min_confidence=0, sort_into=tmp_path / "sorted")
    there = {(file.parent.name, file.name) for file in (tmp_path / "sorted").rglob("[!.]*.*")}
    assert there == {(one["label"], Path(one["picture"]).name) for one in said if one["label"] is not None}
    assert len(there) == 42


def test_names_can_be_limited_to_those_that_are_probable(trained: Trained) -> None:
    every = _predict(trained, trained.faces, detect=False, min_confidence=0)
    shown = sorted(answer["probability"] for answer in every if answer["label"] != "unknown")
    limit = shown[len(shown) // 2]
    some = _predict(trained, trained.faces, detect=False, min_confidence=0, min_probability=limit)
    for before, now in zip(every, some, strict=True):
        label = before["label"] if before["probability"] >= limit else "unknown"
        assert now == {**before, "label": label}
    assert 0 < sum(answer["label"] == "unknown" for answer in some) < len(some)


def test_a_row_for_people_says_whom_an_unknown_face_is_nearest_to() -> None:
    shared: dict[str, Any] = {
        "picture": "a.jpg",
        "box": None,
        "confidence": 0.9,
        "similarity": 0.6,
        "probability": 0.03,
    }
    answer = Answer(label="unknown", top=(Guess("Ada", 0.9),), **shared)
    row = {
        "photo": "a.jpg",
        "face": "",
        "name": "unknown (nearest: Ada, 0.03)",
        "probability": "",
        "similarity": "0.60",
    }
    assert answer.row() == row
    assert replace(answer, label="Ada").row()["name"] == "Ada"


def test_answers_stream(trained: Trained) -> None:
    looked = 0

    def track(items: Any, title: str, total: int | None = None) -> Any:
        nonlocal looked
        for item in items:
            looked += 1
            yield item

    answers = predict(Predict(run=trained.run, pictures=[trained.faces], detect=False), track)
    assert looked == 0
    next(answers)
    assert looked < 42
    answers.close()  # type: ignore[attr-defined]


def test_the_sheet_shows_right_and_wrong(trained: Trained, tmp_path: Path) -> None:
    mixed = tmp_path / "person0"
    mixed.mkdir()
    (mixed / "right.png").write_bytes(images.encode_png(patch(0, 900)))
    (mixed / "wrong.png").write_bytes(images.encode_png(patch(2, 901)))
    file = tmp_path / "sheet.png"
    _predict(trained, mixed, detect=False, min_confidence=0, grid=file)
    pixels = images.read(file).reshape(-1, 3).astype(int)
    for colour in ((0x1E, 0x84, 0x49), (0xC0, 0x39, 0x2B)):
        assert (np.abs(pixels - colour).max(axis=1) < 8).sum() > 500


def test_the_sheet_is_a_page_with_links_to_the_photos(trained: Trained, tmp_path: Path) -> None:
    mixed = tmp_path / "person0"
    mixed.mkdir()
    for n in range(3):
        (mixed / f"a%20b <{n}>.png").write_bytes(images.encode_png(patch(0 if n else 2, 900 + n)))
    (tmp_path / "out").mkdir()
    _predict(trained, mixed, detect=False, min_confidence=0, grid=tmp_path / "out" / "sheet.html")
    page = check_alone(tmp_path / "out" / "sheet.html")
    assert [unquote(link) for link in links(page)] == [f"../person0/a%20b <{n}>.png" for n in range(3)]
    assert "3 faces; of 3 names, 2 are that of the photo's folder (green)" in page.replace("&#39;", "'")
    assert page.count('data-answer="wrong"') == 1


def test_the_sheet_says_which_photos_the_model_was_trained_on(
    trained: Trained, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The names of these say nothing of new photos: those of the others are counted apart."""
    run = runs.load(trained.run)
    used = sum(one.split in ("train", "validation") for one in run.split)
    assert 0 < used < 42
    with caplog.at_level("INFO", "facekit"):
        answers = _predict(trained, trained.faces, detect=False, min_confidence=0, grid=tmp_path / "sheet.html")
    test = {f"{one.path}" for one in run.part("test")}
    new = [one for one in answers if "/".join(Path(one["picture"]).parts[-2:]) in test]
    right = sum(Path(one["picture"]).parent.name == one["label"] for one in new)
    said = f"{used} pictures used in the training, which the model knows: of the other names {right} of {42 - used}"
    page = check_alone(tmp_path / "sheet.html")
    assert f"<strong>{said} are right.</strong>" in page
    assert page.count("<span>used in the training</span>") == used
    assert f"42 faces; {said} are right" in caplog.text
    _predict(trained, trained.faces, detect=False, min_confidence=0, grid=tmp_path / "sheet.png")
    assert images.read(tmp_path / "sheet.png").shape[0] > 100


def test_the_sheet_says_who_an_unknown_face_is_nearest_to(trained: Trained, tmp_path: Path) -> None:
    (tmp_path / "grey.png").write_bytes(images.encode_png(np.full((40, 40, 3), 128, np.uint8)))
    _predict(trained, tmp_path / "grey.png", detect=False, min_confidence=1.0, grid=tmp_path / "sheet.html")
    page = check_alone(tmp_path / "sheet.html")
    assert ">unknown</b><span>nearest: Person" in page
    assert "% sure" not in page


def test_a_page_does_not_link_what_is_only_unpacked(trained: Trained, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        archive.writestr("person0/one.png", images.encode_png(patch(0, 900)))
    _predict(trained, tmp_path / "photos.zip", detect=False, grid=tmp_path / "sheet.html")
    page = check_alone(tmp_path / "sheet.html")
    assert "one.png" in page.replace("<wbr>", "")
    assert links(page) == []


def test_a_sheet_takes_any_name() -> None:
    face = np.full((32, 32, 3), 90, np.uint8)
    names = ["Zoë", "Ольга", "李小龍", "محمد", "$x_1$ \N{GRINNING FACE}", "a very long name that does not end"]
    data = draw([Tile(face, name, 0.5, None) for name in names])
    assert images.decode(data).shape[2] == 3


def test_a_long_name_goes_on_in_a_second_line() -> None:
    assert lines("not confirmed as a face") == "not confirmed as a\nface"
    assert lines("Luiz_Inacio_Lula_da_Silva") == "Luiz_Inacio_Lula_da_\nSilva"
    assert lines("a" * 30) == "a" * 20 + "…"
    assert lines("short") == "short"


def test_what_no_font_has_is_replaced() -> None:
    families, text = fitting("Ab\uefff")
    assert families[0] == "DejaVu Sans"
    assert text in ("Ab" + MISSING, "Ab\uefff")


def test_no_face_no_sheet(trained: Trained, photos: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    _predict(trained, photos / "b.jpg", grid=tmp_path / "sheet.png")
    assert not (tmp_path / "sheet.png").exists()
    assert "sheet.png is not drawn: no picture shows a face" in caplog.text


@pytest.mark.parametrize(
    ("pictures", "more", "message"),
    [
        (
            ["nowhere.jpg"],
            {},
            "no such picture or folder: nowhere.jpg; give photos, a folder of photos, or a zip",
        ),
        ([], {}, "no pictures given; give photos, a folder of photos, or a zip or tar of them"),
        (["."], {"grid": "sheet.jpg"}, "--grid is sheet.jpg; give a name that ends in .png or .html"),
        (["."], {"grid": "no/sheet.png"}, "--grid is no/sheet.png, which cannot be a file; give a name in a folder"),
    ],
)
def test_what_cannot_be_looked_at_is_refused_at_once(
    trained: Trained, monkeypatch: pytest.MonkeyPatch, pictures: list[str], more: dict[str, str], message: str
) -> None:
    monkeypatch.chdir(trained.faces)
    with pytest.raises(FacekitError) as caught:
        predict(Predict(run=trained.run, pictures=[Path(p) for p in pictures], **more))  # type: ignore[arg-type]
    assert message in str(caught.value)


def test_an_empty_folder_is_refused(trained: Trained, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(FacekitError, match=r"empty has no pictures; give photos, a folder of photos, or a zip or tar"):
        _predict(trained, tmp_path / "empty")


def test_dry_run_answers_nothing(trained: Trained, tmp_path: Path) -> None:
    file = tmp_path / "sheet.png"
    assert _predict(trained, trained.faces, detect=False, dry_run=True, grid=file) == []
    assert not file.exists()


@pytest.mark.parametrize(("of", "said"), [(2, "2 pictures"), (1200, "the first 2 of 1,200 pictures")])
def test_a_sheet_says_whether_it_shows_a_part(
    of: int, said: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "sheet.html"
    with caplog.at_level(logging.INFO, "facekit"):
        sheet.write(file, [Tile(patch(n, n), "Ada") for n in range(2)], of, "")
    assert caplog.messages == [f"{file} shows {said}"]
    assert f"{said[0].upper()}{said[1:]}." in file.read_text()


def test_what_answers_were_like_is_compared_with_the_held_out_pictures(trained: Trained, facekit: Facekit) -> None:
    done = facekit("predict", trained.run, trained.faces, "--no-detect", "--monitor", "-j", "1")
    assert done.code == 0, done.err
    done = facekit("monitor", trained.run, "--json")
    assert done.code == 0, done.err
    details = json.loads(done.out)["details"]
    (day,) = details["days"]
    assert {name: sum(counts) for name, counts in day["counts"].items() if name != "yaw"} == dict.fromkeys(
        ("brightness", "contrast", "sharpness", "size", "roll", "confidence", "unknown", "faces a picture"), 42
    )
    assert {one["measure"]: one["against"] for one in details["measures"]}["unknown"] is None
