"""Scores on faces that were cleaned with the very network that is scored."""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from colours import colours as colours
from pages import check_alone, links
from patches import patch

from facekit import runs
from facekit.base import digests, images
from facekit.base.contract import Report
from facekit.base.opening import open_regular
from facekit.commands.balance import balance
from facekit.commands.clean import clean
from facekit.commands.cross_validate import cross_validate
from facekit.commands.evaluate import evaluate
from facekit.commands.train import train
from facekit.dataset import INFO, REJECTED
from facekit.options.balance import Balance
from facekit.options.clean import Clean
from facekit.options.cross_validate import CrossValidate
from facekit.options.evaluate import Evaluate
from facekit.options.train import Train
from facekit.runs import pictures
from facekit.runs.head import Head
from facekit.scores.model import BeforeCleaning
from facekit.training import openset

SAYS = "the faces were cleaned with colours, the network that is scored: faces that it does not recognise are not among"


@pytest.fixture
def work(tmp_path: Path, colours: str) -> Path:
    """Faces of two names, cleaned by their colour, split, and learned by their colour.

    Four faces of the first name have the second's colour.
    """
    for label, name in ((0, "Ada"), (1, "Bob")):
        (tmp_path / "faces" / name).mkdir(parents=True)
        for number in range(16):
            colour = 1 if label == 0 and number < 4 else label
            data = images.encode_png(patch(colour, 100 * label + number))
            (tmp_path / "faces" / name / f"{number:02d}.png").write_bytes(data)
    clean(
        Clean(
            input=tmp_path / "faces",
            output=tmp_path / "clean",
            embedder=colours,
            min_images=5,
            min_side=10,
            min_sharpness=0,
            min_contrast=0,
        )
    )
    balance(Balance(input=tmp_path / "clean", output=tmp_path / "balance", count=14))
    train(Train(input=tmp_path / "balance", output=tmp_path / "run", backbone=colours))
    return tmp_path


def _evaluate(work: Path, **more: Any) -> Report:
    return evaluate(Evaluate(run=work / "run", rounds=0, **more))


def _rejected(work: Path) -> list[str]:
    return [json.loads(line)["reason"] for line in (work / "clean" / REJECTED).read_text().splitlines()]


def test_a_run_knows_what_its_faces_were_cleaned_with(work: Path) -> None:
    assert json.loads((work / "balance" / INFO).read_text())["cleaned_with"] == ["colours"]
    assert runs.load(work / "run").info.cleaned_with == ("colours",)


def test_the_score_before_cleaning_is_given_beside_it(work: Path) -> None:
    assert _rejected(work) == ["wrong person"] * 4
    report = _evaluate(work)
    assert report.details["accuracy"] == 1
    assert any(banner.startswith(SAYS) for banner in report.details["banners"])
    before = json.loads((Path(report.folder) / "scores.json").read_text())["before_cleaning"]
    assert before == {
        "accuracy": pytest.approx(28 / 32),  # 28 were kept and are named rightly; four were left out, and are Bob
        "interval": None,  # none is drawn with `rounds=0`
        "tested": 6,
        "kept": 28,
        "left_out": 4,
        "right": 0,
        "not_scored": 0,
        "reasons": {"wrong person": 4},
        "not_counted": {},
        "why_not": None,
        "folder": str(work / "clean"),
    }
    assert report.details["accuracy before cleaning"] == pytest.approx(28 / 32)
    page = Path(report.details["report"]).read_text()
    assert "<b>≥ 87.5%</b><span>accuracy to quote: before cleaning</span>" in page
    assert "accuracy after cleaning, 6 of 6 pictures" in page
    assert SAYS[1:] in page


def test_the_accuracy_to_quote_comes_with_its_interval_and_of_how_many_pictures_it_is(work: Path) -> None:
    report = evaluate(Evaluate(run=work / "run", rounds=50))
    low, high = report.details["accuracy before cleaning_interval"]
    assert low < 28 / 32 < high
    said = report.details["accuracy to quote"]
    made_of = "28 of 32 faces: 28 kept, at the accuracy of the 6 tested, and 0 of 4 left out"
    assert said == (
        f"at least 0.875 (95% CI {low:.4g} to {high:.4g}), for new photos, which nobody has sorted: {made_of}. "
        "4 faces left out count as mistakes, also where the photo shows somebody else. Decide about them in "
        f"`facekit review {work / 'clean'}`, apply it, and evaluate again for a closer value"
    )
    page = Path(report.details["report"]).read_text()
    assert "<b>≥ 87.5%</b><small>" in page
    assert f"at least 87.5%.</strong> That is {made_of}. 4 faces left out count as mistakes" in page


def test_the_faces_left_out_are_shown_with_the_models_answers(work: Path) -> None:
    report = _evaluate(work)
    assert "the faces that `clean` left out with the model's answers" in report.notes[0]
    page = check_alone(Path(report.details["report"]))
    (section,) = re.findall(r'<section id="left-out">.*?</section>', page, re.S)
    assert "4 faces: first those that the model names otherwise" in section
    assert len(re.findall(r"named Bob, \d+\.\d% sure</span><span>left out: wrong person</span>", section)) == 4
    there = {(Path(report.folder) / unquote(link)).resolve() for link in links(section)}
    assert there >= {work / "faces" / "Ada" / f"{number:02d}.png" for number in range(4)}


def test_the_accuracy_to_quote_is_made_of_numbers_that_give_it() -> None:
    before = BeforeCleaning(0.9289, 213, 26, 9, tested=43)
    assert before.made_of == "222 of 239 faces: 213 kept, at the accuracy of the 43 tested, and 9 of 26 left out"
    kept = 213 * 42 / 43
    assert BeforeCleaning((kept + 9) / 239, 213, 26, 9, tested=43).made_of.startswith("217 of 239 faces")
    assert BeforeCleaning(why_not="gone").made_of == ""


def test_where_clean_left_out_nothing_that_is_said(work: Path) -> None:
    (work / "clean" / REJECTED).write_text("")
    said = _evaluate(work).details["accuracy before cleaning"]
    assert said == "not known: `clean` left out none of the faces that would count, so there is only the accuracy above"


def test_the_numbers_of_the_faces_left_out_add_up_to_those_of_clean() -> None:
    left, others = {"wrong person": 24, "blurred": 1, "unsure": 1}, {"repeat": 13}
    before = BeforeCleaning(0.9289, 213, 25, 9, 1, left, others)
    assert str(before) == (
        "at least 0.9289, an estimate: the faces that were kept (213) count with the accuracy of those tested; of the "
        "25 faces left out that count (24 wrong person, 1 blurred, 1 unsure; not counted: 13 repeat; not scored: 1), "
        "the model names 9 as their folder does, and the other 16 count as mistakes, also those that show somebody else"
    )


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda work: shutil.rmtree(work / "faces"), "faces, which .*clean was made from, is gone"),
        (lambda work: shutil.rmtree(work / "clean"), "clean, which .*balance was made from, is gone"),
        (
            lambda work: next((work / "faces" / "Ada").iterdir()).unlink(),
            "faces has changed since .*clean was made from it",
        ),
        (
            lambda work: next((work / "clean" / "Bob").iterdir()).unlink(),
            "clean has changed since .*balance was made fr",
        ),
    ],
)
def test_where_the_faces_cannot_be_had_it_says_so(work: Path, damage: Any, why: str) -> None:
    damage(work)
    report = _evaluate(work)
    said = report.details["accuracy before cleaning"]
    assert re.search(f"^not known: .*{why}", said)
    assert any(banner.startswith(SAYS) for banner in report.details["banners"])


def test_training_names_the_faces_that_look_like_another_person(
    work: Path, colours: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        train(Train(input=work / "faces", output=work / "other", backbone=colours))
    (said,) = [line for line in caplog.messages if "more like another person" in line]
    wrong = re.findall(r"(Ada/0[0-3]\.png) \(like Bob\)", said)
    assert said.startswith(f"{len(wrong)} training face")
    assert said.endswith(f"move or delete its file in {work / 'faces'}, and train again")
    assert f"`facekit review {work / 'clean'}`" in openset._fix(work / "clean")


def test_of_several_targets_identity_is_scored_before_cleaning_and_among_strangers(work: Path) -> None:
    """The other target is surer than that of the names, beside whose probabilities its own stand."""
    rows = ["image,shade"]
    for person in ("Ada", "Bob"):
        files = sorted(file.name for file in (work / "balance" / person).iterdir())
        rows += [f"{person}/{name},{('light', 'dark', 'grey')[number % 3]}" for number, name in enumerate(files)]
    (work / "shades.csv").write_text("\n".join(rows) + "\n")
    run = Train(input=work / "balance", output=work / "run", backbone="colours", overwrite=True)
    train(replace(run, targets="shade,identity", targets_from=work / "shades.csv"))
    head = Head.read(work / "run" / runs.HEAD, 3, [2, 3])
    weights, bias = head.weights.copy(), head.bias.copy()
    weights[:, 2:], bias[2:] = 0, (90, 0, 0)
    Head(weights, bias).write(work / "run" / runs.HEAD)
    others = work / "others" / "Cyd"
    others.mkdir(parents=True)
    for number in range(3):
        (others / f"{number}.png").write_bytes(images.encode_png(patch(1, 500 + number)))  # as like Bob as Bob is
    report = _evaluate(work, strangers=work / "others")
    scores = json.loads((Path(report.folder) / "scores.json").read_text())
    before = scores["before_cleaning"]
    assert (before["kept"], before["left_out"], before["right"]) == (28, 4, 0)
    assert before["accuracy"] == pytest.approx(28 / 32)
    assert (scores["open_set"]["strangers"], scores["open_set"]["rates"]["fpir"]) == (3, 1)


def test_another_network_is_not_favoured(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from facekit.base import plugins

    monkeypatch.setitem(plugins.PARTS["embedder"], "other", "colours:Colours")
    train(Train(input=work / "balance", output=work / "run", backbone="other", overwrite=True))
    report = _evaluate(work)
    assert report.details["banners"] == []
    assert "accuracy before cleaning" not in report.details


def test_dlib_and_its_mirrored_twin_are_one_network(work: Path) -> None:
    from facekit.dataset import DatasetInfo
    from facekit.identity.cleaned import same_network

    info = DatasetInfo(embedder="dlib", cleaned_with=("sface",))
    assert info.recognised_by == ("sface", "dlib")
    assert same_network("dlib-mirrored", info) == "dlib"
    assert same_network("sface", info) == "sface"
    assert same_network("colours", info) is None
    assert DatasetInfo(embedder="none").recognised_by == ()


def test_folds_carry_the_banner(work: Path) -> None:
    report = cross_validate(CrossValidate(run=work / "run", folds=2, rounds=0))
    assert any(banner.startswith(SAYS) for banner in report.details["banners"])


def test_no_photo_of_the_training_is_read_twice(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also on a disk far away: to see that it is as it was, to compare it, to embed it, to find the nearest face."""
    monkeypatch.setattr(digests, "FRESH", float("-inf"))
    read: Counter[str] = Counter()

    def counting(file: Path, *more: Any, **named: Any) -> Any:
        read[os.path.realpath(file)] += 1
        return open_regular(file, *more, **named)

    for module in (images, pictures):
        monkeypatch.setattr(module, "open_regular", counting)
    assert _evaluate(work).details["accuracy before cleaning"] == pytest.approx(28 / 32)
    trained = [one for one in runs.load(work / "run").split if one.split in ("train", "validation")]
    assert {read[os.path.realpath(work / "balance" / one.path)] for one in trained if not one.synthetic} == {1}
