"""Calibration: whether the probability of the most likely label matches how often it is right.

The expected calibration error is that of Guo, Pleiss, Sun and Weinberger, "On Calibration of Modern Neural
Networks" (ICML 2017), with 15 bins of equal width.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:  # scikit-learn comes with it, which `clean` does without
    from facekit.scores.classes import Classes, Probabilities

BINS = 15

_LEAST = float(np.finfo(np.float32).eps)
"""Below this a float32 probability is rounding error, and its logarithm means nothing."""


@dataclass(frozen=True)
class Bin:
    """The pictures whose confidence is above `low` and at most `high`."""

    low: float
    high: float
    pictures: int
    confidence: float
    """Mean confidence of these pictures."""
    accuracy: float


@dataclass(frozen=True)
class Calibration:
    """How far confidence and accuracy are apart."""

    ece: float
    """Expected calibration error: the mean gap of a bin's accuracy and its confidence. Too high of few pictures."""
    nll: float
    """Mean negative log-likelihood, in nats."""
    brier: float
    """Mean squared error of all probabilities of a picture, from 0 to 2."""
    confidence: float
    """Mean confidence."""
    bins: tuple[Bin, ...]
    """The bins that have pictures, lowest first."""


def calibration(truth: Classes, probabilities: Probabilities, bins: int = BINS) -> Calibration:
    """Return the calibration of answers: true labels, shape (n,), and probabilities, shape (n, labels)."""
    sure = np.asarray(probabilities.max(axis=1), np.float64)
    right = probabilities.argmax(axis=1) == truth
    place = np.clip(np.ceil(sure * bins).astype(np.int64) - 1, 0, bins - 1)  # a bin holds its upper edge
    counts = np.bincount(place, minlength=bins)
    confidence = np.bincount(place, sure, bins)
    rights = np.bincount(place, right, bins)
    return Calibration(
        ece=float(np.abs(confidence - rights).sum() / len(truth)),
        nll=float(-np.log(np.clip(_of_true(truth, probabilities), _LEAST, 1)).mean()),
        brier=_brier(truth, probabilities),
        confidence=float(sure.mean()),
        bins=tuple(
            Bin(n / bins, (n + 1) / bins, int(count), float(confidence[n] / count), float(rights[n] / count))
            for n, count in enumerate(counts)
            if count
        ),
    )


def _of_true(truth: Classes, probabilities: Probabilities) -> Probabilities:
    return np.asarray(probabilities[np.arange(len(truth)), truth], np.float64)


def _brier(truth: Classes, probabilities: Probabilities) -> float:
    squares = np.square(probabilities, dtype=np.float64).sum(axis=1)
    return float(np.mean(squares - 2 * _of_true(truth, probabilities) + 1))
