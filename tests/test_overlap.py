"""Scores leave out what the model was trained on: the same file, the same photo, or one that looks the same."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import pytest
from colours import colours as colours
from conftest import picture, plain_tree
from patches import edit, patch, tree

from facekit import runs
from facekit.base import images
from facekit.base.contract import FacekitError, Record, Report, replace
from facekit.base.files import read_lines, replace_lines
from facekit.commands.compare import compare
from facekit.commands.cross_validate.stage import cut
from facekit.commands.evaluate import evaluate
from facekit.commands.train import train
from facekit.dataset import MANIFEST, Dataset
from facekit.dataset.reasons import JOINED
from facekit.identity.likeness import CANNOT_SEE, MATCHER
from facekit.options.compare import Compare
from facekit.options.evaluate import Evaluate
from facekit.options.train import Train

FILE = "used in training: the same file"
ORIGIN = "used in training: the same origin"
PHOTO = "used in training: looks like the same photo"


class Own(NamedTuple):
    faces: Path
    run: Path


@pytest.fixture
def own(tmp_path: Path, colours: str) -> Own:
    """A head on colours, trained on three names of 14 photos: 8 to train on, 3 to test, 3 to validate."""
    faces = tree(tmp_path / "faces")
    train(Train(input=faces, output=tmp_path / "run", backbone=colours))
    return Own(faces, tmp_path / "run")


def _evaluate(run: Path, **more: Any) -> Report:
    return evaluate(Evaluate(run=run, rounds=0, **more))


def _scores(report: Report) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(Path(report.folder, "scores.json").read_text())
    return result


def _photos(tmp_path: Path, colours: str) -> tuple[Path, Path]:
    """A head on a plain tree of sharp pictures, which nothing but their looks ties to their copies."""
    root = plain_tree(tmp_path / "photos", {"Ada": 12, "Bob": 12})
    train(Train(input=root, output=tmp_path / "model", backbone=colours))
    return root, tmp_path / "model"


def _compress_anew(own: Own) -> tuple[Record, Record]:
    """Make one test picture a training picture that was compressed anew, which no group of the tree knows."""
    run = runs.load(own.run)
    used, held = run.part("train")[0], run.part("test")[0]
    new = {used.id: images.encode(picture(1), quality=95), held.id: images.encode(picture(1), quality=60)}
    records = []
    for record in run.split:
        if record.id in new:
            (own.faces / record.path).write_bytes(new[record.id])
            record = replace(record, sha256=hashlib.sha256(new[record.id]).hexdigest())
        records.append(record)
    for file in (own.run / runs.SPLIT, own.faces / MANIFEST):
        replace_lines(file, (record.to_json() for record in records))
    digest = Dataset.open(own.faces).digest()
    edit(own.run, dataset=replace(run.info.dataset, digest=digest), matchers={"train": "an older one"})
    return used, held


def test_the_tree_of_the_training_is_scored_without_what_was_trained_on(own: Own, caplog: Any) -> None:
    report = _evaluate(own.run, data=own.faces)
    assert report.left == {FILE: 33}
    assert report.details["pictures"] == 9
    assert report.details["banners"] == []
    assert {row["pictures"] for row in _scores(report)["by_class"]} == {3}
    assert f"left out: 33 {FILE}" in caplog.text
    compared = _scores(report)["compared_with_training"]
    assert compared == {
        "said": "by hash and origin, and by appearance with 33 photos",
        "left_out": True,
        "used": {FILE: 33},
        "looked_at": 33,
        "unseen": 0,
        "cannot_see": CANNOT_SEE,
    }
    assert "by hash and origin, and by appearance with 33 photos" in Path(report.details["report"]).read_text()


def test_on_request_they_are_scored_under_a_banner(own: Own) -> None:
    report = _evaluate(own.run, data=own.faces, include_training=True)
    says = "the model was trained on 33 of these 42 pictures: this score does not show how well it works on new ones"
    assert report.details["banners"] == [says]
    assert report.details["pictures"] == 42
    assert report.left == {}
    assert Path(report.folder).name == "evaluation-faces-with-training"
    assert _scores(report)["compared_with_training"]["left_out"] is False


def test_where_nothing_remains_it_is_one_line(own: Own, tmp_path: Path) -> None:
    other = tmp_path / "other"
    for record in runs.load(own.run).part("train"):
        (other / record.label).mkdir(parents=True, exist_ok=True)
        shutil.copy(own.faces / record.path, other / record.label)
    with pytest.raises(FacekitError) as caught:
        _evaluate(own.run, data=other)
    assert str(caught.value) == (
        f"{other}: the training of {own.run} used all of these 24 pictures (24 {FILE}); "
        "give other pictures, or use --include-training to score these with a warning"
    )
    assert _evaluate(own.run, data=other, include_training=True).details["pictures"] == 24


def test_other_crops_of_a_training_photo_go_by_its_origin(own: Own, tmp_path: Path) -> None:
    """A face cut anew, of which no byte is the same, comes from the same photo; so does one of its group."""
    first, second, *_ = runs.load(own.run).part("train")
    other = tree(tmp_path / "other", split=(None,) * 3)
    records = []
    for place, record in enumerate(read_lines(other / MANIFEST, Record)):
        data = images.encode_png(picture(900 + place))  # nothing of the training looks like it
        (other / record.path).write_bytes(data)
        id = f"{place:064d}"
        records.append(replace(record, id=id, sha256=hashlib.sha256(data).hexdigest(), origin=id, group=id))
    records[0] = replace(records[0], origin=first.origin)
    records[1] = replace(records[1], group=second.group)
    replace_lines(other / MANIFEST, (record.to_json() for record in records))
    report = _evaluate(own.run, data=other)
    assert report.left == {ORIGIN: 2}
    assert report.details["pictures"] == 7


def test_a_copy_that_only_looks_the_same_is_left_out(tmp_path: Path, colours: str) -> None:
    root, run = _photos(tmp_path, colours)
    used = runs.load(run).part("train")[0]
    other = plain_tree(tmp_path / "other", {"Ada": 3}, first=500)
    image = cv2.resize(images.read(root / used.path), (50, 50), interpolation=cv2.INTER_AREA)
    (other / "Ada" / "copy.jpg").write_bytes(images.encode(np.asarray(image, np.uint8), quality=80))
    report = _evaluate(run, data=other)
    assert report.left == {PHOTO: 1}
    assert report.details["pictures"] == 3


def test_without_the_pictures_of_the_training_hash_and_origin_are_left(tmp_path: Path, colours: str) -> None:
    root, run = _photos(tmp_path, colours)
    used = runs.load(run).part("train")[0]
    other = plain_tree(tmp_path / "other", {"Ada": 3}, first=500)
    shutil.copy(root / used.path, other / "Ada" / "same.png")
    image = images.read(root / used.path)
    (other / "Ada" / "copy.jpg").write_bytes(images.encode(image, quality=80))
    gone = root.rename(tmp_path / "elsewhere")
    report = _evaluate(run, data=other)
    assert report.left == {FILE: 1}
    count = sum(record.split in ("train", "validation") for record in runs.load(run).split)
    said = f"by hash and origin only: {count} photos of the training are gone or changed"
    assert report.details["compared_with_training"].startswith(said)
    assert said in Path(report.details["report"]).read_text()
    gone.rename(root)
    (root / used.path).write_bytes(images.encode_png(picture(9999)))
    report = _evaluate(run, data=other, output=tmp_path / "again")
    assert report.details["compared_with_training"].endswith("; 1 photo of the training is gone or changed")


def test_two_groups_that_show_one_photo_are_not_on_both_sides(own: Own, caplog: pytest.LogCaptureFixture) -> None:
    _compress_anew(own)
    report = _evaluate(own.run)
    assert report.left == {JOINED: 1}
    assert report.details["pictures"] == 8
    assert "1 picture is left out, because an earlier part of the split shows the same photo" in caplog.text
    assert report.details["compared_with_training"] == "by hash and origin, and by appearance with 33 photos"


def test_a_split_that_todays_matcher_drew_is_not_looked_at_again(own: Own) -> None:
    assert runs.load(own.run).info.matchers == {"train": f"{MATCHER}+colours"}, "with the embeddings of the head"
    said = "by hash and origin, and by appearance, when the groups of the split were drawn"
    assert _evaluate(own.run).details["compared_with_training"] == said
    edit(own.run, matchers={"train": MATCHER})
    said = "by hash and origin, and by appearance with 33 photos"
    assert _evaluate(own.run).details["compared_with_training"] == said, "with vectors, which proposed no pairs then"


def test_two_groups_that_show_one_photo_stand_in_one_fold(own: Own, caplog: pytest.LogCaptureFixture) -> None:
    used, held = _compress_anew(own)
    run = runs.load(own.run)
    for seed in range(3):
        folds = cut(run, 2, seed, Dataset.open(own.faces))
        assert len({fold.number for fold in folds for one in fold.held if one.id in (used.id, held.id)}) == 1
    assert "1 group of photos repeats a photo of another" in caplog.text


def test_the_parts_that_are_asked_for_keep_their_banner(own: Own) -> None:
    assert _evaluate(own.run, part="train").details["pictures"] == 24
    validation = _evaluate(own.run, part="validation")
    assert validation.details["pictures"] == 9
    assert validation.left == {}


def test_compare_scores_all_contenders_on_the_same_pictures(own: Own, tmp_path: Path, colours: str) -> None:
    given = tmp_path / "given"
    shutil.copytree(own.faces, given)
    (given / MANIFEST).unlink()
    file = tmp_path / "two.toml"
    file.write_text(
        '[[contender]]\nname = "one"\nbackbone = "colours"\n[[contender]]\nname = "two"\nbackbone = "colours"\n'
    )
    compare(Compare(input=own.faces, output=tmp_path / "out", contenders=file, test=given))
    rows = json.loads((tmp_path / "out" / "compare.json").read_text())["rows"]
    assert [[score["pictures"] for score in row["scores"]] for row in rows.values()] == [[9, 9], [9, 9]]
    assert len(Dataset.open(given).records) == 42


def test_a_picture_that_was_trained_on_is_no_stranger_under_another_name(own: Own, tmp_path: Path) -> None:
    used = runs.load(own.run).part("train")[0]
    strangers = tmp_path / "strangers"
    (strangers / "Zoe").mkdir(parents=True)
    for number in range(4):
        (strangers / "Zoe" / f"{number}.png").write_bytes(images.encode_png(patch(3, 700 + number)))
    shutil.copy(own.faces / used.path, strangers / "Zoe" / "used.png")
    scores = _scores(_evaluate(own.run, strangers=strangers))["open_set"]
    assert scores["left"] == {FILE: 1}
    for file in (strangers / "Zoe").glob("[0-9].png"):
        file.unlink()
    with pytest.raises(FacekitError, match=r"^--strangers: the training of .*run used every picture of .*strangers$"):
        _evaluate(own.run, strangers=strangers)
