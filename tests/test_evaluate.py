"""Scoring a run: its own held part, other folders, what is said of leaks, and the page."""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from fuzzing import watch
from pages import check_alone, links
from patches import edit, move, patch, tree

from facekit import runs
from facekit.base import images
from facekit.base.contract import FacekitError, Record, Report, StaleError, replace
from facekit.base.files import read_lines, replace_lines
from facekit.cli.app import main
from facekit.cli.console import Console
from facekit.cli.run import plan, read
from facekit.commands.card import card
from facekit.commands.evaluate import evaluate
from facekit.commands.train import train
from facekit.dataset import INFO, MANIFEST, derive_id, lineage
from facekit.dataset.protocol import BANNER
from facekit.options.card import Card
from facekit.options.cross_validate import CrossValidate
from facekit.options.evaluate import Evaluate
from facekit.options.evaluate_pairs import EvaluatePairs
from facekit.options.run import Run as RunOptions
from facekit.options.train import Train


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
    shutil.copytree(trained.run, copy.run, ignore=shutil.ignore_patterns("evaluation*"))
    move(copy.run, copy.faces)
    return copy


def _evaluate(run: Path, **more: Any) -> Report:
    return evaluate(Evaluate(run=run, **more))


def _scores(report: Report) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(Path(report.folder, "scores.json").read_text())
    return result


def _page(report: Report) -> str:
    return Path(report.details["report"]).read_text()


def _change_split(run: Path, change: Callable[[Record], Record]) -> None:
    records = read_lines(run / runs.SPLIT, Record)
    replace_lines(run / runs.SPLIT, (change(record).to_json() for record in records))


def _relabel(own: Trained, change: Callable[[Record], Record]) -> None:
    """Change records of the split, and move the pictures whose labels change to the folders of these."""
    records = []
    for record in read_lines(own.run / runs.SPLIT, Record):
        changed = change(record)
        changed = replace(changed, path=f"{changed.label}/{Path(record.path).name}")
        (own.faces / record.path).rename(own.faces / changed.path)
        records.append(changed.to_json())
    replace_lines(own.run / runs.SPLIT, records)
    replace_lines(own.faces / MANIFEST, records)


def test_the_held_part_is_scored(own: Trained) -> None:
    report = _evaluate(own.run)
    assert report.folder == str(own.run / "evaluation")
    assert report.kept == report.details["pictures"] == 9
    assert report.details["scored"] == "the test part of its own split"
    assert report.details["protocol"] == "group"
    assert report.details["banners"] == []
    assert "top5" not in report.details  # of three names each is among the first five
    result = _scores(report)
    assert result["accuracy"] > 0.6
    assert result["labels"] == ["person0", "person1", "person2"]
    assert [row["pictures"] for row in result["by_class"]] == [3, 3, 3]
    assert sum(map(sum, result["confusion"])) == 9
    assert result["apart"] == {}
    assert result["balanced_accuracy"] == pytest.approx(result["macro"]["recall"])
    for name in ("accuracy", "balanced_accuracy", "macro_f1"):
        low, high = result["intervals"][name]
        assert 0 <= low <= high <= 1
        assert report.details[f"{name}_interval"] == pytest.approx([low, high], abs=1e-4)
    assert result["resampled"] == {"rounds": 1000, "units": 9, "what": "photos"}
    assert sum(row["pictures"] for row in result["calibration"]["bins"]) == 9


def test_the_page_stands_alone(own: Trained) -> None:
    report = _evaluate(own.run)
    page = check_alone(Path(report.details["report"]))
    assert page.count("data-chart=") == 4  # two of the training, the reliability diagram, and strangers
    assert len(links(page)) > 9  # to each picture, and to the nearest training faces
    # However many are right: the interval that is shown is the one that is explained.
    told = ("1,000 resamples of 9 photos", "the exact interval for 9 photos without an error")
    assert [text in page for text in told].count(True) == 1
    assert (told[1] in page) == (_scores(report)["accuracy"] == 1)
    assert "Person1" in page
    assert "no photo is in two parts, nor is anything made from it" in page
    assert "split 70/20/10" in page
    assert "people_from" not in page  # an option that was not given
    assert 'role="alert"' not in page


def test_the_validation_part_scores_what_training_said(own: Trained) -> None:
    report = _evaluate(own.run, part="validation", output=own.run.parent / "validation")
    assert report.folder == str(own.run.parent / "validation")
    assert report.details["accuracy"] == pytest.approx(runs.load(own.run).info.scores.val_accuracy, abs=1e-3)


def test_training_pictures_carry_a_banner(own: Trained, caplog: pytest.LogCaptureFixture) -> None:
    report = _evaluate(own.run, part="train")
    says = "the model was trained on 24 of these 24 pictures: this score does not show how well it works on new ones"
    assert report.details["banners"] == [says]
    assert says in caplog.text


def test_a_split_by_image_carries_the_banner_everywhere(own: Trained, caplog: pytest.LogCaptureFixture) -> None:
    _change_split(own.run, lambda r: replace(r, origin="1" * 64, synthetic="copy" if r.id < "8" else None))
    edit(own.run, protocol="image")
    report = _evaluate(own.run)
    assert report.details["banners"] == [BANNER]
    assert f"{own.run}: {BANNER}" in [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    page = _page(report)
    assert BANNER[1:] in page
    assert "copies and children of one photo can be in several parts" in page
    result = _scores(report)
    assert result["protocol"] == "image"
    apart = result["apart"]
    assert apart.keys() == {"photos as found", "copies and children"}
    assert sum(some["pictures"] for some in apart.values()) == 9
    both = sum(some["pictures"] * some["accuracy"] for some in apart.values()) / 9
    assert both == pytest.approx(result["accuracy"])


def test_a_split_by_group_that_leaks_is_refused(own: Trained) -> None:
    _change_split(own.run, lambda r: replace(r, origin="1" * 64, group="1" * 64))
    with pytest.raises(
        FacekitError, match=r"run: 1 photo is in more than one part of the split \(first 1111111111111111\)"
    ):
        _evaluate(own.run)
    assert not (own.run / "evaluation").exists()


def test_drawn_faces_are_called_so(own: Trained) -> None:
    edit(own.run, drawn=True)
    report = _evaluate(own.run)
    assert report.details["banners"] == ["these faces are drawn by facekit: the score proves nothing about real faces"]
    assert "proves nothing about real faces" in _page(report)


def test_another_folder_is_scored_whole(own: Trained, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
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
    assert _scores(report)["unread"] == [{"path": "person1/bad.jpg", "reason": "empty file"}]
    assert "person1/bad.jpg: empty file" in _page(report)
    assert "1 picture is left out: person1/bad.jpg (empty file)" in caplog.text


def test_another_folder_is_scored_without_training_pictures(own: Trained, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(own.faces / "person0", other / "person0")
    report = _evaluate(own.run, data=other)
    assert report.left == {"used in training: the same file": 11}
    assert report.details["pictures"] == 3
    report = _evaluate(own.run, data=other, include_training=True)
    assert report.details["banners"][0].startswith("the model was trained on 11 of these 14 pictures")


def test_names_that_the_model_does_not_know_are_refused(own: Trained, tmp_path: Path) -> None:
    other = tree(tmp_path / "other", labels=4)
    with pytest.raises(
        FacekitError, match=r"other has names that .*run was not trained on: person3; remove their folders$"
    ):
        _evaluate(own.run, data=other)


def test_a_part_that_another_folder_lacks_is_refused(own: Trained, tmp_path: Path) -> None:
    other = tree(tmp_path / "other", split=None, photos=3)
    with pytest.raises(FacekitError, match=r"other has no test part; remove --part to score all its pictures$"):
        _evaluate(own.run, data=other, part="test")


def test_pictures_that_moved_are_found_by_data(own: Trained) -> None:
    own.faces.rename(own.faces.with_name("moved"))
    with pytest.raises(FacekitError, match=r"faces, which .*run was trained on, is gone; use --data to say where"):
        _evaluate(own.run)
    report = _evaluate(own.run, data=own.faces.with_name("moved"), part="test")
    assert report.details["scored"] == "the test part of its own split"
    assert report.details["pictures"] == 9


def test_pictures_gone_since_training_are_counted(own: Trained, caplog: pytest.LogCaptureFixture) -> None:
    test = runs.load(own.run).part("test")
    (own.faces / test[0].path).unlink()
    report = _evaluate(own.run)
    assert report.left == {"gone or changed since training": 1}
    says = f"{own.faces} has changed since the model was trained: this score is of 8 of 9 pictures, as they were then"
    assert report.details["banners"] == [says]
    assert says in caplog.text
    for record in test[1:]:
        (own.faces / record.path).unlink()
    with pytest.raises(
        FacekitError,
        match=r"every test picture is gone since .*run was trained; put them back, train again, or give pictures",
    ):
        _evaluate(own.run)


def test_of_the_folder_that_a_run_names_only_its_own_pictures_are_read(own: Trained) -> None:
    """A stranger's run may name any folder of its user's, where nothing else is opened or believed.

    It is listed only once the pictures of the run were found in it.
    """
    for label in ("person0", "private"):
        (own.faces / label).mkdir(exist_ok=True)
        (own.faces / label / "diary.png").write_bytes(b"private")
    with watch(own.faces) as touched, pytest.raises(StaleError, match=r"\(name added: private; pictures: 2 new\)"):
        _evaluate(own.run)
    listed = {record.path for record in runs.load(own.run).part("test")}
    assert {what.removeprefix("open /") for what in touched if what.startswith("open ")} == {*listed, MANIFEST}
    (own.faces / min(listed)).unlink()
    with watch(own.faces) as touched:
        _evaluate(own.run)
    own_pictures = {record.path for record in runs.load(own.run).split}
    assert {what.removeprefix("open /") for what in touched} <= {*own_pictures, MANIFEST}


def test_a_folder_without_one_of_its_pictures_is_not_looked_into(own: Trained) -> None:
    _change_split(own.run, lambda r: replace(r, sha256="0" * 64))
    (own.faces / MANIFEST).write_text("no JSON\n")
    with watch(own.faces) as touched, pytest.raises(FacekitError, match="every test picture is gone"):
        _evaluate(own.run)
    assert not any(MANIFEST in what for what in touched)


def test_a_folder_of_devices_opens_none(own: Trained, tmp_path: Path) -> None:
    """That alone can act on one; a pipe's writer would go on."""
    home = tmp_path / "home" / "person0"
    home.mkdir(parents=True)
    os.mkfifo(home / "pipe.png")
    (home / "null.png").symlink_to("/dev/zero")
    move(own.run, home.parent)
    _change_split(own.run, lambda r: replace(r, label="person0", path="person0/pipe.png"))
    with watch(home) as touched, pytest.raises(FacekitError, match="every test picture is gone"):
        _evaluate(own.run)
    assert touched == []
    _change_split(own.run, lambda r: replace(r, path="person0/null.png"))
    with pytest.raises(FacekitError, match=r"split\.jsonl, line \d+: 'person0/null\.png' points outside"):
        _evaluate(own.run)


@pytest.mark.parametrize("data", ["a\0b", "x" * 5000, "/" * 5000, 7, "loop"])
def test_an_earlier_report_of_a_stranger_says_nothing_of_where_the_next_goes(
    own: Trained, data: object, tmp_path: Path
) -> None:
    (own.run / "evaluation-faces").mkdir()
    (own.run / "loop").symlink_to("loop")
    data = str(own.run / "loop") if data == "loop" else data
    (own.run / "evaluation-faces" / "scores.json").write_text(json.dumps({"data": data}))
    assert Path(_evaluate(own.run, data=own.faces).folder).parent == own.run


def test_names_are_escaped(own: Trained) -> None:
    edit(own.run, names={"person0": "<script>alert(1)</script>", "person1": "李小龍 & Söhne"})
    page = _page(_evaluate(own.run))
    assert "<script>alert" not in page
    assert "李小龍 &amp; Söhne" in page


def test_mistakes_are_shown(own: Trained) -> None:
    """A test part under the wrong names gives nothing but mistakes."""
    turn = {"person0": "person1", "person1": "person2", "person2": "person0"}
    _relabel(own, lambda r: replace(r, label=turn[r.label]))
    report = _evaluate(own.run)
    page = _page(report)
    assert "<h2>Mistakes</h2>" in page
    assert page.count("data:image/jpeg;base64,") >= 5
    assert _scores(report)["confused"]


def test_names_that_turn_what_is_read_are_made_visible(own: Trained) -> None:
    info = json.loads((own.run / runs.MODEL).read_text())
    info["names"] = {"person0": "\u202etxt.exe\x1b[2J", "person1": "a\nb"}
    (own.run / runs.MODEL).write_text(json.dumps(info))
    page = _page(_evaluate(own.run))
    assert "\u202e" not in page
    assert "\x1b" not in page
    assert r"\u202etxt.exe\x1b[2J" in page
    assert r"a\nb" in page


def test_answers_that_are_not_numbers_are_refused(own: Trained) -> None:
    model = runs.load(own.run).model()
    model.set_weights([np.full_like(array, 1e30) for array in model.get_weights()])
    model.save_weights(own.run / "model.weights.h5")
    with pytest.raises(
        FacekitError, match=r"run answers with numbers that are not finite; train again with --overwrite$"
    ):
        _evaluate(own.run)
    assert not (own.run / "evaluation").exists()


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
        FacekitError, match=r"model\.weights\.h5 does not match its model.json .*; train again with --overw"
    ):
        _evaluate(own.run)
    (own.run / "model.weights.h5").unlink()
    with pytest.raises(FacekitError, match=r"model\.weights\.h5 is gone; train again with --overwrite$"):
        _evaluate(own.run)
    edit(own.run, network="vgg99")
    with pytest.raises(FacekitError, match=r"^no network called 'vgg99'; choose from inception_v3, cnn3"):
        _evaluate(own.run)
    (own.run / "model.json").write_text("{}")
    with pytest.raises(FacekitError, match=r"model\.json is not in facekit's format \(.*\); choose another folder$"):
        _evaluate(own.run)


def test_a_report_is_not_written_among_other_things(own: Trained, tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "text.md").write_text("mine")
    with pytest.raises(FacekitError, match=r"thesis is not empty and was not made by `evaluate`; choose"):
        _evaluate(own.run, output=tmp_path / "thesis")
    with pytest.raises(FacekitError, match=r"overlap: one is inside the other; choose another output$"):
        _evaluate(own.run, output=own.faces / "report")


def test_a_drawn_folder_is_called_so(own: Trained, tmp_path: Path) -> None:
    other = Path(shutil.copytree(own.faces, tmp_path / "other"))
    (other / INFO).write_text('{"drawn": true, "complete": true}')
    assert (other / MANIFEST).exists()
    assert "proves nothing about real faces" in _evaluate(own.run, data=other).details["banners"][-1]


def test_without_rounds_there_are_no_intervals(own: Trained) -> None:
    report = _evaluate(own.run, rounds=0)
    assert _scores(report)["intervals"] == {}
    assert "accuracy_interval" not in report.details
    assert "resamples" not in _page(report)


def test_pictures_of_one_photo_count_as_one(own: Trained) -> None:
    """Three photos, however many pictures of them: the interval is that of three."""
    group = {record.id: derive_id(record.label, "group", record.split) for record in runs.load(own.run).split}
    _change_split(own.run, lambda r: replace(r, group=group[r.id]))
    assert _scores(_evaluate(own.run))["resampled"]["units"] == 3


def test_each_thing_that_is_scored_has_a_report_of_its_own(own: Trained, tmp_path: Path) -> None:
    """A score of something else must not take the place of the test part's."""
    one, two = tmp_path / "a" / "other set", tmp_path / "b" / "other set"
    for folder in (one, two):
        shutil.copytree(own.faces / "person1", folder / "person1")
    asked: list[dict[str, Any]] = [{}, {"part": "train"}, {"data": one}, {"data": two}, {"data": one, "part": "all"}]
    folders = [Path(_evaluate(own.run, **more).folder).name for more in asked]
    assert folders[:3] == ["evaluation", "evaluation-train", "evaluation-other_set"]
    assert re.fullmatch(r"evaluation-other_set-[0-9a-f]{8}", folders[3])
    assert folders[4] == "evaluation-other_set-all"
    assert Path(_evaluate(own.run, data=two).folder).name == folders[3]
    assert Path(_evaluate(own.run, part="test").folder).name == "evaluation"
    runs.clear(own.run)
    assert [entry.name for entry in own.run.iterdir()] == []


def test_scores_by_group_of_people(own: Trained, tmp_path: Path) -> None:
    records = runs.load(own.run).part("test")
    rows = [f"{record.path},{'left' if n % 2 else 'right'}" for n, record in enumerate(records[:-1])]
    (tmp_path / "hand.csv").write_text("\n".join(["image,hand", *rows]))
    report = _evaluate(own.run, by="hand", table=tmp_path / "hand.csv")
    assert report.folder.endswith("evaluation-by-hand")
    found = _scores(report)["groups"]
    assert found["by"] == "hand"
    assert sorted((row["value"], row["pictures"], row["people"]) for row in found["values"]) == [
        ("left", 4, None),
        ("right", 4, None),
    ]
    assert found["unknown"] == report.details["pictures without hand"] == 1
    assert found["gap"] is None
    assert report.details["gap"].startswith("no gap is given: fewer than two groups have 10 photos")
    page = _page(report)
    assert "By hand" in page
    assert "The hand of 1 picture is not known" in page


def test_the_gap_is_named_in_one_line(own: Trained) -> None:
    """Of pictures that say it themselves; under wrong names one half of them is all mistakes."""
    turn = {"person0": "person1", "person1": "person2", "person2": "person0"}

    def say(record: Record) -> Record:
        young = record.id < "8"
        label = turn[record.label] if young else record.label
        return replace(record, label=label, targets={"age": "young" if young else "old", "person": record.id[:1]})

    _relabel(own, say)
    report = _evaluate(own.run, by="age", part="all")
    found = _scores(report)["groups"]
    assert [row["value"] for row in found["values"]] == ["young", "old"]
    assert all(0 < row["people"] <= 8 for row in found["values"])
    gap = found["gap"]
    assert 0 < gap["interval"][0] <= gap["gap"] <= gap["interval"][1]
    said = rf"young {gap['worst_accuracy']:.3f}, old {gap['best_accuracy']:.3f}: a gap of {gap['gap']:.3f} in accuracy "
    assert report.details["gap"].startswith(said)
    assert report.details["gap"][1:] in _page(report)


def test_a_column_that_nobody_knows_is_refused_with_those_there_are(
    own: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(
        FacekitError,
        match=r"^--by age: no picture has a value for it; they have no such values; give --table FILE\.csv$",
    ):
        _evaluate(own.run, by="age")
    _change_split(own.run, lambda r: replace(r, targets={"hand": "left", "who": r.id}))
    with pytest.raises(FacekitError, match=r"^--by age: no picture has a value for it; choose from hand, who$"):
        _evaluate(own.run, by="age")
    rows = [f"{record.path},{n}" for n, record in enumerate(runs.load(own.run).split)]
    (tmp_path / "who.csv").write_text("\n".join(["image,who", *rows]))
    monkeypatch.setattr("facekit.dataset.tables.MOST_GROUPS", 40)
    with pytest.raises(FacekitError, match=r"^--by who: it has 42 values; choose a column of at most 40 groups$"):
        _evaluate(own.run, by="who", table=tmp_path / "who.csv", part="all")
    assert not (own.run / "evaluation-by-age").exists()


def test_a_csv_of_pictures_that_lie_anywhere_is_scored(own: Trained, tmp_path: Path) -> None:
    test = runs.load(own.run).part("test")
    rows = [f"faces/{record.path},{record.label},{n % 2}" for n, record in enumerate(test)]
    csv = tmp_path / "list.csv"
    csv.write_text("\n".join(["image,label,side", *rows, "gone.png,person1,1"]))
    report = _evaluate(own.run, data=csv, by="side")
    assert report.folder.endswith("evaluation-list-by-side")
    assert report.details["pictures"] == 9
    assert report.left == {"cannot be read": 1}
    assert _scores(report)["accuracy"] == _scores(_evaluate(own.run))["accuracy"]
    assert [row["pictures"] for row in _scores(report)["groups"]["values"]] in ([4, 5], [5, 4])
    csv.write_text("image,label\na.png,Zoe\n")
    with pytest.raises(FacekitError, match=r"list\.csv has names that .* was not trained on: Zoe; remove their lines"):
        _evaluate(own.run, data=csv)


def test_a_run_by_person_is_checked_and_says_so(own: Trained, tmp_path: Path) -> None:
    _change_split(own.run, lambda r: replace(r, targets={"person": f"{r.split} {r.id[:1]}"}))
    edit(own.run, protocol="person")
    report = _evaluate(own.run)
    assert _scores(report)["resampled"]["what"] == "people"
    assert _scores(report)["protocol"] == "person"
    assert "by person: no person is in two parts" in _page(report)
    train = runs.load(own.run).part("train")[0]
    csv = tmp_path / "list.csv"
    (tmp_path / "new.png").write_bytes(images.encode_png(patch(1, 777)))
    csv.write_text(f"image,label,person\nnew.png,person1,{lineage.person(train)}\nfaces/{train.path},{train.label},x\n")
    says = (
        "the model was trained on other pictures of 1 of these 2 people: "
        "its own split is by person, but this one is not"
    )
    assert says in _evaluate(own.run, data=csv).details["banners"]
    _change_split(own.run, lambda r: replace(r, targets={"person": r.id[:1]}))
    with pytest.raises(FacekitError, match=r"people are in more than one part of the split"):
        _evaluate(own.run)


def test_a_table_without_a_column_is_refused() -> None:
    with pytest.raises(FacekitError, match=r"^--table is only read for --by; give --by COLUMN as well$"):
        Evaluate(run=Path("run"), table=Path("t.csv"))


def test_an_embedder_is_scored_by_another_command() -> None:
    with pytest.raises(
        FacekitError, match=r"^dlib is an embedder, which knows no names; use `facekit evaluate-pairs dlib LIST`$"
    ):
        _evaluate(Path("dlib"))


@pytest.mark.parametrize(
    ("flags", "command"),
    [
        (["--folds", "5"], "facekit cross-validate RUN --folds N"),
        (["--pairs", "pairs.csv"], "facekit evaluate-pairs RUN LIST"),
        (["--threshold-from", "pairs.csv"], "facekit evaluate-pairs RUN LIST"),
        (["--no-detect"], "facekit evaluate-pairs RUN LIST"),
    ],
)
def test_options_of_0_1_name_the_command_that_has_them_now(
    flags: list[str], command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["facekit", "evaluate", "run", *flags])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2
    said = capsys.readouterr().err.strip()
    assert said.endswith(
        f"`facekit evaluate` no longer has {flags[0]}; use `{command}` (see `facekit evaluate --help`)"
    )
    assert "\n" not in said


def test_a_recipe_of_0_1_names_the_command_too(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text('[[stage]]\ncommand = "evaluate"\nrun = "run"\nfolds = 5\n')
    with pytest.raises(FacekitError, match=r"folds is no longer an option; use `facekit cross-validate RUN --folds N`"):
        plan(RunOptions(recipe=recipe), read(recipe))


def test_each_way_of_scoring_is_a_stage_of_a_recipe(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(
        '[[stage]]\ncommand = "cross-validate"\nrun = "run"\nfolds = 3\n'
        '[[stage]]\ncommand = "evaluate-pairs"\nrun = "run"\npairs = "pairs.csv"\nthreshold_from = "more.csv"\n'
    )
    folds, pairs = (step.options for step in plan(RunOptions(recipe=recipe), read(recipe)))
    assert isinstance(folds, CrossValidate)
    assert isinstance(pairs, EvaluatePairs)
    assert (folds.folds, folds.run, folds.output) == (3, tmp_path / "run", None)
    assert (pairs.pairs, pairs.threshold_from) == (tmp_path / "pairs.csv", tmp_path / "more.csv")


def test_the_closing_table_shows_between_what_a_score_lies(own: Trained, capsys: pytest.CaptureFixture[str]) -> None:
    report = _evaluate(own.run)
    Console().table([report])
    low, high = report.details["accuracy_interval"]
    said = capsys.readouterr().err
    assert re.search(rf"^  accuracy +{report.details['accuracy']:.4g} \(95% CI {low:.4g} to {high:.4g}\)$", said, re.M)
    assert "interval" not in said


def test_a_recipe_finds_its_tables_beside_itself(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(
        '[[stage]]\ncommand = "train"\ninput = "faces"\nsplit_by = "person"\npeople_from = "who.csv"\n'
        '[[stage]]\ncommand = "evaluate"\nby = "age"\ntable = "ages.csv"\n'
    )
    options = RunOptions(recipe=recipe)
    train_step, evaluate_step = plan(options, read(recipe))
    assert isinstance(train_step.options, Train)
    assert isinstance(evaluate_step.options, Evaluate)
    assert train_step.options.people_from == tmp_path / "who.csv"
    assert evaluate_step.options.table == tmp_path / "ages.csv"
    assert evaluate_step.options.data is None


def test_the_card_of_a_model_says_its_scores(own: Trained) -> None:
    scores = _scores(_evaluate(own.run))
    table = own.run.parent / "groups.csv"
    labels = runs.load(own.run).labels
    table.write_text("label,hand\n" + "".join(f"{one},{'left' if k else 'right'}\n" for k, one in enumerate(labels)))
    _evaluate(own.run, by="hand", table=table)
    card(Card(target=str(own.run)))
    text = (own.run / "README.md").read_text()
    for name in ("accuracy", "balanced_accuracy"):
        low, high = scores["intervals"][name]
        assert f"| {name.replace('_', ' ')} | {scores[name]:.3f} ({low:.3f} to {high:.3f}) |" in text
    assert f"Measured on {scores['scored']}" in text
    assert re.search(r"\| hand \| accuracy \| on \|\n.*\n\| (left|right) \| [01]\.\d{3}", text)
    assert all(f"| {runs.load(own.run).name(label)} |" in text for label in labels)
    assert "\nmodel-index: [" in text
    assert card(Card(target=str(own.run), check=True)).code == 0
    (own.run / "evaluation/scores.json").write_text(json.dumps({**scores, "accuracy": 0.123}))
    assert card(Card(target=str(own.run), check=True)).code == 1
