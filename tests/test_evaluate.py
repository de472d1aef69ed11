"""Scoring a run: its own held part, other folders, what is said of leaks, and the page."""

from __future__ import annotations

import json
import logging
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from patches import patch, tree

from facekit import images, runs
from facekit.contract import FacekitError, Record, Report, replace
from facekit.dataset.lines import read_lines, replace_lines
from facekit.dataset.tree import INFO, MANIFEST
from facekit.evaluate import evaluate
from facekit.options import Evaluate, Train
from facekit.protocol import BANNER
from facekit.train import train


class Trained(NamedTuple):
    faces: Path
    run: Path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    faces = tree(tmp_path_factory.mktemp("trained") / "faces")
    options = Train(input=faces, output=faces.parent / "run", network="cnn3", size=32, epochs=15, batch=8, stop_at=1)
    train(options)
    return Trained(faces, options.output)


@pytest.fixture
def own(trained: Trained, tmp_path: Path) -> Trained:
    """A copy of the run and its pictures, to be changed; the run knows where the copy is."""
    copy = Trained(tmp_path / "faces", tmp_path / "run")
    shutil.copytree(trained.faces, copy.faces)
    shutil.copytree(trained.run, copy.run, ignore=shutil.ignore_patterns("evaluation"))
    run = runs.load(copy.run)
    run.save(dataset={**run.info["dataset"], "root": str(copy.faces)})
    return copy


def _evaluate(run: Path, **more: Any) -> Report:
    return evaluate(Evaluate(run=run, **more))


def _scores(report: Report) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(Path(report.folder, "scores.json").read_text())
    return result


def _page(report: Report) -> str:
    return Path(report.details["report"]).read_text()


def _change_split(run: Path, change: Callable[[Record], Record]) -> None:
    records = read_lines(run / runs.SPLIT, Record.from_json)
    replace_lines(run / runs.SPLIT, (change(record).to_json() for record in records))


def test_the_held_part_is_scored(own: Trained) -> None:
    report = _evaluate(own.run)
    assert report.folder == str(own.run / "evaluation")
    assert report.kept == report.details["pictures"] == 9
    assert report.details["scored"] == "the test part of its own split"
    assert report.details["protocol"] == "group"
    assert report.details["banners"] == []
    result = _scores(report)
    assert result["accuracy"] > 0.6
    assert result["labels"] == ["person0", "person1", "person2"]
    assert [row["pictures"] for row in result["by_class"]] == [3, 3, 3]
    assert sum(map(sum, result["confusion"])) == 9
    assert result["apart"] == {}


def test_the_page_stands_alone(own: Trained) -> None:
    page = _page(_evaluate(own.run))
    assert not re.search(r"(https?:|file:|src=\"(?!data:)|href=)", page)
    assert page.count("data:image/png;base64,") == 2
    assert "<svg" in page
    assert "Person1" in page
    assert "no photo, nor anything made from it, stands in two parts" in page
    assert 'role="alert"' not in page


def test_the_validation_part_scores_what_training_said(own: Trained) -> None:
    report = _evaluate(own.run, part="validation", output=own.run.parent / "validation")
    assert report.folder == str(own.run.parent / "validation")
    assert report.details["accuracy"] == pytest.approx(runs.load(own.run).info["scores"]["val_accuracy"], abs=1e-3)


def test_training_pictures_carry_a_banner(own: Trained, caplog: pytest.LogCaptureFixture) -> None:
    report = _evaluate(own.run, part="train")
    says = "the model was trained on 24 of these 24 pictures: this score does not say how it does on new ones"
    assert report.details["banners"] == [says]
    assert says in caplog.text


def test_a_split_by_image_carries_the_banner_everywhere(own: Trained, caplog: pytest.LogCaptureFixture) -> None:
    _change_split(own.run, lambda r: replace(r, origin="one photo", synthetic="copy" if r.id < "8" else None))
    runs.load(own.run).save(protocol="image")
    report = _evaluate(own.run)
    assert report.details["banners"] == [BANNER]
    assert f"{own.run}: {BANNER}" in [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    page = _page(report)
    assert BANNER[1:] in page
    assert "copies and children of one photo stand in several parts" in page
    result = _scores(report)
    assert result["protocol"] == "image"
    apart = result["apart"]
    assert apart.keys() == {"photos as found", "copies and children"}
    assert sum(some["pictures"] for some in apart.values()) == 9
    both = sum(some["pictures"] * some["accuracy"] for some in apart.values()) / 9
    assert both == pytest.approx(result["accuracy"])


def test_a_split_by_group_that_leaks_is_refused(own: Trained) -> None:
    _change_split(own.run, lambda r: replace(r, group="one photo"))
    with pytest.raises(
        FacekitError, match=r"run: 1 photos stand in more than one part of the split \(first one photo\)"
    ):
        _evaluate(own.run)
    assert not (own.run / "evaluation").exists()


def test_drawn_faces_are_called_so(own: Trained) -> None:
    runs.load(own.run).save(drawn=True)
    report = _evaluate(own.run)
    assert report.details["banners"] == ["these faces are drawn by facekit: the score proves nothing about real faces"]
    assert "proves nothing about real faces" in _page(report)


def test_another_folder_is_scored_whole(own: Trained, tmp_path: Path) -> None:
    other = tmp_path / "other"
    (other / "person1").mkdir(parents=True)
    for number in range(5):
        (other / "person1" / f"{number}.png").write_bytes(images.encode_png(patch(1, 500 + number, 64)))
    (other / "person1" / "bad.jpg").write_bytes(b"")
    report = _evaluate(own.run, data=other)
    assert report.details["pictures"] == 5
    assert report.left == {"empty file": 1}
    assert report.details["banners"] == []
    assert [row["label"] for row in _scores(report)["by_class"]] == ["person1"]
    assert "1 empty file" in _page(report)


def test_another_folder_with_training_pictures_is_called_so(own: Trained, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(own.faces / "person0", other / "person0")
    report = _evaluate(own.run, data=other)
    assert report.details["banners"][0].startswith("the model was trained on 8 of these 14 pictures")


def test_names_that_the_model_does_not_know_are_refused(own: Trained, tmp_path: Path) -> None:
    other = tree(tmp_path / "other", labels=4)
    with pytest.raises(
        FacekitError, match=r"other holds names that .*run was not trained on: person3; take their folders out$"
    ):
        _evaluate(own.run, data=other)


def test_a_part_that_another_folder_lacks_is_refused(own: Trained, tmp_path: Path) -> None:
    other = tree(tmp_path / "other", split=None, photos=3)
    with pytest.raises(FacekitError, match=r"other has no test part; leave --part out to score all its pictures$"):
        _evaluate(own.run, data=other, part="test")


def test_pictures_that_moved_are_found_by_data(own: Trained) -> None:
    own.faces.rename(own.faces.with_name("moved"))
    with pytest.raises(FacekitError, match=r"faces, which .*run was trained on, is gone; say with --data where"):
        _evaluate(own.run)
    report = _evaluate(own.run, data=own.faces.with_name("moved"), part="test")
    assert report.details["scored"] == "the test part of its own split"
    assert report.details["pictures"] == 9


def test_pictures_gone_since_training_are_counted(own: Trained, caplog: pytest.LogCaptureFixture) -> None:
    test = runs.load(own.run).part("test")
    (own.faces / test[0].path).unlink()
    report = _evaluate(own.run)
    assert report.left == {"gone or changed since training": 1}
    assert "has changed since training; 8 of 9 pictures are as they were" in caplog.text
    for record in test[1:]:
        (own.faces / record.path).unlink()
    with pytest.raises(
        FacekitError, match=r"every test picture is gone since .*run was trained; put them back, or train"
    ):
        _evaluate(own.run)


def test_names_are_escaped(own: Trained) -> None:
    run = runs.load(own.run)
    run.save(names={"person0": "<script>alert(1)</script>", "person1": "李小龍 & Söhne"})
    page = _page(_evaluate(own.run))
    assert "<script>alert" not in page
    assert "李小龍 &amp; Söhne" in page


def test_mistakes_are_shown(own: Trained) -> None:
    """A test part under the wrong names gives nothing but mistakes."""
    turn = {"person0": "person1", "person1": "person2", "person2": "person0"}
    _change_split(own.run, lambda r: replace(r, label=turn[r.label]))
    report = _evaluate(own.run)
    page = _page(report)
    assert "Worst mistakes" in page
    assert page.count("data:image/jpeg;base64,") >= 5
    assert _scores(report)["confused"]


def test_dry_run_writes_nothing(own: Trained) -> None:
    assert _evaluate(own.run, dry_run=True).details == {"pictures": 9}
    assert not (own.run / "evaluation").exists()


def test_folders_that_are_no_runs_are_refused(tmp_path: Path, own: Trained) -> None:
    with pytest.raises(FacekitError, match=r"^no such folder: nowhere; give the folder that `train -o` wrote$"):
        _evaluate(Path("nowhere"))
    with pytest.raises(FacekitError, match=r"faces is not a trained model: it has no model\.json; give the folder"):
        _evaluate(own.faces)
    (own.run / "model.weights.h5").write_bytes(b"torn")
    with pytest.raises(
        FacekitError, match=r"model\.weights\.h5 does not fit its model\.json .*; train again with --overw"
    ):
        _evaluate(own.run)
    (own.run / "model.weights.h5").unlink()
    with pytest.raises(FacekitError, match=r"model\.weights\.h5 is gone; train again with --overwrite$"):
        _evaluate(own.run)
    runs.load(own.run).save(network="vgg99")
    with pytest.raises(FacekitError, match=r"^no network called 'vgg99'; choose from inception_v3, cnn3"):
        _evaluate(own.run)
    (own.run / "model.json").write_text("{}")
    with pytest.raises(FacekitError, match=r"model\.json is not what facekit writes; choose another folder$"):
        _evaluate(own.run)


def test_a_report_is_not_written_among_other_things(own: Trained, tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "text.md").write_text("mine")
    with pytest.raises(FacekitError, match=r"thesis is not empty and no evaluate made it; choose another folder$"):
        _evaluate(own.run, output=tmp_path / "thesis")
    with pytest.raises(FacekitError, match=r"lie in one another; choose a folder beside it$"):
        _evaluate(own.run, output=own.faces / "report")


def test_a_drawn_folder_is_called_so(own: Trained, tmp_path: Path) -> None:
    other = tree(tmp_path / "other", split=("test",) * 2)
    (other / INFO).write_text('{"drawn": true, "complete": true}')
    assert (other / MANIFEST).exists()
    assert "proves nothing about real faces" in _evaluate(own.run, data=other).details["banners"][-1]
