"""A linear head on frozen vectors: a run like any other, trained in seconds."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fuzzing import watch
from patches import tree

from facekit import runs, training
from facekit.base.contract import FacekitError
from facekit.commands.compare import compare
from facekit.commands.evaluate import evaluate
from facekit.commands.evaluate_pairs import evaluate_pairs
from facekit.commands.predict import predict
from facekit.commands.train import train
from facekit.dataset import Dataset
from facekit.identity import classifier, examples
from facekit.identity.embedders import DatasetEmbeddings, embed_dataset, load
from facekit.identity.openset import evaluation
from facekit.options.compare import Compare
from facekit.options.evaluate import Evaluate
from facekit.options.evaluate_pairs import EvaluatePairs
from facekit.options.predict import Predict
from facekit.options.train import Train
from facekit.runs.head import Head


@pytest.fixture(scope="module")
def trained(even: Path) -> Path:
    train(Train(input=even, output=even.parent / "linear", backbone="dlib"))
    return even.parent / "linear"


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy of the trained run, to be changed."""
    return Path(shutil.copytree(trained, tmp_path / "run"))


def test_a_run_folder_holds_the_head_and_what_it_stands_on(even: Path, trained: Path) -> None:
    assert {file.name for file in trained.iterdir()} == {"model.json", "head.npz", "gallery.npz", "split.jsonl"}
    run, dlib = runs.load(trained), load("dlib")
    assert run.backbone == "dlib"
    assert run.info.network == "dlib, frozen"
    assert run.info.backbone.metric == "euclidean"
    assert run.info.backbone.version == dlib.version
    assert run.info.parameters == 128 * 3 + 3
    assert run.labels == Dataset.open(even).labels
    assert run.info.scores.accuracy > 0.9


def test_it_is_scored_and_names_faces_like_any_run(
    even: Path, trained: Path, drawn_photos: Path, tmp_path: Path
) -> None:
    report = evaluate(Evaluate(run=trained, part="train", output=tmp_path / "scores"))
    assert report.details["accuracy"] == pytest.approx(runs.load(trained).info.scores.accuracy, abs=1e-4)
    photos = sorted(path for path in drawn_photos.glob("*/*") if path.suffix == ".jpg")[:3]
    answers = list(predict(Predict(run=trained, pictures=photos, min_confidence=0)))
    found = [answer for answer in answers if answer.box]
    assert found
    assert {answer.label for answer in found} <= {*runs.load(trained).labels, "unknown"}
    assert all(0 < (answer.confidence or 0) <= 1 for answer in found)
    whole = list(predict(Predict(run=trained, pictures=photos, detect=False)))
    assert [answer.picture for answer in whole] == [str(photo) for photo in photos]


def test_what_named_a_face_is_not_computed_again_for_the_scores_and_the_report(
    even: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedded: list[str] = []

    def counted(dataset: Dataset, *args: Any) -> DatasetEmbeddings:
        embedded.extend(record.path for record in dataset.records)
        return embed_dataset(dataset, *args)

    for module in (classifier, evaluation, examples):
        monkeypatch.setattr(module, "embed_dataset", counted)
    evaluate(Evaluate(run=trained, output=tmp_path / "scores", rounds=0))
    assert len(embedded) == len(set(embedded))
    found = [record for record in runs.load(trained).split if record.synthetic is None]
    assert set(embedded) == {record.path for record in found if record.split in ("test", "train")}


def test_a_data_sets_pictures_are_looked_at_in_order(even: Path, trained: Path) -> None:
    run, dataset = runs.load(trained), Dataset.open(even)
    model = classifier.load(run)
    rows = {record.id: row for record, row, _ in model.look(dataset, dataset.records, batch=4)}
    assert list(rows) == [record.id for record in dataset.records]
    assert all(isinstance(row, np.ndarray) and row.shape == (3,) for row in rows.values())


def test_it_is_trained_again_to_the_same_head(even: Path, trained: Path, tmp_path: Path) -> None:
    train(Train(input=even, output=tmp_path / "again", backbone="dlib"))
    one, other = (Head.read(run / "head.npz", 128, 3) for run in (trained, tmp_path / "again"))
    assert np.array_equal(one.weights, other.weights)
    before = (tmp_path / "again" / "head.npz").stat().st_mtime_ns
    train(Train(input=even, output=tmp_path / "again", backbone="dlib"))
    assert (tmp_path / "again" / "head.npz").stat().st_mtime_ns == before, "a finished one is left as it is"


def test_no_tensorflow_is_loaded(even: Path, trained: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from facekit.commands.train import train; from facekit.options.train import Train\n"
        "from facekit.commands.evaluate import evaluate; from facekit.options.evaluate import Evaluate\n"
        "from facekit.commands.predict import predict; from facekit.options.predict import Predict\n"
        "run, faces, picture, out = sys.argv[1:]\n"
        "train(Train(input=faces, output=out, backbone='dlib'))\n"
        "evaluate(Evaluate(run=out))\n"
        "list(predict(Predict(run=run, pictures=[picture])))\n"
        "print([name for name in ('tensorflow', 'keras', 'jax', 'torch') if name in sys.modules])"
    )
    picture = even / Dataset.open(even).records[0].path
    command = [sys.executable, "-c", code, str(trained), str(even), str(picture), str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_another_run_can_be_the_backbone(even: Path, tmp_path: Path) -> None:
    faces = tree(tmp_path / "patches")
    train(Train(input=faces, output=tmp_path / "first", network="cnn3", size=32, epochs=2, batch=8))
    report = train(Train(input=faces, output=tmp_path / "second", backbone=str(tmp_path / "first")))
    run = runs.load(tmp_path / "second")
    assert run.backbone == str((tmp_path / "first").resolve())
    assert report.details["val_accuracy"] > 0.9
    assert evaluate(Evaluate(run=tmp_path / "second")).details["accuracy"] > 0.9
    with pytest.raises(FacekitError, match=r"second, itself a linear head on .*first; give --backbone .*first$"):
        train(Train(input=faces, output=tmp_path / "third", backbone=str(tmp_path / "second")))


def _edit(run: Path, change: Any) -> None:
    info = json.loads((run / "model.json").read_text())
    change(info)
    (run / "model.json").write_text(json.dumps(info))


def test_a_head_for_other_vectors_is_refused(run: Path) -> None:
    _edit(run, lambda info: info["backbone"].update(version="older"))
    with pytest.raises(FacekitError, match=r"run was trained on embeddings that dlib no longer gives; train again$"):
        classifier.load(runs.load(run))


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """A network of the user's own, of which a stranger's head knows no more than the path."""
    from facekit.networks.cnn import cnn3

    folder = tmp_path / "home" / "model"
    folder.mkdir(parents=True)
    info = {"network": "cnn3", "size": 32, "labels": ["a", "b"], "dataset": {"root": "/d"}, "complete": True}
    (folder / "model.json").write_text(json.dumps({**info, "protocol": "group", "options": {}}))
    cnn3(32, 2).save_weights(folder / "model.weights.h5")
    return folder


def test_a_backbone_is_opened_only_where_it_is_the_network_that_the_head_was_fitted_to(
    run: Path, foreign: Path, tmp_path: Path
) -> None:
    _edit(run, lambda info: info["backbone"].update(name=str(foreign), version="0" * 12))
    (tmp_path / "pairs.csv").write_text("first,second,same\na.png,b.png,1\n")
    for open_it in (
        lambda: classifier.load(runs.load(run)),
        lambda: evaluate_pairs(EvaluatePairs(run=run, pairs=tmp_path / "pairs.csv", data=tmp_path)),
        lambda: training.options_of(runs.load(run), tmp_path, tmp_path / "fold", 1, overwrite=False),
    ):
        with (
            watch(foreign) as touched,
            pytest.raises(FacekitError, match=r"run is a linear head on the network in .*model, which is gone or has"),
        ):
            open_it()
        assert touched == ["open /model.weights.h5"]
    (foreign / "model.weights.h5").unlink()
    os.mkfifo(foreign / "model.weights.h5")
    with pytest.raises(FacekitError, match="which is gone or has been trained again"):
        classifier.load(runs.load(run))


def test_a_backbone_without_a_path_is_an_embedder_and_no_folder_here(
    run: Path, foreign: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(foreign.parent)
    _edit(run, lambda info: info["backbone"].update(name="model"))
    with pytest.raises(FacekitError, match=r"^no embedder called 'model'; choose from dlib"):
        classifier.load(runs.load(run))


def test_folds_are_trained_on_the_backbone_of_the_run_and_no_other(run: Path, tmp_path: Path) -> None:
    _edit(run, lambda info: info["options"].update(backbone=str(tmp_path)))
    chosen = training.options_of(runs.load(run), tmp_path / "faces", tmp_path / "fold", 1, overwrite=False)
    assert chosen.backbone == "dlib"


@pytest.mark.parametrize("kind", ["link", "fifo", "folder"])
def test_a_head_that_is_no_regular_file_is_refused(run: Path, tmp_path: Path, kind: str) -> None:
    (run / "head.npz").rename(tmp_path / "head.npz")
    if kind == "link":
        (run / "head.npz").symlink_to(tmp_path / "head.npz")
    else:
        (os.mkfifo if kind == "fifo" else os.mkdir)(run / "head.npz")
    what = "a link out of its folder; replace" if kind == "link" else "not a regular file; train again"
    with pytest.raises(FacekitError, match=rf"head\.npz is {what}"):
        classifier.load(runs.load(run))


def test_a_head_for_other_names_is_refused(run: Path) -> None:
    _edit(run, lambda info: info["labels"].append("Zoe"))
    with pytest.raises(FacekitError, match=r"head.npz does not match its model.json; train again with --overwrite$"):
        classifier.load(runs.load(run))


def test_answers_that_are_not_finite_are_refused(even: Path, run: Path) -> None:
    """Finite weights can give them, too."""
    dataset = Dataset.open(even)
    vector = embed_dataset(dataset, "dlib").vectors[0]
    Head(3e38 * np.sign(vector)[:, None].repeat(3, axis=1), np.zeros(3, np.float32)).write(run / "head.npz")
    model = classifier.load(runs.load(run))
    with pytest.raises(FacekitError, match=r"run answers with numbers that are not finite; train again with --overwri"):
        list(model.look(dataset, dataset.records, batch=4))


def test_a_backbone_that_nobody_registered_is_refused_before_anything_is_written(even: Path, tmp_path: Path) -> None:
    with pytest.raises(FacekitError, match=r"^no embedder called 'facenet'; choose from dlib"):
        train(Train(input=even, output=tmp_path / "run", backbone="facenet"))
    assert not (tmp_path / "run").exists()


def test_it_has_no_network_for_another_to_begin_with(even: Path, trained: Path, tmp_path: Path) -> None:
    with pytest.raises(FacekitError, match=r"linear is a linear head on dlib and has no network; give other --weights"):
        train(Train(input=even, output=tmp_path / "run", network="cnn3", size=32, weights=str(trained)))


def test_on_real_photos_of_several_people(data: Path, tmp_path: Path) -> None:
    """Ten people, twenty photos each, split by photo: the head names photos that it has not seen."""
    pytest.importorskip("dlib", reason="the extra `faces` is not installed")
    people = sorted((data / "lfw" / "identities").iterdir())[:10]
    for person in people:
        (tmp_path / "photos" / person.name).mkdir(parents=True)
        for file in sorted(person.iterdir())[:20]:
            shutil.copy(file, tmp_path / "photos" / person.name)
    train(Train(input=tmp_path / "photos", output=tmp_path / "run", backbone="dlib", split="70/30/0"))
    details = evaluate(Evaluate(run=tmp_path / "run")).details
    assert details["pictures"] >= 55
    assert details["accuracy"] > 0.96


def test_a_name_that_loses_all_its_pictures_is_named_with_the_reason(even: Path, tmp_path: Path) -> None:
    lost = Path(shutil.copytree(even, tmp_path / "lost"))
    label = Dataset.open(lost).labels[0]
    for number, file in enumerate((lost / label).iterdir()):
        file.write_bytes(b"\xff\xd8\xff\xe0 no more %d" % number)
    count = sum(one.label == label and one.split == "train" for one in Dataset.open(even).records)
    said = rf"lost: no training picture of {label} can be used \({count} not a picture\); give usable ones"
    for way in ({"backbone": "dlib"}, {"backbone": "dlib", "class_weights": "none"}, {"network": "cnn3", "size": 32}):
        with pytest.raises(FacekitError, match=said):
            train(Train(input=lost, output=tmp_path / "run", epochs=1, overwrite=True, **way))
    with pytest.raises(FacekitError, match=said):
        compare(Compare(input=lost, output=tmp_path / "comparison", networks="dlib"))
    made = train(Train(input=even, output=tmp_path / "before", backbone="dlib"))
    scored = evaluate(Evaluate(run=tmp_path / "before", data=lost, output=tmp_path / "scores", rounds=5))
    assert made.made == 1
    # The others of that name were trained on: they are left out for it before anything is decoded.
    tested = [one for one in Dataset.open(even).records if one.label == label and one.split == "test"]
    assert scored.left["not a picture"] == len(tested) > 0
