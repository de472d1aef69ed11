"""Recalibrate a model's confidence with two parameters, fitted to answers on pictures that it was not trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import scipy
from numpy.typing import NDArray

if TYPE_CHECKING:  # it loads scikit-learn, which answering a question does not need
    from facekit.scores.classes import Classes, Probabilities

F = TypeVar("F", bound=np.floating[Any])

Floats = NDArray[np.float64]

LOWEST, HIGHEST = 0.05, 20.0
"""The temperatures that are looked at: from far surer to far less sure."""

_LEAST = float(np.finfo(np.float32).tiny)


def fit_temperature(truth: Classes, probabilities: Probabilities) -> float:
    """Return the temperature at which the true labels, shape (n,), are likeliest (Guo and others, ICML 2017).

    `probabilities` have the shape (n, labels). Targets are smoothed by one answer (Platt 1999): without that, a model
    that is always right would come out as certain. 1 without answers.
    """
    if not len(truth):
        return 1.0
    logs = _logs(probabilities)
    right = np.zeros(logs.shape)
    right[np.arange(len(truth)), truth] = 1
    targets = (right * len(truth) + 1 / logs.shape[1]) / (len(truth) + 1)

    def loss(log_temperature: float) -> float:
        return float(-(targets * scipy.special.log_softmax(logs / np.exp(log_temperature), axis=1)).sum(axis=1).mean())

    found = scipy.optimize.minimize_scalar(loss, bounds=(np.log(LOWEST), np.log(HIGHEST)), method="bounded")
    return float(np.exp(found.x))


def tempered(probabilities: Probabilities, temperature: float) -> Floats:
    """Return probabilities, shape (n, labels), at a temperature: above 1 less sure, below 1 surer."""
    return softmax(_logs(probabilities) / temperature)


def softmax(scores: NDArray[F]) -> NDArray[F]:
    """Return shares that add up to 1 for scores, shape (n, labels).

    As scipy.special does it, whose import takes a tenth of the time of answering about one photo.
    """
    shares = np.exp(scores - scores.max(axis=1, keepdims=True, initial=-np.inf))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True), scores.dtype)


def fit_logistic(inside: Floats, outside: Floats, weights: Floats) -> tuple[float, float]:
    """Return slope and offset of the logistic curve that tells scores of two kinds apart (Platt 1999).

    Both kinds weigh alike; `weights` are those of the outside ones. Scores that are not finite are left out.
    (0, 0), which says nothing, where one kind has no scores, and where the inside ones are not the higher.
    """
    finite = np.isfinite(outside)
    inside, outside, weights = inside[np.isfinite(inside)], outside[finite], weights[finite]
    if not len(inside) or not len(outside):
        return 0.0, 0.0
    scores = np.concatenate([inside, outside])
    middle, spread = float(scores.mean()), float(scores.std()) or 1.0
    shares = np.concatenate([np.full(len(inside), 1 / len(inside)), weights / weights.sum()]) / 2
    targets = np.concatenate(
        [np.full(len(inside), 1 - 1 / (len(inside) + 2)), np.full(len(outside), 1 / (len(outside) + 2))]
    )
    scaled = (scores - middle) / spread

    def loss(curve: NDArray[Any]) -> float:
        heights = curve[0] * scaled + curve[1]
        return float((shares * (np.logaddexp(0, heights) - targets * heights)).sum())

    slope, offset = scipy.optimize.minimize(loss, np.array([1.0, 0.0]), method="BFGS").x
    if not slope > 0:
        return 0.0, 0.0
    return float(slope / spread), float(offset - slope * middle / spread)


def logistic(scores: Floats, slope: float, offset: float) -> Floats:
    """Return the height of a logistic curve at scores; 0 at minus infinity."""
    # Not SciPy's, which takes a quarter of a second to load: this is needed for each answer.
    with np.errstate(invalid="ignore"):
        heights = 1 / (1 + np.exp(-np.clip(slope * scores + offset, -700, 700)))
        return np.where(np.isfinite(scores), heights, 0.0)


def _logs(probabilities: Probabilities) -> Floats:
    return np.asarray(np.log(np.maximum(np.asarray(probabilities, np.float64), _LEAST)))
