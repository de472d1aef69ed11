"""The similarity threshold at which strangers get a name no more often than requested.

A stranger gets a name when the nearest of the known people is near enough, so what counts is a largest value. The
largest of many independent and normally distributed similarities has a known distribution. Real ones depend on one
another, and follow it but for its place and its scale. These two are estimated from people left out in turn, and drawn
towards what is usual for the embedder. A quantile of the left-out faces would need no distribution; but where one
stranger in a hundred is asked for, and fifty people are known, it says how alike the two most similar ones are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import exp, sqrt
from typing import NamedTuple

import numpy as np
import scipy
from numpy.typing import NDArray

from facekit.identity.embedders.metrics import Metric
from facekit.identity.openset.left_out import LeftOut

RATES = tuple(float(f"{rate:.2g}") for rate in np.geomspace(1e-4, 0.5, 40))
"""The false positive identification rates whose thresholds a model keeps."""

_APART: Mapping[Metric, float] = {"euclidean": 1.35, "cosine": 1.47}
"""Mean distance of a face from a stranger, in thresholds of the embedder.

Measured, like the deviation, with dlib and SFace on photos of `lfw/pairs_images`: people who are not among the 42 of
`lfw/identities`, and whose names have an even CRC-32.
"""

_SPREAD: Mapping[Metric, float] = {"euclidean": 0.147, "cosine": 0.135}
"""Standard deviation of that distance, in thresholds of the embedder."""

_WIDER = 1.1
"""How much wider the nearest of many people varies than if they were independent: a stranger near to one person is
often near to others. It is 1.03 to 1.25 on photos of LFW."""

_PEOPLE, _DEGREES = 10.0, 30.0
"""How many people left out the prior counts for: for the mean similarity, and for its deviation."""

_PEOPLE_NEAREST, _DEGREES_NEAREST = 20.0, 200.0
"""How many people left out all pairs count for, when it is found how near the nearest comes: mean, and deviation."""

_ENOUGH = 5.0
"""How many people left out must be above a threshold until they themselves decide half of it."""

_GRID = 4096


@dataclass(frozen=True)
class Prior:
    """What is expected of strangers before anybody was left out: their similarity to one person."""

    mean: float
    deviation: float

    @classmethod
    def of(cls, metric: Metric, threshold: float) -> Prior:
        """Return what follows from an embedder's own threshold."""
        return cls(1 - threshold * _APART[metric], threshold * _SPREAD[metric])


class Off(NamedTuple):
    """How far what is usual for the embedder is off for some people: people of one region or age, or other photos."""

    mean: float = 0.0
    """In deviations of the prior."""
    deviation: float = 0.0
    """As a logarithm."""


NOT_OFF = Off()


@dataclass(frozen=True)
class Nearest:
    """How near strangers come to the nearest of the known people: the largest of so many normal values, rescaled."""

    names: int
    mean: float
    deviation: float

    @classmethod
    def expected(cls, prior: Prior, names: int) -> Nearest:
        """Return what follows from the similarity to one person."""
        mean, deviation = _largest(names)
        return cls(names, prior.mean + prior.deviation * mean, _WIDER * prior.deviation * deviation)

    def thresholds(self, rates: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the similarity that strangers exceed at each rate."""
        mean, deviation = _largest(self.names)
        values = -scipy.special.ndtri(-np.expm1(np.log1p(-rates) / self.names))
        return np.asarray(self.mean + self.deviation / deviation * (values - mean))

    def rate(self, threshold: float) -> float:
        """Return the share of strangers that exceed a similarity."""
        mean, deviation = _largest(self.names)
        value = mean + deviation * (threshold - self.mean) / self.deviation
        return float(-np.expm1(self.names * scipy.special.log_ndtr(value)))


def thresholds(left: LeftOut, prior: Prior, rates: Sequence[float]) -> NDArray[np.float64]:
    """Return the similarity for each false positive identification rate, in the order given.

    Two estimates are averaged: that of the distribution, and the quantile of the left-out faces, which counts the more
    the more people are expected above it. `benchmarks/galleries.py` says on whom this was chosen, and measures it on
    others. Neither may be contradicted: if more of the left-out faces lie above than the rate makes plausible, these
    people are more alike than is usual for the embedder, as drawn people are, and the threshold rises.
    """
    wanted = np.asarray(rates, np.float64)
    fitted = nearest(left, prior).thresholds(wanted)
    counted = _quantiles(left, wanted / _one_more(left), fitted)
    share = _share(left, wanted)
    found = share * counted + (1 - share) * fitted
    found = np.maximum(found, _quantiles(left, _plausible(left, wanted) / _one_more(left), fitted))
    order = np.argsort(-wanted)
    found[order] = np.maximum.accumulate(found[order])
    return np.asarray(found)


def assumed(prior: Prior, names: int, rates: Sequence[float]) -> NDArray[np.float64]:
    """Return the similarity for each rate where nobody could be left out: by the prior alone, taken for less sure."""
    return Nearest.expected(Prior(prior.mean, prior.deviation * sqrt(2)), names).thresholds(np.asarray(rates))


def rate_at(left: LeftOut, prior: Prior, threshold: float, asked: float, off: Off = NOT_OFF) -> float:
    """Return the false positive identification rate at the threshold for a rate that was asked for.

    It is that of the two estimates of `thresholds`, averaged as there, were the prior off by so much.
    """
    counted = float(left.weights[left.similarity >= threshold].sum()) * _one_more(left)
    share = float(_share(left, np.array([asked]))[0])
    return share * counted + (1 - share) * nearest(left, prior, off).rate(threshold)


def nearest(left: LeftOut, prior: Prior, off: Off = NOT_OFF) -> Nearest:
    """Return how near strangers come to the nearest of the known people, by people left out and the prior."""
    pairs = _updated(left, prior)
    expected = Nearest.expected(pairs, left.names)
    usual, varies = expected.mean + off.mean * prior.deviation, expected.deviation * exp(off.deviation)
    (mean, deviation), (mean_less, deviation_less) = _largest(left.names), _largest(max(1, left.names - 1))
    seen = float(left.weights @ left.similarity)
    variance = float(left.weights @ (left.similarity - seen) ** 2) * left.people / (left.people - 1)
    # Whoever is left out meets one person fewer than a stranger does.
    seen += left.fewer * pairs.deviation * (mean - mean_less)
    variance *= 1 + left.fewer * ((deviation / deviation_less) ** 2 - 1)
    return Nearest(
        left.names,
        (_PEOPLE_NEAREST * usual + left.people * seen) / (_PEOPLE_NEAREST + left.people),
        sqrt((_DEGREES_NEAREST * varies**2 + left.people * variance) / (_DEGREES_NEAREST + left.people)),
    )


def _updated(left: LeftOut, prior: Prior) -> Prior:
    """Return the similarity of strangers to one person: the prior's, updated by as many people as were left out."""
    seen = left.people - 1
    mean, deviation = left.pairs
    variance = (_DEGREES * prior.deviation**2 + seen * deviation**2) / (_DEGREES + seen)
    return Prior((_PEOPLE * prior.mean + seen * mean) / (_PEOPLE + seen), sqrt(variance))


def _one_more(left: LeftOut) -> float:
    """Return how much more often one gets a name who meets one person more than those who were left out."""
    return 1 + left.fewer / max(1, left.names - 1)


def _share(left: LeftOut, rates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how much the left-out faces themselves decide."""
    above = rates * left.people
    return np.asarray(above / (above + _ENOUGH))


def _plausible(left: LeftOut, rates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how large a share of so many people can be above by chance: the rate, and two standard errors of it."""
    return np.asarray(rates + 2 * np.sqrt(rates * (1 - rates) / left.people))


def _quantiles(left: LeftOut, rates: NDArray[np.float64], beyond: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the least similarity that faces of each share do not exceed; `beyond` where no face is left to do so."""
    order = np.argsort(-left.similarity, kind="stable")
    above = np.cumsum(left.weights[order])
    places = np.searchsorted(above, rates + 1e-12, side="right")
    found = left.similarity[order][np.minimum(places, len(order) - 1)]
    return np.where(places > 0, found, np.maximum(found, beyond))


@lru_cache(maxsize=256)
def _largest(count: int) -> tuple[float, float]:
    """Return mean and standard deviation of the largest of so many independent standard normal values."""
    shares = (np.arange(_GRID) + 0.5) / _GRID
    values = -scipy.special.ndtri(-np.expm1(np.log(shares) / count))
    return float(values.mean()), float(values.std())
