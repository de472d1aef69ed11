"""Scores of pairs, against figures worked out by hand, and how far resamples of people move them."""

from __future__ import annotations

from math import isnan, sqrt

import numpy as np
import pytest
from sklearn import metrics

from facekit.scores import bootstrap
from facekit.scores import verification as scores
from facekit.scores.verification import Rates, Rejecting

# Distances of four pairs of one person and of four of two: ranked, one two . one one . one two . two two
FAR = np.array([0.1, 0.3, 0.4, 0.5, 0.2, 0.6, 0.7, 0.8])
SAME = np.array([True] * 4 + [False] * 4)


def _curve(far: np.ndarray = FAR, same: np.ndarray = SAME, weights: np.ndarray | None = None) -> scores.Curve:
    found = scores.curve(far, same, weights)
    assert found is not None
    return found


def test_the_curve_goes_from_none_to_all() -> None:
    found = _curve()
    assert found.thresholds.tolist() == [-np.inf, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]
    assert found.fmr.tolist() == [0, 0, 0.25, 0.25, 0.25, 0.25, 0.5, 0.75, 1]
    assert found.fnmr.tolist() == [1, 0.75, 0.75, 0.5, 0.25, 0, 0, 0, 0]


def test_area_equal_error_and_shares_found() -> None:
    found = _curve()
    # Of 16 comparisons of a pair of one person with one of two, three go wrong: .2 is nearer than .3, .4 and .5.
    assert scores.area(found) == pytest.approx(13 / 16)
    assert scores.equal_error(found) == pytest.approx(0.25)
    assert scores.tar_at(found, 0.1) == pytest.approx(0.25)
    assert scores.tar_at(found, 0.25) == pytest.approx(1)
    assert scores.tar_at(found, 0.0) == pytest.approx(0.25)


def test_the_equal_error_between_two_steps_is_on_the_line_between_them() -> None:
    found = _curve(np.array([0.1, 0.3, 0.2, 0.4, 0.5]), np.array([True, True, False, False, False]))
    # (fmr, fnmr) goes from (1/3, 1/2) at .2 to (1/3, 0) at .3.
    assert scores.equal_error(found) == pytest.approx(1 / 3)
    tied = _curve(np.array([0.1, 0.2, 0.2, 0.3]), np.array([True, True, False, False]))
    # One pair of each kind at .2: from (0, 1/2) straight to (1/2, 0).
    assert scores.equal_error(tied) == pytest.approx(0.25)
    assert scores.area(tied) == pytest.approx(7 / 8)


def test_ends_of_the_scale() -> None:
    apart = _curve(np.array([0.1, 0.2, 0.8, 0.9]), np.array([True, True, False, False]))
    assert (scores.area(apart), scores.equal_error(apart), scores.tar_at(apart, 0.001)) == (1, 0, 1)
    backwards = _curve(np.array([0.8, 0.9, 0.1, 0.2]), np.array([True, True, False, False]))
    assert (scores.area(backwards), scores.equal_error(backwards), scores.tar_at(backwards, 0.1)) == (0, 1, 0)


def test_the_curve_is_that_of_det_curve() -> None:
    chance = np.random.default_rng(3)
    same = chance.random(300) < 0.4
    far = chance.normal(np.where(same, 0.4, 0.7), 0.15)
    fmr, fnmr, steps = metrics.det_curve(same, -far)
    found = _curve(far, same)
    there = np.searchsorted(found.thresholds, -steps)
    assert found.fmr[there] == pytest.approx(fmr)
    assert found.fnmr[there] == pytest.approx(fnmr)
    assert scores.area(found) == pytest.approx(metrics.roc_auc_score(same, -far))


def test_weights_count_pairs_as_often() -> None:
    weights = np.array([2, 0, 1, 1, 3, 1, 0, 2])
    again = np.repeat(np.arange(8), weights)
    fars = (0.5, 0.2)
    weighted = scores.measure(FAR, SAME, fars, [0.35], weights)
    assert weighted.flat() == pytest.approx(scores.measure(FAR[again], SAME[again], fars, [0.35]).flat())


def test_a_kind_without_pairs_has_no_score() -> None:
    none = scores.measure(FAR, SAME, [0.1], weights=np.where(SAME, 1, 0))
    assert len(none.flat()) == 3
    assert all(map(isnan, none.flat()))
    rates = scores.at(FAR[SAME], SAME[SAME], 0.35)
    assert rates.accuracy == rates.fnmr == 0.5
    assert isnan(rates.fmr)
    assert isnan(scores.best_threshold(FAR[SAME], SAME[SAME]))


def test_rates_at_a_threshold() -> None:
    assert scores.at(FAR, SAME, 0.35) == Rates(5 / 8, fmr=0.25, fnmr=0.5)
    assert scores.at(FAR, SAME, 0.4) == Rates(6 / 8, fmr=0.25, fnmr=0.25), "at most, not below"


def test_pairs_left_out_count_as_rejected() -> None:
    rates = scores.at(FAR, SAME, 0.4)
    lost = np.array([True, True, False])
    # One false match of 5 pairs of two; one false non-match and two lost of 6 pairs of one.
    found = scores.rejecting(rates, SAME, lost)
    assert found == Rejecting(pytest.approx(1 - 4 / 11), far=pytest.approx(1 / 5), frr=pytest.approx(3 / 6))
    nothing = scores.rejecting(rates, SAME, lost[:0])
    assert nothing == Rejecting(*map(pytest.approx, (rates.accuracy, rates.fmr, rates.fnmr)))


def test_the_best_threshold_is_in_the_middle_of_the_best() -> None:
    assert scores.best_threshold(FAR, SAME) == pytest.approx(0.55)
    # Two pairs are right, and the third never: from .1 to .2 and from .3 to .4 as good, and the middle one is taken.
    flat = scores.best_threshold(np.array([0.1, 0.2, 0.3, 0.4]), np.array([True, False, True, False]))
    assert flat == pytest.approx(0.35)
    far = scores.best_threshold(np.array([0.5, 0.6, 0.2]), np.array([True, False, False]))
    assert far < 0.2 or far == pytest.approx(0.55)


def test_a_balanced_threshold_weighs_both_kinds_alike() -> None:
    """Where all are compared with all, pairs of two people are many, and most pairs are right at no threshold."""
    far = np.arange(1.0, 43.0)
    same = np.array([True, False, False, True, *[False] * 38])
    assert scores.best_threshold(far, same) == pytest.approx(1.5)
    assert scores.best_threshold(far, same, balanced=True) == pytest.approx(4.5)
    parted = scores.best_threshold(
        np.array([1, 5, 6, 7, 5, 2]), np.array([True, False, False, False, False, True]), True
    )
    assert 2 <= parted < 5


def test_folds_are_scored_at_the_threshold_of_the_others() -> None:
    far = np.array([0.1, 0.9, 0.1, 0.9, 0.3, 0.4])
    same = np.array([True, False] * 3)
    found = scores.by_folds(far, same, [0, 0, 1, 1, 2, 2])
    # The last fold's two are both nearer than the .5 of the others; those are right at any of .35 to .9.
    assert [row.accuracy for row in found.of_folds] == [1, 1, 0.5]
    assert found.of_folds[2].threshold == pytest.approx(0.5)
    assert found.accuracy == pytest.approx(5 / 6)
    assert found.standard_error == pytest.approx(np.std([1, 1, 0.5], ddof=1) / sqrt(3))


def test_shares_that_so_few_pairs_cannot_tell() -> None:
    assert scores.resolved(SAME, [0.5, 0.25, 0.2]) == [0.5, 0.25]
    assert scores.resolved(np.zeros(1000, bool), [0.1, 0.001]) == [0.1, 0.001]
    assert scores.resolved(np.zeros(999, bool), [0.1, 0.001]) == [0.1]


def test_a_pair_counts_as_often_as_its_people() -> None:
    weights = scores.pair_weights(np.array([2, 0, 3]), np.array([0, 0, 1, 0, 2]), np.array([0, 2, 2, 1, 2]))
    assert weights.tolist() == [2, 6, 0, 0, 3]


def test_no_errors_are_not_no_chance_of_one() -> None:
    low, high = scores.no_errors(0.0, 100) or (1, 0)
    assert low == 0
    assert high == pytest.approx(1 - 0.025 ** (1 / 100))
    assert scores.no_errors(1.0, 100) == pytest.approx((0.025 ** (1 / 100), 1))
    assert scores.no_errors(0.01, 100) is None
    assert scores.no_errors(0.0, 0) is None


def test_intervals_hold_what_other_people_would_have_scored() -> None:
    """Of 60 tests of 40 people, each of whom is harder or easier than others, the intervals hold the long run's."""
    chance = np.random.default_rng(7)
    first, second = np.triu_indices(40, 1)
    strangers = np.zeros(len(first), bool)
    hits = 0
    for _ in range(60):
        # A person whose face is common is near to everyone.
        near = chance.normal(0, 0.5, 40)
        taken = chance.random(len(first)) < 1 / (1 + np.exp(2 - near[first] - near[second]))
        far = np.where(taken, 0.0, 1.0)

        def rate(counts: np.ndarray, far: np.ndarray = far) -> list[float]:
            return [scores.at(far, strangers, 0.5, scores.pair_weights(counts, first, second)).fmr]

        low, high = bootstrap.interval(bootstrap.rounds_of(rate, range(40), 200, 1)) or (1, 0)
        hits += low <= _LONG_RUN <= high
    assert hits >= 50


_LONG_RUN = float(np.mean(1 / (1 + np.exp(2 - np.random.default_rng(0).normal(0, sqrt(0.5), 1_000_000)))))
