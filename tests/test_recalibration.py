"""Temperature and logistic curve: as sure as it is right."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from facekit.scores.calibration import calibration
from facekit.scores.recalibration import fit_logistic, fit_temperature, logistic, tempered


def answers(count: int, sharper: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Labels drawn from probabilities, and the same probabilities made too sure."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (count, 5))
    truth = np.array([rng.choice(5, p=row) for row in softmax(logits, axis=1)])
    return truth, softmax(logits * sharper, axis=1)


def test_a_model_that_is_too_sure_becomes_as_sure_as_it_is_right() -> None:
    temperature = fit_temperature(*answers(2000, sharper=4))
    assert temperature == pytest.approx(4, rel=0.15)
    truth, unseen = answers(2000, sharper=4, seed=1)
    assert calibration(truth, unseen).ece > 0.15
    assert calibration(truth, tempered(unseen, temperature)).ece < 0.05
    assert (tempered(unseen, temperature).argmax(axis=1) == unseen.argmax(axis=1)).all()


def test_a_model_that_is_always_right_is_not_taken_for_certain() -> None:
    truth = np.arange(20) % 4
    shares = np.full((20, 4), 0.02)
    shares[np.arange(20), truth] = 0.94
    sure = tempered(shares, fit_temperature(truth, shares)).max(axis=1)
    assert 0.9 < sure.min() < 0.99


def test_without_answers_nothing_changes() -> None:
    assert fit_temperature(np.empty(0, np.int64), np.empty((0, 3))) == 1
    shares = np.array([[0.5, 0.3, 0.2], [1.0, 0.0, 0.0]])
    assert tempered(shares, 1.0) == pytest.approx(shares, abs=1e-6)


def test_probabilities_are_those_of_scipys_softmax() -> None:
    _, shares = answers(200, sharper=3)
    shares[0] = [0, 0, 1, 0, 0]
    for temperature in (0.05, 0.7, 1.0, 20.0):
        logs = np.log(np.maximum(np.asarray(shares, np.float64), np.finfo(np.float32).tiny))
        assert np.array_equal(tempered(shares, temperature), softmax(logs / temperature, axis=1))


def test_the_curve_says_how_often_a_score_is_inside() -> None:
    rng = np.random.default_rng(0)
    inside, outside = rng.normal(0.6, 0.1, 4000), rng.normal(0.4, 0.1, 4000)
    slope, offset = fit_logistic(inside[:2000], outside[:2000], np.ones(2000))
    scores = np.concatenate([inside[2000:], outside[2000:]])
    chance = logistic(scores, slope, offset)
    right = np.arange(4000) < 2000
    for low in (0.05, 0.25, 0.5, 0.75):
        some = (chance >= low) & (chance < low + 0.2)
        assert right[some].mean() == pytest.approx(chance[some].mean(), abs=0.07)
    assert logistic(np.array([-np.inf]), slope, offset) == 0


@pytest.mark.parametrize("weights", [np.ones(2), np.array([1.0, 3.0])])
def test_scores_that_say_nothing_give_a_curve_that_says_nothing(weights: np.ndarray) -> None:
    assert fit_logistic(np.empty(0), np.array([0.1, 0.2]), weights) == (0, 0)
    assert fit_logistic(np.array([-np.inf]), np.array([0.1, 0.2]), weights) == (0, 0)
    assert fit_logistic(np.array([0.0, 0.1]), np.array([0.8, 0.9]), weights) == (0, 0), "the wrong way round"
    assert logistic(np.array([0.3]), 0, 0) == 0.5
