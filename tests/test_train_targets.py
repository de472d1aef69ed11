"""A network of several targets from training to its answers, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from conftest import Facekit
from patches import tree

from facekit import runs
from facekit.base.contract import FacekitError, StaleError, quiet
from facekit.commands.card.models import facts
from facekit.commands.evaluate import evaluate
from facekit.commands.export import export
from facekit.commands.inspect import inspect
from facekit.commands.predict import predict
from facekit.commands.train import train
from facekit.identity import classifier
from facekit.options.compare import Compare
from facekit.options.cross_validate import CrossValidate
from facekit.options.evaluate import Evaluate
from facekit.options.export import Export
from facekit.options.inspect import Inspect
from facekit.options.predict import Predict
from facekit.options.targets import target_names, target_weights
from facekit.options.train import Train
from facekit.training import plan

NAMES = "identity,shade,mark"


def _options(faces: Path, output: Path, **more: object) -> Train:
    values: dict[str, object] = {"network": "cnn3", "size": 32, "epochs": 2, "batch": 8, "stop_at": 1.01}
    values |= {"targets": NAMES, "targets_from": faces.parent / "who.csv", "labels": "classes"}
    return Train(input=faces, output=output, **(values | more))  # type: ignore[arg-type]


def _table(folder: Path, *lines: str) -> Path:
    (folder / "other.csv").write_text("\n".join(lines) + "\n")
    return folder / "other.csv"


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three people, of whom two have a shade, and half of the pictures of each a mark. Not to be changed."""
    root = tree(tmp_path_factory.mktemp("targets") / "faces")
    shades = {"person0": "dark", "person1": "light"}
    rows = ["image,shade,mark"]
    for person in sorted(entry for entry in root.iterdir() if entry.is_dir()):
        rows += [
            f"{person.name}/{file.name},{shades.get(person.name, '')},{('left', 'right', '')[number % 3]}"
            for number, file in enumerate(sorted(person.iterdir()))
        ]
    (root.parent / "who.csv").write_text("\n".join(rows) + "\n")
    return root


@pytest.fixture(scope="module")
def joint(faces: Path) -> Path:
    """A run of three targets. Not to be changed."""
    train(_options(faces, faces.parent / "joint"))
    return faces.parent / "joint"


def test_a_run_says_its_targets_and_goes_on_with_the_same_ones_alone(faces: Path, joint: Path) -> None:
    run = runs.load(joint)
    assert [(one.name, one.labels) for one in run.targets] == [
        ("identity", ("person0", "person1", "person2")),
        ("shade", ("dark", "light")),
        ("mark", ("left", "right")),
    ]
    assert (run.labels, run.sizes) == (["person0", "person1", "person2"], [3, 2, 2])
    assert "val_accuracy of shade" in run.history[0].by_target
    assert plan(_options(faces, joint)).complete
    with pytest.raises(FacekitError, match="with --targets identity,shade,mark, not identity,shade; choose another"):
        plan(_options(faces, joint, targets="identity,shade"))
    text = (faces.parent / "who.csv").read_text()
    (faces.parent / "who.csv").write_text(text.replace("dark", "darker"))
    try:
        with pytest.raises(StaleError, match="another shade for 14 pictures"):
            plan(_options(faces, joint))
    finally:
        (faces.parent / "who.csv").write_text(text)


def test_each_target_has_all_scores_of_the_pictures_that_have_a_label(joint: Path) -> None:
    evaluate(Evaluate(run=joint, rounds=50))
    scores = json.loads((joint / "evaluation" / "scores.json").read_text())
    found = scores["targets"]
    assert [one["title"] for one in found.values()] == [
        "Face Recognition Accuracy Score (FRAS)",
        "Shade Recognition Accuracy",
        "Mark Recognition Accuracy",
    ]
    assert (found["identity"]["pictures"], found["shade"]["pictures"], found["shade"]["without_label"]) == (9, 6, 3)
    assert found["identity"]["accuracy"] == scores["accuracy"]
    for one in found.values():
        matrix = np.array(one["confusion"])
        assert matrix.sum() == one["pictures"]
        assert matrix.trace() / matrix.sum() == pytest.approx(one["accuracy"])
        assert {"balanced_accuracy", "macro", "intervals", "calibration"} <= one.keys()
    card = facts(runs.load(joint), 1, quiet)
    assert "tells 3 classes apart, and also answers shade, mark, trained with" in card.summary
    assert card.scores is not None
    assert {one.name: one.value for one in card.scores.rows}["Shade Recognition Accuracy"] == found["shade"]["accuracy"]
    page = (joint / "evaluation" / "report.html").read_text()
    first, second = (page.index(text) for text in ("Face Recognition Accuracy Score (FRAS)", "accuracy, "))
    assert first < second


def test_a_face_is_answered_for_each_target(faces: Path, joint: Path) -> None:
    answers = list(predict(Predict(run=joint, pictures=[faces / "person0"], detect=False, min_confidence=0)))
    run = runs.load(joint)
    assert len(answers) == 14
    for one in answers:
        assert one.targets is not None
        assert list(one.targets) == ["shade", "mark"]
        for target in run.more:
            assert one.targets[target.name].label in target.labels
            assert 1 / len(target.labels) <= one.targets[target.name].probability <= 1


def test_an_exported_file_answers_each_target_as_the_run_does(faces: Path, joint: Path, tmp_path: Path) -> None:
    pytest.importorskip("tf2onnx", reason="the extra `export` is not installed")
    file = tmp_path / "model.onnx"
    report = export(Export(run=joint, output=file))
    assert report.details["largest difference"] < 1e-5
    asked = [
        list(predict(Predict(run=one, pictures=[faces / "person1"], detect=False, min_confidence=0)))
        for one in (joint, file)
    ]
    assert len(asked[0]) == len(asked[1]) == 14
    for by_run, by_file in zip(*asked, strict=True):
        assert by_run.label == by_file.label
        assert by_run.confidence == pytest.approx(by_file.confidence, abs=2e-4)
        assert by_run.targets is not None
        assert by_file.targets is not None
        assert by_run.targets.keys() == by_file.targets.keys() == {"shade", "mark"}
        for name, one in by_run.targets.items():
            assert by_file.targets[name].label == one.label
            assert by_file.targets[name].probability == pytest.approx(one.probability, abs=2e-4)


def test_one_target_of_a_run_is_looked_at_alone(faces: Path, joint: Path, tmp_path: Path) -> None:
    run = runs.load(joint)
    shade = run.only("shade")
    assert (shade.labels, shade.whole) == (["dark", "light"], run)
    seen = [np.zeros((32, 32, 3), np.uint8)]
    rows = classifier.load(run).named(seen)[0]
    assert np.allclose(classifier.load(shade).named(seen)[0], rows[:, 3:5], atol=1e-6)
    report = inspect(Inspect(run=joint, target="mark", label="left", count=1, output=tmp_path / "seen"))
    assert report.kept == 1
    with pytest.raises(FacekitError, match="does not answer 'age'; choose from identity, shade, mark"):
        inspect(Inspect(run=joint, target="age", output=tmp_path / "other"))


def test_commands_that_look_at_identity_alone_refuse(facekit: Facekit, joint: Path) -> None:
    refused = facekit("cross-validate", joint)
    assert refused.code == 2
    assert "answers identity, shade, mark, and `facekit cross-validate` looks at identity alone" in refused.err
    assert CrossValidate(run=joint).folds > 1


@pytest.mark.parametrize(
    ("lines", "targets", "message"),
    [
        (("label,shade", "person0,dark"), "identity,age", "no column of age with values"),
        (("label,shade", "person0,dark"), "identity,shade", "have the same, dark; a model learns to tell labels apart"),
        (("image,shade", "nobody/1.png,dark"), "identity,shade", "no image that has a shade is in"),
        (("label,shade", "person0,dark", "person0,light"), "shade", "two values of shade, dark and light; keep one"),
    ],
)
def test_targets_that_cannot_be_learned(
    faces: Path, tmp_path: Path, lines: tuple[str, ...], targets: str, message: str
) -> None:
    with pytest.raises(FacekitError) as refused:
        plan(_options(faces, tmp_path / "run", targets=targets, targets_from=_table(tmp_path, *lines), dry_run=True))
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "run").exists()


def test_a_target_that_no_picture_has_is_refused(faces: Path, tmp_path: Path) -> None:
    with pytest.raises(FacekitError, match=r"no picture has a label for age \(targets that there are: none\)"):
        plan(_options(faces, tmp_path / "run", targets="identity,age", targets_from=None, dry_run=True))


def test_options_of_targets_are_checked() -> None:
    assert target_names(" gender, identity ") == ("identity", "gender")
    assert target_weights("identity=1, gender=.5") == {"identity": 1, "gender": 0.5}
    where = {"input": Path("a"), "output": Path("b")}
    for values, message in (
        ({"targets": "identity,,x"}, "give names separated by commas"),
        ({"targets": "x,x"}, "names x twice"),
        ({"targets": "identity,x", "target_weights": "x=0"}, "give a number above 0"),
        ({"targets": "identity,x", "target_weights": "y=1"}, "names y, which is not among --targets identity,x"),
        ({"target_weights": "learned"}, "needs two targets or more"),
        ({"targets": "identity,x", "backbone": "dlib", "target_weights": "learned"}, "is for networks"),
        ({"targets_from": Path("a.csv")}, "only read for --targets"),
        ({"targets": "identity,x", "objective": "triplet"}, "tells people apart and nothing else; remove --targets"),
    ):
        with pytest.raises(FacekitError, match=message):
            Train(**where, **values)  # type: ignore[arg-type]
    with pytest.raises(FacekitError, match="give two targets or more"):
        Compare(**where, targets="gender")
