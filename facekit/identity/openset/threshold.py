"""The similarity threshold at which strangers get a name no more often than requested."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
import scipy
from numpy.typing import NDArray

from facekit.identity.embedders.metrics import Metric
from facekit.identity.openset.left_out import LeftOut

RATES = tuple(float(f"{rate:.2g}") for rate in np.geomspace(1e-4, 0.5, 40))
"""The false positive identification rates whose thresholds a model keeps."""

_HALF = 30
"""People of whom the left-out faces decide half themselves, and the distribution fitted to them the other half."""

_APART, _DIMENSIONS = 1.5124, 34.01
"""Mean squared distance of two strangers, in thresholds of the embedder, and the dimensions in which they differ.

Fitted to dlib's embeddings of the photos that LFW's pairsDevTrain names, by `benchmarks/strangers.py --fit`. Those of
SFace are 1.57 apart.
"""

_COSINES = 0.11
"""Deviation of strangers' cosines: on the half of LFW for development, those of SFace have 0.084; others, more."""

_PEOPLE, _DEGREES = 1.0, 8.0
"""How many people left out the prior counts for: for the mean, and for the deviation."""

_PEOPLE_OF_ONE, _DEGREES_OF_ONE = 6.0, 10.0
"""How many of them all pairs count for, when the mean and the deviation of one person's are found."""

_STEPS = 60


@dataclass(frozen=True)
class Prior:
    """What is expected of strangers before anybody was left out."""

    mean: float
    deviation: float

    @classmethod
    def of(cls, metric: Metric, threshold: float) -> Prior:
        """Return what follows from an embedder's own threshold."""
        if metric == "cosine":
            return cls(1 - threshold * _APART, _COSINES)
        far = threshold * sqrt(_APART)
        return cls(1 - far, far / sqrt(2 * _DIMENSIONS))


def thresholds(left: LeftOut, prior: Prior, rates: Sequence[float]) -> NDArray[np.float64]:
    """Return the similarity for each false positive identification rate, in the order given.

    Two estimates are averaged. One is the quantile of the left-out faces themselves, which of few people is a matter
    of who they are. The other takes the similarities of strangers to each person for normally distributed, which on
    real photos they are, and the people for independent, which makes it a little strict. The more people, the more
    the quantile counts. All of it was chosen on half of LFW's people: see `benchmarks/openset.py`.
    """
    wanted = np.asarray(rates, np.float64)
    fitted = _fitted(left, prior, wanted)
    # The model knows one person more than each of those left out met.
    counted = _quantiles(left, wanted * (left.people - 1) / left.people, fitted)
    share = _share(left.people)
    found = share * counted + (1 - share) * fitted
    order = np.argsort(-wanted)
    found[order] = np.maximum.accumulate(found[order])
    return np.asarray(found)


def assumed(prior: Prior, names: int, rates: Sequence[float]) -> NDArray[np.float64]:
    """Return the similarity for each rate where nobody could be left out: by the prior alone."""
    widened = prior.deviation * sqrt(1 + 1 / _PEOPLE)
    return _bisected(np.full(names, prior.mean), np.full(names, widened), np.asarray(rates, np.float64))


def rate_at(left: LeftOut, prior: Prior, threshold: float) -> float:
    """Return the false positive identification rate at a threshold: the two estimates of `thresholds`, averaged."""
    means, deviations = _distributions(left, prior)
    fitted = float(-np.expm1(scipy.special.log_ndtr((threshold - means) / deviations).sum()))
    counted = float(left.weights[left.similarity >= threshold].sum()) * left.people / (left.people - 1)
    share = _share(left.people)
    return share * counted + (1 - share) * fitted


def _share(people: int) -> float:
    """Return how much the left-out faces themselves decide."""
    return people**2 / (people**2 + _HALF**2)


def _quantiles(left: LeftOut, rates: NDArray[np.float64], beyond: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the least similarity that faces of each share do not exceed; `beyond` where no face is left to do so."""
    order = np.argsort(-left.similarity, kind="stable")
    above = np.cumsum(left.weights[order])
    places = np.searchsorted(above, rates + 1e-12, side="right")
    found = left.similarity[order][np.minimum(places, len(order) - 1)]
    return np.where(places > 0, found, np.maximum(found, beyond))


def _fitted(left: LeftOut, prior: Prior, rates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return where one minus the product of normal distributions, one a person, is each rate: by bisection."""
    return _bisected(*_distributions(left, prior), rates)


def _bisected(
    means: NDArray[np.float64], deviations: NDArray[np.float64], rates: NDArray[np.float64]
) -> NDArray[np.float64]:
    low = np.full(len(rates), means.min() - 10 * deviations.max())
    high = np.full(len(rates), means.max() + 20 * deviations.max())
    for _ in range(_STEPS):
        middle = (low + high) / 2
        named = -np.expm1(scipy.special.log_ndtr((middle[:, None] - means) / deviations).sum(axis=1))
        low, high = np.where(named > rates, middle, low), np.where(named > rates, high, middle)
    return high


def _distributions(left: LeftOut, prior: Prior) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and deviation of strangers' similarity to each person.

    Those over all pairs are the prior's, updated by as many observations as people were left out but one (the
    posterior predictive of a normal distribution with a normal-inverse-gamma prior). Each person's own are drawn
    towards them.
    """
    seen = left.people - 1
    weight, degrees = _PEOPLE + seen, _DEGREES + seen
    mean = (_PEOPLE * prior.mean + seen * left.mean) / weight
    moved = _PEOPLE * seen / weight * (left.mean - prior.mean) ** 2
    variance = (_DEGREES * prior.deviation**2 + seen * left.deviation**2 + moved) / degrees * (1 + 1 / weight)
    means = (_PEOPLE_OF_ONE * mean + seen * left.means) / (_PEOPLE_OF_ONE + seen)
    variances = (_DEGREES_OF_ONE * variance + seen * left.deviations**2) / (_DEGREES_OF_ONE + seen)
    return means, np.sqrt(np.maximum(variances, 1e-12))
