"""Whether a model is as sure as it is right: calibration of the likeliest label's probability.

The expected calibration error is that of Guo, Pleiss, Sun and Weinberger, "On Calibration of Modern Neural
Networks" (ICML 2017), with 15 bins of equal width.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from facekit.scores.classes import Classes, Probabilities

BINS = 15

_LEAST = float(np.finfo(np.float32).eps)
"""Below this a float32 probability is no more than rounding, and its logarithm says nothing."""


def calibration(truth: Classes, probabilities: Probabilities, bins: int = BINS) -> dict[str, Any]:
    """Return how far confidence and accuracy are apart, as plain values for JSON.

    `ece` is the mean over pictures of the gap between their bin's accuracy and its mean confidence; of few
    pictures it comes out too high. `nll` is the mean negative log-likelihood in nats, `brier` the mean squared
    error of all probabilities of a picture, from 0 to 2. `bins` holds the bins that have pictures, lowest first.
    """
    sure = np.asarray(probabilities.max(axis=1), np.float64)
    right = probabilities.argmax(axis=1) == truth
    place = np.clip(np.ceil(sure * bins).astype(np.int64) - 1, 0, bins - 1)  # a bin holds its upper edge
    counts = np.bincount(place, minlength=bins)
    filled = [number for number in range(bins) if counts[number]]
    confidence = np.bincount(place, sure, bins)
    rights = np.bincount(place, right, bins)
    return {
        "ece": float(np.abs(confidence - rights).sum() / len(truth)),
        "nll": float(-np.log(np.clip(_of_true(truth, probabilities), _LEAST, 1)).mean()),
        "brier": _brier(truth, probabilities),
        "confidence": float(sure.mean()),
        "bins": [
            {
                "from": n / bins,
                "to": (n + 1) / bins,
                "pictures": int(counts[n]),
                "confidence": float(confidence[n] / counts[n]),
                "accuracy": float(rights[n] / counts[n]),
            }
            for n in filled
        ],
    }


def _of_true(truth: Classes, probabilities: Probabilities) -> Probabilities:
    return np.asarray(probabilities[np.arange(len(truth)), truth], np.float64)


def _brier(truth: Classes, probabilities: Probabilities) -> float:
    squares = np.square(probabilities, dtype=np.float64).sum(axis=1)
    return float(np.mean(squares - 2 * _of_true(truth, probabilities) + 1))
