"""Training: what a run folder holds, when it stops, how it goes on after a kill, and what is refused."""

from __future__ import annotations

import csv
import json
import logging
import math
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from patches import tree

from facekit import runs
from facekit.base.contract import FacekitError, Record, Report, replace
from facekit.base.files import locked, read_lines, replace_lines
from facekit.commands.train import train
from facekit.dataset import MANIFEST, Dataset
from facekit.networks.assembly import parameters
from facekit.networks.inputs import decoded
from facekit.options.train import Train
from facekit.runs import Counts
from facekit.training.callbacks import Watch

KEPT = {"model.json", "gallery.npz", "model.weights.h5", "split.jsonl", "history.csv", "history.png"}


class Trained(NamedTuple):
    faces: Path
    run: Path
    report: Report


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    return tree(tmp_path / "faces")


def _options(faces: Path, **more: Any) -> Train:
    values = {"network": "cnn3", "size": 32, "epochs": 3, "batch": 8, "stop_at": 1.01, "output": faces.parent / "run"}
    return Train(input=faces, **(values | more))


def _history(folder: Path) -> list[dict[str, float]]:
    with (folder / "history.csv").open(newline="") as file:
        return [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]


def _files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def _relabel_split(faces: Path, change: Any) -> None:
    records = read_lines(faces / MANIFEST, Record)
    replace_lines(faces / MANIFEST, (change(record).to_json() for record in records))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    faces = tree(tmp_path_factory.mktemp("trained") / "faces")
    return Trained(faces, faces.parent / "run", train(_options(faces, epochs=4)))


@pytest.fixture
def done(trained: Trained, tmp_path: Path) -> Trained:
    """A copy of the trained run, to be changed."""
    shutil.copytree(trained.faces.parent, tmp_path / "copy")
    return Trained(tmp_path / "copy" / "faces", tmp_path / "copy" / "run", trained.report)


def test_a_run_folder_holds_the_model_and_nothing_else(trained: Trained) -> None:
    report = trained.report
    assert _files(trained.run) == KEPT
    assert report.kept == 33
    assert report.details["train_pictures"] == 24
    assert report.details["val_photos"] == 9
    assert report.details["epochs"] == 4
    assert report.details["stopped"] == "all epochs"
    run = runs.load(trained.run)
    assert report.details["parameters"] == parameters(run.model())
    assert run.labels == ["person0", "person1", "person2"]
    assert run.name("person1") == "Person1"
    assert run.protocol == "group"
    assert run.info.split == Counts(train=24, test=9, validation=9)
    assert [r.split for r in run.split] == [r.split for r in Dataset.open(trained.faces).records]


def test_the_best_epoch_is_kept(trained: Trained) -> None:
    run, rows = runs.load(trained.run), _history(trained.run)
    best = max(rows, key=lambda row: (row["val_accuracy"], -row["val_loss"]))
    assert run.info.best_epoch == best["epoch"]
    held = run.part("validation")
    seen = np.stack([image for _, image in decoded(trained.faces, held, 32)])
    found = np.asarray(run.model().predict_on_batch(seen)).argmax(axis=1)
    right = np.mean([run.labels[i] == record.label for i, record in zip(found, held, strict=True)])
    assert right == pytest.approx(best["val_accuracy"])


def test_without_validation_training_itself_can_be_monitored(tmp_path: Path) -> None:
    faces = tree(tmp_path / "faces", split=("train",) * 4 + ("test",) * 2)
    with pytest.raises(FacekitError, match=r"has no validation part to monitor; give --monitor accuracy, or a --split"):
        train(_options(faces))
    report = train(_options(faces, epochs=40, stop_at=0.9, monitor="accuracy"))
    assert report.details["stopped"] == "reached 0.9"
    assert report.details["epochs"] < 40
    assert report.details["accuracy"] >= 0.9
    assert "val_accuracy" not in report.details


class Interrupting:
    """A track that is interrupted at a step of training."""

    def __init__(self, step: int) -> None:
        self.step = step

    def __call__(self, items: Iterable[Any], title: str, total: int | None = None) -> Iterator[Any]:
        for number, item in enumerate(items):
            if title == "train" and number == self.step:
                raise KeyboardInterrupt
            yield item


def test_ctrl_c_leaves_a_run_that_goes_on_as_if_nothing_had_been(
    trained: Trained, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        train(_options(trained.faces, epochs=4, output=folder), Interrupting(7))  # three steps an epoch: in the third
    assert not (folder / runs.PACK).exists()
    with pytest.raises(FacekitError, match=r"run was begun with --epochs 4, not 5; choose another folder, or use --ov"):
        train(_options(trained.faces, epochs=5, output=folder))
    with pytest.raises(FacekitError, match=r"run is not fully trained; run the same `train` command again first$"):
        runs.load(folder)
    with caplog.at_level(logging.INFO):
        report = train(_options(trained.faces, epochs=4, output=folder))
    assert "continuing the interrupted training in " in caplog.text
    assert "run after epoch 2" in caplog.text
    assert report.details["epochs"] == 4
    for one, other in zip(_history(trained.run), _history(folder), strict=True):
        for name in ("epoch", "loss", "accuracy", "val_loss", "val_accuracy"):
            assert one[name] == pytest.approx(other[name], rel=2e-2, abs=2e-2)
    assert _files(folder) == KEPT


KILLED = """
import json, os, signal, sys
from facekit.networks.assembly import parameters
from facekit.options.train import Train
from facekit.runs import Counts
from facekit.networks.inputs import decoded
from facekit.commands.train import train
def track(items, title, total=None):
    for number, item in enumerate(items):
        if title == "train" and number == 5:
            os.kill(os.getpid(), signal.SIGKILL)
        yield item
network, size, more = sys.argv[3], int(sys.argv[4]), json.loads(sys.argv[5])
values = {"input": sys.argv[1], "output": sys.argv[2], "network": network, "size": size, "epochs": 3, "batch": 8}
train(Train(**values, stop_at=1.01, **more), track)
"""


@pytest.mark.parametrize(
    ("network", "size", "targets"),
    [
        ("cnn3", 32, "identity,shade"),
        pytest.param("cnn3", 32, None, marks=pytest.mark.slow),
        pytest.param("inception_v3", 96, None, marks=pytest.mark.slow),
    ],
    ids=lambda v: str(v),
)
def test_killed_in_an_epoch_it_resumes_from_its_last_checkpoint(
    faces: Path, network: str, size: int, targets: str | None
) -> None:
    folder = faces.parent / "run"
    more: dict[str, Any] = {}
    if targets is not None:
        (faces.parent / "who.csv").write_text("label,shade\nperson0,dark\nperson1,light\n")
        more = {"targets": targets, "targets_from": str(faces.parent / "who.csv"), "target_weights": "learned"}
    killed = [sys.executable, "-c", KILLED, str(faces), str(folder), network, str(size), json.dumps(more)]
    done = subprocess.run(killed, stderr=subprocess.PIPE, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert not json.loads((folder / "model.json").read_text())["complete"]
    before = _history(folder)
    assert len(before) == 1
    report = train(_options(faces, network=network, size=size, **more))
    after = _history(folder)
    assert report.details["epochs"] == len(after) == 3
    assert after[0] == before[0]
    assert _files(folder) == KEPT


@pytest.mark.parametrize("resume", [False, True])
def test_a_complete_run_is_left_as_it_is(done: Trained, resume: bool, caplog: pytest.LogCaptureFixture) -> None:
    before = (done.run / "model.weights.h5").stat().st_mtime_ns
    with caplog.at_level(logging.INFO):
        report = train(_options(done.faces, epochs=4, resume=resume))
    assert report.details == {**done.report.details, "history": str(done.run / "history.png")}
    assert "run is already trained" in caplog.text
    assert (done.run / "model.weights.h5").stat().st_mtime_ns == before
    with pytest.raises(FacekitError, match=r"was trained with --epochs 4, not 2; choose another folder"):
        train(_options(done.faces, epochs=2, resume=resume))


def test_a_tree_is_read_once_where_a_model_of_it_is_complete(done: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []
    monkeypatch.setattr(Dataset, "open", classmethod(partial(_counted, opened, Dataset.open)))
    with pytest.raises(FacekitError, match="was trained with --epochs 4, not 2"):
        train(_options(done.faces, epochs=2))
    assert opened == [], "other options are refused without a look at the pictures"
    train(_options(done.faces, epochs=4))
    assert opened == [done.faces]


def _counted(opened: list[Path], of: Any, cls: type[Dataset], root: Path, *more: Any) -> Dataset:
    opened.append(root)
    return of(root, *more)


def test_overwriting_deletes_a_runs_own_files_alone(done: Trained) -> None:
    (done.run / "notes.txt").write_text("mine")
    (done.run / "evaluation").mkdir()
    (done.run / "evaluation" / "scores.json").write_text("{}")
    (done.run / "evaluation" / "poster.html").write_text("mine")
    assert train(_options(done.faces, epochs=1, overwrite=True)).details["epochs"] == 1
    assert _files(done.run) == {*KEPT, "notes.txt", "evaluation/poster.html"}


@pytest.mark.parametrize(
    "changes", [{"network": "alexnet", "size": 512}, {"color": "gray"}, {"backbone": {"name": "dlib"}}]
)
def test_a_run_that_is_not_what_its_options_say_does_not_go_on(done: Trained, changes: dict[str, Any]) -> None:
    file = done.run / "model.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes, "complete": False}))
    with pytest.raises(FacekitError, match=r"model\.json does not match its options; use --overwrite$"):
        train(_options(done.faces, epochs=4))


def test_a_run_whose_pictures_changed_is_not_resumed(done: Trained) -> None:
    run = runs.load(done.run)
    run.save(replace(run.info, complete=False))
    next((done.faces / "person0").iterdir()).unlink()
    with pytest.raises(
        FacekitError, match=r"has changed since .* was begun \(pictures: 1 removed\); make it again with `facekit train"
    ):
        train(_options(done.faces, epochs=4))


def test_divergence_is_given_up_with_the_mend(faces: Path) -> None:
    with pytest.raises(FacekitError, match=r"^training diverged: .* --overwrite and a lower --learning-rate than 1$"):
        train(_options(faces, epochs=12, learning_rate=1.0))


def test_a_loss_that_is_no_number_ends_the_run() -> None:
    watch = Watch(math.log(4), 0.01)
    watch.on_train_batch_end(16, {"loss": 1.0})
    with pytest.raises(
        FacekitError, match=r"^training diverged: the loss is nan; .* a lower --learning-rate than 0.01$"
    ):
        watch.on_train_batch_end(32, {"loss": float("nan")})
    for epoch in range(2):
        watch.on_epoch_end(epoch, {"loss": 50.0})
    watch.on_epoch_end(2, {"loss": 1.0})
    for epoch in range(2):
        watch.on_epoch_end(epoch, {"loss": 50.0})
    with pytest.raises(FacekitError, match=r"far above 1\.39, that of guessing \(now 50\)"):
        watch.on_epoch_end(3, {"loss": 50.0})


def test_dry_run_counts_and_writes_nothing(faces: Path) -> None:
    report = train(_options(faces, dry_run=True))
    assert report.details == {"labels": 3, "train_pictures": 24, "val_photos": 9, "test_photos": 9}
    assert not (faces.parent / "run").exists()


def test_unreadable_pictures_are_counted_and_logs_are_written_on_request(faces: Path) -> None:
    pytest.importorskip("tensorboard")
    record = next(r for r in Dataset.open(faces).records if r.split == "train")
    (faces / record.path).write_bytes(b"")
    report = train(_options(faces, epochs=1, tensorboard=True))
    assert report.left == {"empty file": 1}
    assert report.details["train_pictures"] == 23
    logs = _files(faces.parent / "run" / runs.LOGS)
    assert {Path(path).parts[0] for path in logs} == {"train", "validation"}


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"split_by": "image"}, "has a split by group, which --split-by image would undo"),
        ({"network": "vgg99"}, "no network called 'vgg99'; choose from inception_v3, cnn3"),
        ({"network": "inception_v3", "size": 64}, "--size is 64; inception_v3 needs 75 or more"),
    ],
)
def test_options_that_do_not_fit_are_refused(faces: Path, more: dict[str, Any], message: str) -> None:
    with pytest.raises(FacekitError) as caught:
        train(_options(faces, **more))
    assert message in str(caught.value)
    assert not (faces.parent / "run").exists()


def test_output_inside_the_pictures_is_refused(faces: Path) -> None:
    with pytest.raises(FacekitError, match="overlap: one is inside the other; choose another output$"):
        train(_options(faces, output=faces / "run"))
    assert not (faces / "run").exists()


def test_a_folder_of_something_else_is_refused(faces: Path) -> None:
    (faces.parent / "run").mkdir()
    (faces.parent / "run" / "thesis.txt").write_text("mine")
    with pytest.raises(FacekitError, match=r"is not empty and was not made by `train`; choose another folder$"):
        train(_options(faces, overwrite=True))


def test_two_trains_on_one_folder_are_refused(faces: Path) -> None:
    (faces.parent / "run").mkdir()
    with (
        locked(faces.parent / "run"),
        pytest.raises(FacekitError, match=r"^another facekit process is writing .*run; wait for it"),
    ):
        train(_options(faces))


def test_a_name_without_training_pictures_is_refused(faces: Path) -> None:
    _relabel_split(faces, lambda r: replace(r, split="test") if r.label == "person2" else r)
    with pytest.raises(FacekitError, match=r"person2 has no picture in the training part"):
        train(_options(faces))
