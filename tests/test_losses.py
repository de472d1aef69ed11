"""The loss of several targets at once: masked, weighted, and with weights that are learned."""

from __future__ import annotations

import numpy as np
import pytest

from facekit.networks.backend import keras
from facekit.networks.heads import ANSWERS, alone, with_heads
from facekit.training.labels import NO_LABEL, picture_weights
from facekit.training.losses import TargetAccuracy, TargetLoss, Uncertainty

SIZES = [3, 2]
TRUTH = np.array([[0, 1], [2, NO_LABEL], [1, 0], [0, NO_LABEL]])
ANSWERS_GIVEN = np.array(
    [[0.7, 0.2, 0.1, 0.4, 0.6], [0.1, 0.3, 0.6, 0.9, 0.1], [0.5, 0.4, 0.1, 0.8, 0.2], [0.2, 0.5, 0.3, 0.5, 0.5]],
    np.float32,
)


def _loss(weights: list[float] | None, answers: np.ndarray, smoothing: float = 0.0) -> float:
    counts = picture_weights(TRUTH, SIZES, even=False)
    return float(TargetLoss(SIZES, weights, smoothing)(TRUTH, answers, sample_weight=counts))


def _parts() -> tuple[float, float]:
    """Return the mean cross-entropy of each target over the pictures that have a label for it."""
    return -np.log([0.7, 0.6, 0.4, 0.2]).mean(), -np.log([0.6, 0.8]).mean()


def test_each_target_counts_with_the_mean_over_its_own_labels() -> None:
    first, second = _parts()
    assert _loss([1.0, 1.0], ANSWERS_GIVEN) == pytest.approx(first + second, rel=1e-5)
    assert _loss([1.0, 0.25], ANSWERS_GIVEN) == pytest.approx(first + second / 4, rel=1e-5)


def test_what_a_picture_without_a_label_is_answered_makes_no_difference() -> None:
    other = ANSWERS_GIVEN.copy()
    other[[1, 3], 3:] = [0.01, 0.99]
    assert _loss([1.0, 1.0], other) == pytest.approx(_loss([1.0, 1.0], ANSWERS_GIVEN))
    assert _loss([1.0, 1.0], other, smoothing=0.1) == pytest.approx(_loss([1.0, 1.0], ANSWERS_GIVEN, smoothing=0.1))


def test_learned_weights_are_those_of_kendall() -> None:
    """Of a log variance s, exp(-s) times the loss and half of s; at its best s the loss is that of the variance."""
    first, second = _parts()
    for spread in ([0.0, 0.0], [0.5, -1.0]):
        beside = np.concatenate([ANSWERS_GIVEN, np.tile(np.array(spread, np.float32), (4, 1))], axis=1)
        expected = sum(np.exp(-s) * loss + s / 2 for s, loss in zip(spread, (first, second), strict=True))
        assert _loss(None, beside) == pytest.approx(expected, rel=1e-5)
    layer = Uncertainty(2)
    assert np.allclose(layer(ANSWERS_GIVEN)[:, 5:], 0)
    layer.log_variance.assign([0.5, -1.0])
    assert np.allclose(layer(ANSWERS_GIVEN)[:, 5:], [0.5, -1.0])
    assert np.allclose(layer(ANSWERS_GIVEN)[:, :5], ANSWERS_GIVEN)


def test_the_accuracy_of_a_target_is_of_the_pictures_that_have_a_label() -> None:
    first, second = TargetAccuracy("one", 0, 0, 3), TargetAccuracy("other", 1, 3, 2)
    for metric in (first, second):
        metric.update_state(TRUTH, ANSWERS_GIVEN)
    assert [float(first.result()), float(second.result())] == pytest.approx([0.5, 1.0])


def test_heads_see_the_same_features_and_each_sums_to_one() -> None:
    inputs = keras.Input((4,))
    hidden = keras.layers.Dense(3, name="head")(inputs)
    net = keras.Model(inputs, keras.layers.Dense(3, activation="softmax", name="names")(hidden))
    both = with_heads(net, SIZES)
    seen = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    answers = np.asarray(both(seen))
    assert answers.shape == (5, 5)
    assert np.allclose(answers[:, :3].sum(axis=1), 1)
    assert np.allclose(answers[:, 3:].sum(axis=1), 1)
    assert np.allclose(answers[:, :3], net(seen))
    assert np.allclose(answers[:, 3:], alone(both, 1)(seen))
    assert np.allclose(answers[:, :3], alone(both, 0)(seen))
    assert both.layers[-1].name == ANSWERS
