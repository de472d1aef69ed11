"""Embeddings of one's own: trained under an objective, split by person, and used as any other embedder is."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import pytest

pytest.importorskip("keras", reason="the extra `train` is not installed")

from facekit import runs
from facekit.base import images
from facekit.base.contract import FacekitError, Record, Report
from facekit.commands.card import card
from facekit.commands.cross_validate import cross_validate
from facekit.commands.enroll import enroll
from facekit.commands.evaluate import evaluate
from facekit.commands.evaluate_pairs import evaluate_pairs
from facekit.commands.identify import identify
from facekit.commands.predict import predict
from facekit.commands.train import train
from facekit.dataset import Dataset
from facekit.identity import embedders
from facekit.identity.drawn_pairs import DrawnPairs
from facekit.identity.split_people import split_people
from facekit.options.card import Card
from facekit.options.cross_validate import CrossValidate
from facekit.options.enroll import Enroll
from facekit.options.evaluate import Evaluate
from facekit.options.evaluate_pairs import EvaluatePairs
from facekit.options.finish import finish
from facekit.options.identify import Identify
from facekit.options.predict import Predict
from facekit.options.train import Train
from facekit.runs import projection
from facekit.scores.pairs import Pairs
from facekit.scores.sides import beside
from facekit.scores.verification import measure
from facekit.training.objectives.feed import margin_at
from facekit.training.objectives.people import draw

PEOPLE = 8

WIDE = 1.2
"""A margin that colours do not meet from the start."""


def _picture(person: int, number: int) -> Any:
    """Draw one picture: a coarse random texture in a colour that is the person's."""
    rng = np.random.default_rng([person, number])
    colour = cv2.cvtColor(np.uint8([[[180 * person // PEOPLE, 230, 220]]]), cv2.COLOR_HSV2RGB)[0, 0]
    texture = cv2.resize(rng.random((6, 6)), (40, 40), interpolation=cv2.INTER_CUBIC)[..., None]
    return np.clip(colour * (0.4 + 0.8 * texture), 0, 255).astype(np.uint8)


def _tree(root: Path, people: int = PEOPLE, pictures: int = 6) -> Path:
    for person in range(people):
        (root / f"p{person}").mkdir(parents=True)
        for number in range(pictures):
            (root / f"p{person}" / f"{number}.png").write_bytes(images.encode_png(_picture(person, number)))
    return root


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _tree(tmp_path_factory.mktemp("people") / "faces")


def _options(faces: Path, output: Path, **more: Any) -> Train:
    values = {"network": "cnn3", "size": 32, "epochs": 4, "batch": 8, "objective": "arcface", "split": "50/25/25"}
    return Train(input=faces, output=output, **(values | more))


class Made(NamedTuple):
    run: Path
    report: Report


@pytest.fixture(scope="module")
def network(faces: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A network of the run's own, under triplets."""
    run = tmp_path_factory.mktemp("network") / "run"
    options = _options(faces, run, objective="triplet", people_per_batch=4, pictures_per_person=3, light_augment=True)
    return Made(run, train(options))


@pytest.fixture(scope="module")
def projected(faces: Path, network: Made, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A projection of that network."""
    run = tmp_path_factory.mktemp("projected") / "run"
    return Made(run, train(_options(faces, run, backbone=str(network.run), margin=WIDE)))


@pytest.mark.parametrize("kind", ["network", "projected"])
def test_a_run_knows_what_it_is(kind: str, faces: Path, request: pytest.FixtureRequest) -> None:
    made: Made = request.getfixturevalue(kind)
    run = runs.load(made.run)
    weights = "projection.npz" if kind == "projected" else "model.weights.h5"
    assert {file.name for file in made.run.iterdir()} == {
        *("model.json", "split.jsonl", "history.csv", "history.png", weights)
    }
    assert run.embeds
    assert run.info.embeds is not None
    assert run.info.embeds.dimensions == 128
    assert 0 < run.info.embeds.threshold < 2
    assert run.protocol == "person"
    assert {one.label for one in run.split if one.split == "train"} == set(run.labels)
    assert made.report.details["test_people"] == 2
    assert made.report.details["val_auc"] == pytest.approx(run.info.scores.val_accuracy, abs=1e-4)
    assert max(epoch.val_accuracy or 0 for epoch in run.history) == run.info.scores.val_accuracy
    again = train(_same(made.run, faces))
    assert again.details == {**made.report.details}


def _same(folder: Path, faces: Path) -> Train:
    """Return the options of a run, as typed again."""
    from facekit.training import options_of

    return options_of(runs.load(folder), faces, folder, 0, overwrite=False)


def test_it_is_an_embedder_like_any_other(faces: Path, network: Made, projected: Made) -> None:
    base, own = embedders.load(str(network.run)), embedders.load(str(projected.run))
    face = own.align(images.decode((faces / "p0" / "0.png").read_bytes()))
    matrix = projection.read(projected.run / "projection.npz", 128, 128)
    assert np.allclose(own.embed([face]), base.embed([face]) @ matrix, atol=1e-5)
    assert not np.allclose(matrix, np.eye(128), atol=1e-3), "it has learned something"
    assert own.metric == base.metric == "cosine"
    assert own.version != base.version
    assert own.threshold == runs.load(projected.run).info.embeds.threshold  # type: ignore[union-attr]


class Interrupting:
    """A track that is interrupted at a step of training."""

    def __call__(self, items: Iterable[Any], title: str, total: int | None = None) -> Iterator[Any]:
        for number, item in enumerate(items):
            if title == "train" and number == 8:  # three steps an epoch: in the third
                raise KeyboardInterrupt
            yield item


def test_interrupted_it_ends_with_the_same_numbers(faces: Path, network: Made, projected: Made, tmp_path: Path) -> None:
    options = _options(faces, tmp_path / "run", backbone=str(network.run), margin=WIDE)
    with pytest.raises(KeyboardInterrupt):
        train(options, Interrupting())
    train(options)
    one, other = (projection.read(run / "projection.npz", 128, 128) for run in (projected.run, tmp_path / "run"))
    assert np.allclose(one, other, atol=1e-6)
    assert [e.loss for e in runs.load(projected.run).history] == pytest.approx(
        [e.loss for e in runs.load(tmp_path / "run").history], rel=1e-5
    )


def test_a_gallery_of_it_names_people_it_never_saw(faces: Path, projected: Made, tmp_path: Path) -> None:
    run = runs.load(projected.run)
    strangers = sorted({one.label for one in run.part("test")})
    for label in strangers:
        for number in range(4):
            place = tmp_path / "photos" / label / f"{number}.png"
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(faces / label / f"{number}.png", place)
    enroll(Enroll(input=tmp_path / "photos", output=str(tmp_path / "g"), embedder=str(projected.run), detect=False))
    asked = faces / strangers[0] / "5.png"
    (answer,) = identify(Identify(gallery=str(tmp_path / "g"), pictures=[asked], detect=False))
    assert answer.picture == str(asked)
    shutil.copytree(projected.run, tmp_path / "kept")
    (projected.run / "projection.npz").rename(tmp_path / "away")
    try:
        with pytest.raises(FacekitError, match=r"was made with .*, which is gone or has been trained again since"):
            list(identify(Identify(gallery=str(tmp_path / "g"), pictures=[asked], detect=False)))
    finally:
        (tmp_path / "away").rename(projected.run / "projection.npz")


def test_pairs_are_scored_with_it(faces: Path, projected: Made, tmp_path: Path) -> None:
    lines = ["p0/0.png,p0/1.png,1", "p0/0.png,p1/0.png,0", "p2/0.png,p2/1.png,1", "p2/0.png,p3/1.png,0"]
    (tmp_path / "pairs.csv").write_text("\n".join(["first,second,same", *lines]))
    options = EvaluatePairs(run=projected.run, pairs=tmp_path / "pairs.csv", data=faces, rounds=0, detect=False)
    report = evaluate_pairs(options)
    assert finish(report, options).next == f"facekit enroll PHOTOS -o gallery --embedder {projected.run}"
    assert report.details["embedder"] == "run"
    learned = {one.label for one in runs.load(projected.run).split if one.split != "test"}
    banner = f"the model was trained on {len(learned & {'p0', 'p1', 'p2', 'p3'})} of these 4 people"
    assert any(str(one).startswith(banner) for one in report.details["banners"])  # type: ignore[union-attr]


def test_it_is_scored_on_people_it_never_saw_beside_what_it_began_with(projected: Made, network: Made) -> None:
    report = evaluate(Evaluate(run=projected.run, rounds=50))
    assert finish(report, Evaluate(run=projected.run)).next.startswith("facekit enroll PHOTOS -o gallery --embedder ")
    run = runs.load(projected.run)
    scores = json.loads((projected.run / "evaluation" / "scores.json").read_text())
    assert scores["counts"]["people"] == len({one.label for one in run.part("test")}) == 2
    own, other = scores["beside"]["embedders"]
    assert own["auc"] == scores["scores"]["auc"]
    assert report.details["auc_beside"] == pytest.approx(other["auc"], abs=1e-4)
    assert scores["beside"]["gains"]["auc"]["difference"] == pytest.approx(own["auc"] - other["auc"])
    verdict = scores["beside"]["verdict"]
    assert any("no better than" in str(one) or "is worse than" in str(one) for one in report.details["banners"]) == (
        verdict != "better"
    )
    page = (projected.run / "evaluation" / "report.html").read_text()
    assert "Beside run" in page
    assert "false matches" in page
    with pytest.raises(FacekitError, match=r"is an embedder, which names nobody, so --by says nothing"):
        evaluate(Evaluate(run=network.run, by="gender"))


def test_its_card_says_how_it_compares_with_its_backbone(projected: Made, tmp_path: Path) -> None:
    evaluate(Evaluate(run=projected.run, rounds=50, overwrite=True))
    made = card(Card(target=str(projected.run), output=tmp_path / "card"))
    text = (tmp_path / "card" / "README.md").read_text()
    scores = json.loads((projected.run / "evaluation" / "scores.json").read_text())
    assert "arcface: a face is to be nearer to its own person's centre" in text
    assert "an embedding | 128 numbers, compared by the cosine" in text
    own, other = scores["beside"]["embedders"]
    assert f"| area under the ROC curve | {own['auc']:.3f}" in text
    assert f"it is {scores['beside']['verdict']} than {Path(other['name']).name}: area under the ROC curve" in text
    assert f"{scores['counts']['compared']} pairs" in text
    assert "tells whose face" not in text
    assert "pictures of each person" in text
    assert made.code == 0
    for file in (tmp_path / "card").iterdir():
        assert str(projected.run.parent) not in file.read_text()
    assert card(Card(target=str(projected.run), output=tmp_path / "card", check=True)).code == 0
    shutil.rmtree(projected.run / "evaluation")
    assert card(Card(target=str(projected.run), output=tmp_path / "card", check=True)).code == 1


def test_the_verdict_goes_by_the_interval() -> None:
    rng = np.random.default_rng(3)
    first = rng.integers(0, 30, 600)
    same = rng.random(600) < 0.5
    second = np.where(same, first, (first + rng.integers(1, 30, 600)) % 30)
    good = np.where(same, 0.3, 0.6) + rng.normal(scale=0.1, size=600)
    bad = np.where(same, 0.3, 0.6) + rng.normal(scale=0.4, size=600)
    nothing = np.zeros(0, bool)

    def verdict(one: Any, other: Any) -> str:
        pairs = Pairs(one, same, first, second, 30, np.zeros(600, np.int64), nothing)
        found = beside(pairs, ("one", "other"), (0.45, 0.45), other, (0.1, 0.01), 60, 1)
        assert found.own.measures.tar == measure(one, same, (0.1, 0.01)).tar
        return found.verdict

    assert verdict(good, bad) == "better"
    assert verdict(bad, good) == "worse"
    assert verdict(good, good + rng.normal(scale=0.001, size=600)) == "no better"


def test_pairs_are_drawn_evenly_over_people() -> None:
    people = ["a"] * 40 + ["b"] * 4 + ["c"] * 4
    drawn = DrawnPairs.of(people, seed=1, most=18)
    whose = Counter(people[place] for place in drawn.first[drawn.same])
    assert whose == {"a": 6, "b": 6, "c": 6}
    assert drawn.same.sum() == (~drawn.same).sum() == 18
    assert all(people[a] != people[b] for a, b in zip(drawn.first[~drawn.same], drawn.second[~drawn.same], strict=True))
    assert len(set(zip(drawn.first.tolist(), drawn.second.tolist(), strict=True))) == 36


def test_a_head_is_trained_on_it_and_a_network_begins_with_it(
    faces: Path, network: Made, projected: Made, tmp_path: Path
) -> None:
    report = train(Train(input=faces, output=tmp_path / "head", backbone=str(projected.run)))
    assert report.details["accuracy"] > 0.5
    with pytest.raises(FacekitError, match=r"run, itself a projection of .*; give --backbone "):
        train(_options(faces, tmp_path / "twice", backbone=str(projected.run)))
    with pytest.raises(FacekitError, match=r"run is a projection of .* and has no network; give other --weights$"):
        train(_options(faces, tmp_path / "more", weights=str(projected.run)))
    more = {"weights": str(network.run), "objective": "contrastive", "learning_rate": 1e-8, "epochs": 1}
    train(_options(faces, tmp_path / "more", **more))
    run, before = runs.load(tmp_path / "more"), runs.load(network.run)
    assert run.info.embeds is not None
    assert run.info.embeds.beside is not None
    assert run.info.embeds.beside.name == str(network.run)
    for one, other in zip(run.model().get_weights(), before.model().get_weights(), strict=True):
        assert one.ndim < 2 or np.allclose(one, other, atol=1e-5), "all kernels are those it began with, the head's too"


def test_what_names_people_is_refused(faces: Path, projected: Made, tmp_path: Path) -> None:
    names_nobody = r"run is an embedder, which names nobody; enroll people in a gallery, which does: facekit enroll"
    with pytest.raises(FacekitError, match=names_nobody):
        list(predict(Predict(run=projected.run, pictures=[faces / "p0"])))
    with pytest.raises(FacekitError, match=names_nobody):
        cross_validate(CrossValidate(run=projected.run, folds=2))


def _split(dataset: Dataset, split: str = "50/25/25") -> dict[str, set[str]]:
    parts: dict[str, set[str]] = {}
    for record in split_people(dataset, split, 1).records:
        parts.setdefault(str(record.split), set()).add(record.label)
    return parts


def test_people_are_split_and_those_who_share_a_photo_stay_together(faces: Path, tmp_path: Path) -> None:
    parts = _split(Dataset.open(faces))
    assert {part: len(people) for part, people in parts.items()} == {"train": 4, "test": 2, "validation": 2}
    assert len(set.union(*parts.values())) == PEOPLE
    shared = shutil.copytree(faces, tmp_path / "shared")
    shutil.copyfile(shared / "p0" / "0.png", shared / "p5" / "copy.png")
    for seed_split in ("50/25/25", "40/30/30"):
        assert any({"p0", "p5"} <= people for people in _split(Dataset.open(shared), seed_split).values())


def test_a_split_that_keeps_people_apart_is_kept_and_another_is_drawn_anew(faces: Path, tmp_path: Path) -> None:
    for part, people in {"train": (0, 1, 2), "val": (3, 4), "test": (5, 6)}.items():
        for person in people:
            shutil.copytree(faces / f"p{person}", tmp_path / "apart" / part / f"p{person}")
            shutil.copytree(faces / "p7", tmp_path / "across" / part / "p7", dirs_exist_ok=True)
            shutil.copytree(faces / f"p{person}", tmp_path / "across" / part / f"p{person}")
    assert _split(Dataset.open(tmp_path / "apart"))["test"] == {"p5", "p6"}
    with pytest.raises(FacekitError, match=r"across has 1 person in more than one part of its split \(first p7\)"):
        _split(Dataset.open(tmp_path / "across"))


def test_batches_hold_so_many_people_and_pictures() -> None:
    people = np.repeat(np.arange(6, dtype=np.int32), [9, 9, 9, 9, 9, 2])
    places = draw(people, (4, 3), seed=1, epoch=2).reshape(-1, 12)
    assert len(places) == 4
    for batch in places:
        assert sorted(Counter(people[batch]).values()) == [3, 3, 3, 3]
        assert all(len(set(batch[people[batch] == one])) == min(3, 9 if one < 5 else 2) for one in set(people[batch]))
    assert np.array_equal(places.ravel(), draw(people, (4, 3), seed=1, epoch=2))
    assert not np.array_equal(places.ravel(), draw(people, (4, 3), seed=1, epoch=3))


def test_the_margin_grows_in_the_first_epochs(tmp_path: Path) -> None:
    options = _options(tmp_path, tmp_path / "run", epochs=20, margin=0.4, margin_warmup=4)
    assert [margin_at(options, epoch) for epoch in range(6)] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.4])
    assert margin_at(_options(tmp_path, tmp_path / "run", objective="triplet"), 0) == 0.2


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (
            {"people_per_batch": 5},
            r"--people-per-batch is 5, and the training part of .* has 4 people; give 4",
        ),
        (
            {"pictures_per_person": 7},
            r"--pictures-per-person is 7, and nobody in the training part of .* has more th",
        ),
        (
            {"people_per_batch": 64, "pictures_per_person": 16},
            r"is 1024, and a batch takes 512 pictures at most",
        ),
        ({"scale": 30}, r"^--scale is for --objective arcface or cosface, and --objective is triplet; remove --scale$"),
        (
            {"objective": "softmax", "margin": 0.2},
            r"^--margin is for --objective .*, and --objective is softmax",
        ),
        (
            {"objective": "cosface", "people_per_batch": 4},
            r"^--people-per-batch is for --objective triplet or",
        ),
        (
            {"label_smoothing": 0.1},
            r"^an embedding by --objective triplet has no probabilities to smooth; rem",
        ),
        (
            {"split_by": "image"},
            r"is scored on people it never saw, so its tree is split by person; remove",
        ),
        ({"split": "70/30/0"}, r"has no validation part to monitor; give --monitor accuracy, or a --split whose last"),
        ({"split": "98/1/1", "backbone": "nobody"}, r"^no embedder called 'nobody'; choose from dlib"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_cannot_be_trained_is_refused(wrong: dict[str, Any], said: str, faces: Path, tmp_path: Path) -> None:
    with pytest.raises(FacekitError, match=said):
        train(_options(faces, tmp_path / "run", **{"objective": "triplet", **wrong}))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("people", "pictures", "said"),
    [
        (
            1,
            3,
            r"faces holds pictures of one person only, p0; an embedding learns to tell people apart, so",
        ),
        (
            5,
            3,
            r"faces has 5 people, and each of 3 parts of the split needs 2, 6 in all; add people, or train",
        ),
        (
            6,
            1,
            r"faces has one picture of each person in the train part, and an embedding learns from two or mo",
        ),
    ],
)
def test_too_few_people_or_pictures_are_refused(people: int, pictures: int, said: str, tmp_path: Path) -> None:
    faces = _tree(tmp_path / "faces", people, pictures)
    with pytest.raises(FacekitError, match=said):
        train(_options(faces, tmp_path / "run", objective="triplet"))


def test_all_people_can_be_trained_on(faces: Path) -> None:
    split = split_people(Dataset.open(faces), "100/0/0", 1)
    assert {record.split for record in split.records} == {"train"}
    assert all(isinstance(record, Record) for record in split.records)


@pytest.mark.slow
def test_the_recipe_of_facenet_ends_with_a_gallery_that_names_people(tmp_path: Path, facekit: Any) -> None:
    recipe = Path(__file__).parent.parent / "examples" / "facenet" / "drawn.toml"
    assert facekit("run", recipe, "-o", tmp_path / "work").code == 0
    run, photos = tmp_path / "work" / "train", tmp_path / "work" / "crop"
    assert runs.load(run).network == "inception_resnet_v1"
    enroll(Enroll(input=photos, output=str(tmp_path / "gallery"), embedder=str(run)))
    person = next(one for one in sorted(photos.iterdir()) if one.is_dir())
    asked = sorted(person.iterdir())[:3]
    answers = list(identify(Identify(gallery=str(tmp_path / "gallery"), pictures=asked, detect=False)))
    assert [answer.picture for answer in answers] == [str(one) for one in asked]
