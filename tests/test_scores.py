"""Scores against numbers worked out by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn import metrics

from facekit.scores.bootstrap import interval, intervals, resampled, rounds_of
from facekit.scores.calibration import calibration
from facekit.scores.classes import Answers, accuracy, bounds, score, top_k
from facekit.scores.groups import apart, by_value

LABELS = ["a", "b", "c", "d"]
TRUTH = np.array([0, 0, 0, 1, 1, 2])
FOUND = [0, 0, 1, 1, 3, 2]


def _sure(found: list[int], labels: int = 4) -> np.ndarray:
    return np.eye(labels)[found] * 0.9 + 0.1 / labels


def test_scores_by_hand() -> None:
    result = score(TRUTH, _sure(FOUND), LABELS)
    assert result["pictures"] == 6
    assert result["accuracy"] == pytest.approx(4 / 6)
    by = {row["label"]: row for row in result["by_class"]}
    assert by["a"] == pytest.approx({"label": "a", "pictures": 3, "precision": 1, "recall": 2 / 3, "f1": 0.8})
    assert by["b"] == pytest.approx({"label": "b", "pictures": 2, "precision": 0.5, "recall": 0.5, "f1": 0.5})
    assert "d" not in by  # it has no pictures; what was taken for it lowers the recall of b
    assert result["macro"]["f1"] == pytest.approx((0.8 + 0.5 + 1) / 3)
    assert result["weighted"]["f1"] == pytest.approx((3 * 0.8 + 2 * 0.5 + 1) / 6)
    assert result["weighted"]["recall"] == pytest.approx(result["accuracy"])


def test_the_confusion_matrix_has_the_true_name_in_its_rows() -> None:
    result = score(TRUTH, _sure(FOUND), LABELS)
    assert result["confusion"] == [[2, 1, 0, 0], [0, 1, 0, 1], [0, 0, 1, 0], [0, 0, 0, 0]]
    assert result["confused"] == [
        {"label": "a", "taken_for": "b", "pictures": 1, "of": 3},
        {"label": "b", "taken_for": "d", "pictures": 1, "of": 2},
    ]


def test_top_k_counts_the_true_label_among_the_first() -> None:
    shares = np.array([[0.4, 0.3, 0.2, 0.1], [0.1, 0.2, 0.3, 0.4]])
    truth = np.array([1, 0])
    assert accuracy(truth, shares) == 0
    assert top_k(truth, shares, 2) == 0.5
    assert top_k(truth, shares, 5) == 1


def test_the_result_is_plain_json() -> None:
    result = score(TRUTH, _sure(FOUND), LABELS)
    assert json.loads(json.dumps(result)) == result


def _answers(n: int = 400, right: float = 0.8, labels: int = 5, seed: int = 0) -> Answers:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, labels, n)
    return Answers(truth, np.where(rng.random(n) < right, truth, rng.integers(0, labels, n)))


def test_a_resample_takes_whole_groups() -> None:
    units = ["a", "b", "a", "c", "b", "a"]
    rounds = list(resampled(units, 50, seed=1))
    assert len(rounds) == 50
    for counts in rounds:
        assert counts.shape == (6,)
        assert counts[0] == counts[2] == counts[5]
        assert counts[1] == counts[4]
        assert counts[0] + counts[1] + counts[3] == 3  # as many groups as there are
    assert len({tuple(counts) for counts in rounds}) > 5
    assert [c.tolist() for c in resampled(units, 3, 7)] == [c.tolist() for c in resampled(units, 3, 7)]
    assert [c.tolist() for c in resampled(units, 3, 7)] != [c.tolist() for c in resampled(units, 3, 8)]


def test_an_interval_is_as_wide_as_theory_has_it() -> None:
    answers = _answers(1000)
    found = intervals(answers.summary, range(1000), 2000)["accuracy"]
    share = answers.summary()["accuracy"]
    half = 1.96 * (share * (1 - share) / 1000) ** 0.5
    assert found == pytest.approx((share - half, share + half), abs=0.004)
    repeated = Answers(np.repeat(answers.truth, 4), np.repeat(answers.found, 4))
    by_photo = intervals(repeated.summary, np.repeat(range(1000), 4).tolist(), 2000)["accuracy"]
    assert by_photo == found  # four copies of a photo tell no more than the photo


def test_no_rounds_give_no_interval() -> None:
    assert intervals(_answers().summary, range(400), 0) == {}
    assert bounds({}, _answers().summary(), 400) == {}
    assert np.isnan(interval([float("nan")])).all()


def test_counted_scores_are_those_of_scikit_learn() -> None:
    answers = _answers(60, 0.6, labels=9)
    for weights in [np.ones(60, np.int64), *resampled(range(60), 5)]:
        there = sorted(set(answers.truth[weights > 0].tolist()))
        more = {"labels": there, "average": "macro", "sample_weight": weights, "zero_division": 0}
        assert answers.summary(weights) == pytest.approx(
            {
                "accuracy": metrics.accuracy_score(answers.truth, answers.found, sample_weight=weights),
                "balanced_accuracy": metrics.recall_score(answers.truth, answers.found, **more),
                "macro_f1": metrics.f1_score(answers.truth, answers.found, **more),
            }
        )


def test_every_score_lies_in_its_interval_even_of_few_pictures_a_name() -> None:
    answers = _answers(900, 0.7, labels=300)
    found = bounds(rounds_of(answers.summary, range(900), 300), answers.summary(), 900)
    for name, value in answers.summary().items():
        low, high = found[name] or (1, 0)
        assert low < value < high


def test_right_answers_alone_leave_something_open() -> None:
    answers = _answers(100, 1.0)
    found = bounds(rounds_of(answers.summary, range(100), 20), answers.summary(), 100)
    assert found["accuracy"] == pytest.approx([0.025 ** (1 / 100), 1])


def test_calibration_by_hand() -> None:
    sure = np.array([0.95, 0.95, 0.95, 0.95, 0.6, 0.6])
    shares = np.stack([sure, 1 - sure], axis=1)
    found = calibration(np.array([0, 0, 0, 1, 0, 1]), shares)
    assert found["ece"] == pytest.approx((4 * (0.95 - 0.75) + 2 * (0.6 - 0.5)) / 6)
    assert [(row["pictures"], row["accuracy"]) for row in found["bins"]] == [(2, 0.5), (4, 0.75)]
    assert found["bins"][0] == pytest.approx(
        {"from": 8 / 15, "to": 9 / 15, "pictures": 2, "confidence": 0.6, "accuracy": 0.5}
    )
    assert found["nll"] == pytest.approx(-np.mean(np.log([0.95, 0.95, 0.95, 0.05, 0.6, 0.4])))
    assert found["brier"] == pytest.approx(2 * np.mean(np.square([0.05, 0.05, 0.05, 0.95, 0.4, 0.6])))


def test_a_model_that_is_sure_and_right_is_calibrated() -> None:
    found = calibration(np.arange(3), np.eye(3, dtype=np.float32))
    assert (found["ece"], found["brier"], found["nll"]) == (0, 0, 0)
    assert [(row["from"], row["pictures"]) for row in found["bins"]] == [(pytest.approx(14 / 15), 3)]
    wrong = calibration(np.array([1, 2, 0]), np.eye(3, dtype=np.float32))
    assert wrong["ece"] == 1
    assert np.isfinite(wrong["nll"])


def test_the_gap_between_groups_is_named_with_what_chance_makes_of_it() -> None:
    good, bad = _answers(200, 0.95, seed=1), _answers(200, 0.6, seed=2)
    both = Answers(np.concatenate([good.truth, bad.truth]), np.concatenate([good.found, bad.found]))
    found = by_value(both, ["old"] * 200 + ["young"] * 195 + [None] * 5, range(400), 400, 1)
    assert [row["value"] for row in found["values"]] == ["young", "old"]  # worst first
    assert found["unknown"] == 5
    gap = found["gap"]
    assert (gap["best"], gap["worst"]) == ("old", "young")
    assert gap["gap"] == pytest.approx(found["values"][1]["accuracy"] - found["values"][0]["accuracy"])
    assert 0 < gap["interval"][0] < gap["gap"] < gap["interval"][1]
    assert not gap["chance"]
    alike = by_value(good, ["a", "b"] * 100, range(200), 400, 1)["gap"]
    assert alike["chance"]
    assert alike["interval"][0] <= 0


def test_groups_of_a_few_are_shown_and_not_compared() -> None:
    answers = _answers(40)
    found = by_value(answers, ["many"] * 31 + ["few"] * 9, range(40), 20, 1)
    assert {row["value"] for row in found["values"]} == {"many", "few"}
    assert found["gap"] is None
    one_photo = by_value(answers, ["a"] * 20 + ["b"] * 20, ["x"] * 20 + list(range(20)), 20, 1)
    assert one_photo["gap"] is None


def test_a_perfect_group_of_few_does_not_prove_a_gap() -> None:
    truth = np.zeros(112, np.int64)
    found = truth.copy()
    found[:10] = 1  # 90% of the first hundred, and all of the other twelve
    gap = by_value(Answers(truth, found), ["a"] * 100 + ["b"] * 12, range(112), 400, 1)["gap"]
    assert gap["gap"] == pytest.approx(0.1)
    assert gap["chance"]


def test_kinds_are_scored_apart_in_their_order() -> None:
    answers = _answers(50)
    first = np.arange(50) < 20
    found = apart(answers, {"z": first, "a": ~first, "none": np.zeros(50, bool)}, range(50), 20, 1)
    assert list(found) == ["z", "a"]
    assert found["z"]["pictures"] == 20
    low, high = found["z"]["intervals"]["accuracy"]
    assert low <= found["z"]["accuracy"] <= high
