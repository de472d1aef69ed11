"""The keys of `scores.json`, which scripts read: they stay as version 0.1.0 wrote them."""

from __future__ import annotations

from typing import Any

import numpy as np

from facekit.base import plain
from facekit.report import scores_json
from facekit.scores import classes, groups, pairs
from facekit.scores.bootstrap import rounds_of
from facekit.scores.calibration import calibration
from facekit.scores.classes import Answers, bounds
from facekit.scores.groups import Sample
from facekit.scores.model import Folds, FoldScores, ModelScores, Resampled
from facekit.scores.pairs import Counts, EmbedderCard, Group, Pairs, PairsReport, Point
from facekit.scores.weights import WeightsCard

LABELS = ("Ada", "Bob")


def _model(rounds: int, more: bool) -> dict[str, Any]:
    truth = np.arange(24) % 2
    probabilities = np.where(np.eye(2)[np.where(np.arange(24) % 5, truth, 1 - truth)] == 1, 0.9, 0.1)
    answers, units = Answers.of(truth, probabilities), list(range(24))
    sample = Sample(answers, units, rounds, 1)
    first = np.arange(24) < 12
    folds = Folds(tuple(FoldScores(n, 12, 8, 4, 12, answers.where(first).summary()) for n in (1, 2)))
    return scores_json.of_model(
        ModelScores(
            *("run", "data", "the test part", "group", ("a warning",), {"empty file": 1}),
            classes=classes.score(truth, probabilities, LABELS),
            intervals=bounds(rounds_of(answers.rates, units, rounds), answers.summary(), 24),
            resampled=Resampled(rounds, 24, "photos"),
            calibration=calibration(truth, probabilities),
            apart=groups.apart(sample, {"photos as found": first, "copies and children": ~first}) if more else (),
            groups=groups.by_value(sample, "age", ["old", "young"] * 12, [None] * 24) if more else None,
            folds=folds if more else None,
        )
    )


def test_the_scores_of_a_model() -> None:
    values = _model(20, True)
    plain.dump(values)
    assert list(values) == [
        *("run", "data", "scored", "protocol", "banners", "left", "pictures", "accuracy", "balanced_accuracy", "top5"),
        *("macro", "weighted", "by_class", "labels", "confusion", "confused", "intervals", "resampled", "calibration"),
        *("apart", "groups", "folds"),
    ]
    assert values["by_class"][0].keys() == {"label", "pictures", "precision", "recall", "f1"}
    assert values["confused"][0].keys() == {"label", "taken_for", "pictures", "of"}
    assert values["intervals"].keys() == {"accuracy", "balanced_accuracy", "macro_f1"}
    assert values["calibration"].keys() == {"ece", "nll", "brier", "confidence", "bins"}
    assert values["calibration"]["bins"][0].keys() == {"from", "to", "pictures", "confidence", "accuracy"}
    group = {"pictures", "units", "names", "accuracy", "balanced_accuracy", "macro", "intervals"}
    assert values["apart"]["photos as found"].keys() == group
    assert values["groups"].keys() == {"by", "values", "unknown", "gap"}
    assert values["groups"]["values"][0].keys() == group | {"value", "people"}
    gap = {"of", "best", "worst", "best_accuracy", "worst_accuracy", "gap"}
    assert values["groups"]["gap"].keys() == gap | {"interval", "chance"}
    assert values["folds"].keys() == {"rows", "accuracy", "balanced_accuracy", "macro_f1", "note"}
    assert values["folds"]["accuracy"].keys() == {"mean", "deviation"}
    assert values["folds"]["rows"][0].keys() == {
        *("fold", "pictures", "train", "validation", "test", "accuracy", "balanced_accuracy", "macro_f1")
    }


def test_what_is_not_there_has_no_key_or_is_empty() -> None:
    values = _model(0, False)
    assert (values["intervals"], values["apart"]) == ({}, {})
    assert not values.keys() & {"groups", "folds"}
    assert "interval" not in _model(0, True)["groups"]["gap"]


def _pairs(rounds: int) -> dict[str, Any]:
    same = np.array([True] * 4 + [False] * 4)
    far = np.array([0.1, 0.3, 0.4, 0.5, 0.2, 0.6, 0.7, 0.8])
    people = np.arange(8)
    compared = Pairs(far, same, people, np.where(same, people, (people + 1) % 8), 8, people % 2, same[:1])
    groups = [Group("x", same, False), Group("x / y", ~same, True)]
    points = [Point(0.35, "the embedder's own"), Point(0.55, "best on others")]
    report = PairsReport(
        EmbedderCard("dlib", "1", "euclidean", "CC0", "99%", 0.6),
        *("run", "pairs.csv", None, "photos", "kind", ("a warning",)),
        Counts(9, 8, 4, 4, 1, 0, 9, 8, "by folder", 0),
        {"no face": 1},
        rounds,
        pairs.score(compared, points, groups, [0.5, 0.25, 0.01], rounds, 1),
        WeightsCard("a file", "CC0", "photos", "They were not in it"),
    )
    return scores_json.of_pairs(report)


def test_the_scores_of_pairs() -> None:
    values = _pairs(20)
    assert "NaN" not in plain.dump(values)
    assert list(values) == [
        *("embedder", "run", "pairs", "threshold_from", "data", "by", "banners", "counts", "left", "rounds"),
        *("weights", "scores", "intervals", "unresolved", "points", "folds", "groups", "gaps"),
    ]
    measures = ["auc", "eer", "tar at 0.5", "tar at 0.25"]
    rates = ["accuracy", "fmr", "fnmr"]
    assert list(values["scores"]) == measures
    assert list(values["intervals"]) == [*measures, *(f"{rate} {n}" for n in (0, 1) for rate in rates)]
    assert values["unresolved"] == [0.01]
    assert list(values["points"][0]) == ["threshold", "from", *rates, "intervals", "left_out_rejected"]
    assert values["points"][1]["from"] == "best on others"
    assert values["points"][0]["left_out_rejected"].keys() == {"accuracy", "far", "frr"}
    assert values["folds"].keys() == {"accuracy", "standard_error", "of_folds"}
    x, mixed = values["groups"]
    assert list(x) == ["group", "mixed", "pairs", "matched", "mismatched", "scores", "intervals"]
    assert list(mixed["scores"]) == [*measures, *(f"{rate} 0" for rate in rates)]
    assert x["scores"]["fmr 0"] is x["scores"]["auc"] is mixed["scores"]["fnmr 0"] is None
    assert values["gaps"] == []
    assert values["weights"].keys() == {"title", "licence", "trained_on", "people"}


def test_pairs_without_rounds_have_no_intervals() -> None:
    values = _pairs(0)
    assert set(values["intervals"].values()) == {None}
    assert values["groups"][0]["intervals"] == {}
    assert values["points"][0]["intervals"] == {"accuracy": None, "fmr": None, "fnmr": None}
