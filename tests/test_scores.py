"""Scores against numbers worked out by hand."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import pytest
from sklearn import metrics

from facekit.report.reliability import reliability
from facekit.scores.bootstrap import interval, resampled, rounds_of
from facekit.scores.calibration import Bin, calibration
from facekit.scores.classes import Answers, ClassScore, Confused, bounds, score, top_k
from facekit.scores.groups import Gap, Groups, Sample, apart, by_value
from facekit.scores.model import Folds, FoldScores, Spread

LABELS = ["a", "b", "c", "d"]
TRUTH = np.array([0, 0, 0, 1, 1, 2])
FOUND = [0, 0, 1, 1, 3, 2]


def _sure(found: list[int], labels: int = 4) -> np.ndarray:
    return np.eye(labels)[found] * 0.9 + 0.1 / labels


def test_scores_by_hand() -> None:
    result = score(TRUTH, _sure(FOUND), LABELS)
    assert result.pictures == 6
    assert result.accuracy == pytest.approx(4 / 6)
    assert result.wrong == 2
    a, b, c = result.by_class  # d has no pictures; what was taken for it lowers the recall of b
    assert a == ClassScore("a", 3, 1, pytest.approx(2 / 3), pytest.approx(0.8))
    assert b == ClassScore("b", 2, 0.5, 0.5, 0.5)
    assert c.label == "c"
    assert result.macro.f1 == pytest.approx((0.8 + 0.5 + 1) / 3)
    assert result.weighted.f1 == pytest.approx((3 * 0.8 + 2 * 0.5 + 1) / 6)
    assert result.weighted.recall == pytest.approx(result.accuracy)


def test_the_confusion_matrix_has_the_true_name_in_its_rows() -> None:
    result = score(TRUTH, _sure(FOUND), LABELS)
    assert result.confusion == ((2, 1, 0, 0), (0, 1, 0, 1), (0, 0, 1, 0), (0, 0, 0, 0))
    assert result.confused == (Confused("a", "b", 1, 3), Confused("b", "d", 1, 2))


def test_top_k_counts_the_true_label_among_the_first() -> None:
    shares = np.array([[0.4, 0.3, 0.2, 0.1], [0.1, 0.2, 0.3, 0.4]])
    truth = np.array([1, 0])
    assert top_k(truth, shares, 1) == 0
    assert top_k(truth, shares, 2) == 0.5
    assert top_k(truth, shares, 5) == 1


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
    found = interval(rounds_of(answers.rates, range(1000), 2000)[:, 0])
    share = answers.summary().accuracy
    half = 1.96 * (share * (1 - share) / 1000) ** 0.5
    assert found == pytest.approx((share - half, share + half), abs=0.004)
    repeated = Answers(np.repeat(answers.truth, 4), np.repeat(answers.predicted, 4))
    by_photo = interval(rounds_of(repeated.rates, np.repeat(range(1000), 4).tolist(), 2000)[:, 0])
    assert by_photo == found  # four copies of a photo tell no more than the photo


def test_no_rounds_give_no_interval() -> None:
    assert bounds(rounds_of(_answers().rates, range(400), 0), _answers().summary(), 400) is None
    assert interval([float("nan")]) is None


def test_counted_scores_are_those_of_scikit_learn() -> None:
    answers = _answers(60, 0.6, labels=9)
    for weights in [np.ones(60, np.int64), *resampled(range(60), 5)]:
        there = sorted(set(answers.truth[weights > 0].tolist()))
        more = {"labels": there, "average": "macro", "sample_weight": weights, "zero_division": 0}
        assert answers.rates(weights) == pytest.approx(
            (
                metrics.accuracy_score(answers.truth, answers.predicted, sample_weight=weights),
                metrics.recall_score(answers.truth, answers.predicted, **more),
                metrics.f1_score(answers.truth, answers.predicted, **more),
            )
        )


def test_every_score_lies_in_its_interval_even_of_few_pictures_a_name() -> None:
    answers = _answers(900, 0.7, labels=300)
    found = bounds(rounds_of(answers.rates, range(900), 300), answers.summary(), 900)
    assert found is not None
    for name, value in vars(answers.summary()).items():
        low, high = getattr(found, name) or (1, 0)
        assert low < value < high


def test_right_answers_alone_leave_something_open() -> None:
    answers = _answers(100, 1.0)
    found = bounds(rounds_of(answers.rates, range(100), 20), answers.summary(), 100)
    assert found is not None
    assert found.accuracy == pytest.approx((0.025 ** (1 / 100), 1))


def test_calibration_by_hand() -> None:
    sure = np.array([0.95, 0.95, 0.95, 0.95, 0.6, 0.6])
    shares = np.stack([sure, 1 - sure], axis=1)
    found = calibration(np.array([0, 0, 0, 1, 0, 1]), shares)
    assert found.ece == pytest.approx((4 * (0.95 - 0.75) + 2 * (0.6 - 0.5)) / 6)
    assert [(row.pictures, row.accuracy) for row in found.bins] == [(2, 0.5), (4, 0.75)]
    assert found.bins[0] == Bin(8 / 15, 9 / 15, 2, pytest.approx(0.6), 0.5)
    assert found.nll == pytest.approx(-np.mean(np.log([0.95, 0.95, 0.95, 0.05, 0.6, 0.4])))
    assert found.brier == pytest.approx(2 * np.mean(np.square([0.05, 0.05, 0.05, 0.95, 0.4, 0.6])))


def test_a_bar_of_the_reliability_diagram_is_as_wide_as_its_bin() -> None:
    labels, rows = np.array([0, 0]), np.array([[0.99, 0.01], [0.99, 0.01]])
    right = reliability(calibration(labels, rows).bins).series[0]
    assert right.kind == "bars"
    assert len(right.x) == 15
    assert list(right.y) == [None] * 14 + [1.0]


def test_a_model_that_is_sure_and_right_is_calibrated() -> None:
    found = calibration(np.arange(3), np.eye(3, dtype=np.float32))
    assert (found.ece, found.brier, found.nll) == (0, 0, 0)
    assert [(row.low, row.pictures) for row in found.bins] == [(pytest.approx(14 / 15), 3)]
    wrong = calibration(np.array([1, 2, 0]), np.eye(3, dtype=np.float32))
    assert wrong.ece == 1
    assert np.isfinite(wrong.nll)


def _by(answers: Answers, values: list[str | None], units: Sequence[Hashable], rounds: int = 400) -> Groups:
    return by_value(Sample(answers, units, rounds, 1), "age", values, units)


def _gap(groups: Groups) -> Gap:
    assert groups.gap is not None
    return groups.gap


def test_the_gap_between_groups_is_named_with_what_chance_makes_of_it() -> None:
    good, bad = _answers(200, 0.95, seed=1), _answers(200, 0.6, seed=2)
    both = Answers(np.concatenate([good.truth, bad.truth]), np.concatenate([good.predicted, bad.predicted]))
    found = _by(both, ["old"] * 200 + ["young"] * 195 + [None] * 5, range(400))
    assert [row.name for row in found.values] == ["young", "old"]  # worst first
    assert [row.people for row in found.values] == [195, 200]
    assert found.unknown == 5
    gap = _gap(found)
    assert (gap.best.name, gap.worst.name) == ("old", "young")
    assert gap.gap == pytest.approx(found.values[1].scores.accuracy - found.values[0].scores.accuracy)
    assert gap.interval is not None
    assert 0 < gap.interval.low < gap.gap < gap.interval.high
    assert not gap.chance
    alike = _gap(_by(good, ["a", "b"] * 100, range(200)))
    assert alike.chance
    assert alike.interval is not None
    assert alike.interval.low <= 0


def test_a_person_unknown_makes_a_groups_people_unknown() -> None:
    who = [None if place == 3 else place for place in range(40)]
    found = by_value(Sample(_answers(40), range(40), 0, 1), "age", ["a"] * 20 + ["b"] * 20, who)
    assert {row.name: row.people for row in found.values} == {"a": None, "b": 20}
    assert all(row.intervals is None for row in found.values)
    assert _gap(found).interval is None


def test_groups_of_a_few_are_shown_and_not_compared() -> None:
    answers = _answers(40)
    found = _by(answers, ["many"] * 31 + ["few"] * 9, range(40), 20)
    assert {row.name for row in found.values} == {"many", "few"}
    assert found.gap is None
    one_photo = _by(answers, ["a"] * 20 + ["b"] * 20, ["x"] * 20 + list(range(20)), 20)
    assert one_photo.gap is None


def test_a_perfect_group_of_few_does_not_prove_a_gap() -> None:
    truth = np.zeros(112, np.int64)
    found = truth.copy()
    found[:10] = 1  # 90% of the first hundred, and all of the other twelve
    gap = _gap(_by(Answers(truth, found), ["a"] * 100 + ["b"] * 12, range(112)))
    assert gap.gap == pytest.approx(0.1)
    assert gap.chance


def test_kinds_are_scored_apart_in_their_order() -> None:
    first = np.arange(50) < 20
    kinds = {"z": first, "a": ~first, "none": np.zeros(50, bool)}
    z, a = apart(Sample(_answers(50), range(50), 20, 1), kinds)
    assert (z.name, z.pictures, a.name) == ("z", 20, "a")
    assert z.intervals is not None
    low, high = z.intervals.accuracy or (1, 0)
    assert low <= z.scores.accuracy <= high


def test_the_spread_of_folds_is_that_of_a_sample() -> None:
    rows = [FoldScores(n, 3, 9, 3, 3, Answers(TRUTH[n:], np.array(FOUND)[n:]).summary()) for n in (1, 2, 3)]
    values = [row.scores.accuracy for row in rows]
    assert Folds(tuple(rows)).spread.accuracy == Spread(np.mean(values), np.std(values, ddof=1))
