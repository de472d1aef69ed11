"""How well distances separate pairs of one person from pairs of two: pure functions from arrays to typed results.

A pair is taken for one person where its distance is at most a threshold. Of the pairs that were compared, ISO/IEC
19795-1 calls the share of mismatched ones taken for one person the false match rate (FMR), and that of matched ones
taken for two people the false non-match rate (FNMR). Its false accept and false reject rates (FAR, FRR) are of all
pairs: one without a face on either photo counts as rejected. Where every pair was compared, they are the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan
from typing import Any, Generic, TypeVar

import numpy as np
import scipy
from numpy.typing import NDArray

from facekit.scores.bootstrap import Interval

T = TypeVar("T")

Distances = NDArray[np.floating[Any]]
"""Of pairs, shape (n,)."""

Same = NDArray[np.bool_]
"""Whether a pair shows one person, shape (n,)."""

Weights = NDArray[np.int64]
"""How often each pair counts, shape (n,)."""

_ALMOST = 1e-12
"""Shares that differ by less are the same: sums of floats."""


@dataclass(frozen=True)
class Curve:
    """Both error rates at every threshold that makes a difference, from taking no pair for one person to all."""

    thresholds: NDArray[np.float64]
    """Ascending; the first is minus infinity."""
    fmr: NDArray[np.float64]
    fnmr: NDArray[np.float64]


@dataclass(frozen=True)
class Rates(Generic[T]):
    """What is right and wrong at a threshold: T is float for the rates, `Interval | None` for their intervals."""

    accuracy: T
    fmr: T
    fnmr: T


@dataclass(frozen=True)
class Rejecting:
    """Rates over all pairs, where those that could not be compared count as rejected."""

    accuracy: float
    far: float
    frr: float


@dataclass(frozen=True)
class Measures(Generic[T]):
    """What needs no threshold, and the rates at some thresholds: T as in `Rates`."""

    auc: T
    """Area under the ROC curve."""
    eer: T
    """Equal error rate."""
    tar: tuple[T, ...]
    """The share of matched pairs found, 1 - FNMR, at each of some false match rates."""
    points: tuple[Rates[T], ...]

    def flat(self) -> list[T]:
        """Return all values in the order of the fields."""
        return [self.auc, self.eer, *self.tar, *(v for at in self.points for v in (at.accuracy, at.fmr, at.fnmr))]

    @classmethod
    def of(cls, flat: Sequence[T], tars: int) -> Measures[T]:
        """Return what `flat` returned, with so many values of `tar`."""
        auc, eer, *rest = flat
        triples = [rest[place : place + 3] for place in range(tars, len(rest), 3)]
        return cls(auc, eer, tuple(rest[:tars]), tuple(Rates(*triple) for triple in triples))


@dataclass(frozen=True)
class FoldScore:
    """One fold of a list: the threshold from the others, and the accuracy at it."""

    threshold: float
    accuracy: float


@dataclass(frozen=True)
class FoldScores:
    """Mean accuracy over the folds of a list, and its standard error: LFW's protocol."""

    accuracy: float
    standard_error: float
    of_folds: tuple[FoldScore, ...]


def curve(far: Distances, same: Same, weights: Weights | None = None) -> Curve | None:
    """Return the error rates of distances; None where pairs of one kind have no weight."""
    count = np.ones(len(same)) if weights is None else weights
    if not count[same].any() or not count[~same].any():
        return None
    # Not at the top: it takes a second to import, and who names faces needs none of it.
    from sklearn import config_context, metrics

    with config_context(assume_finite=True):
        fmr, tmr, steps = metrics.roc_curve(same, -far, sample_weight=weights, drop_intermediate=False)
    return Curve(-steps, fmr, 1 - tmr)


def area(rates: Curve) -> float:
    """Return the area under the ROC curve: how often a pair of one person is nearer than a pair of two."""
    return float(np.trapezoid(1 - rates.fnmr, rates.fmr))


def equal_error(rates: Curve) -> float:
    """Return the error rate at which both are the same, on the straight line between the steps around it."""
    over = rates.fmr - rates.fnmr
    after = int(np.argmax(over >= 0))
    before = max(0, after - 1)
    share = -over[before] / (over[after] - over[before]) if after else 0.0
    return float(rates.fmr[before] + share * (rates.fmr[after] - rates.fmr[before]))


def tar_at(rates: Curve, far: float) -> float:
    """Return the greatest share of pairs of one person that is found while that of false matches stays at `far`."""
    return float(1 - rates.fnmr[rates.fmr <= far + _ALMOST].min())


def resolved(same: Same, fars: Sequence[float]) -> list[float]:
    """Return the shares of false matches that so many mismatched pairs can tell: of 500, .001 would be half a pair."""
    return [far for far in fars if far * np.count_nonzero(~same) >= 1 - _ALMOST]


def best_threshold(far: Distances, same: Same, balanced: bool = False) -> float:
    """Return the distance with the most pairs right; of several as good, the middle one. NaN without both kinds.

    Where `balanced`, both kinds of pairs weigh alike, however many there are of each (Youden's J). The distance
    lies halfway to the next one, so that rounding cannot move a pair across it.
    """
    rates = curve(far, same)
    if rates is None:
        return nan
    matched, mismatched = (1, 1) if balanced else (np.count_nonzero(same), np.count_nonzero(~same))
    right = (1 - rates.fnmr) * matched - rates.fmr * mismatched
    best = np.flatnonzero(right >= right.max() - 1e-9)
    place = int(best[len(best) // 2])
    above = rates.thresholds[min(place + 1, len(rates.thresholds) - 1)]
    return float((max(rates.thresholds[place], above - 1) + above) / 2)


def at(far: Distances, same: Same, threshold: float, weights: Weights | None = None) -> Rates[float]:
    """Return the rates at a threshold; NaN for a rate of no pairs."""
    count = np.ones(len(same)) if weights is None else weights
    taken = far <= threshold
    return Rates(
        _share(count, taken == same),
        fmr=_share(count[~same], taken[~same]),
        fnmr=_share(count[same], ~taken[same]),
    )


def rejecting(rates: Rates[float], same: Same, lost: Same) -> Rejecting:
    """Return the rates over all pairs, where those of `lost` could not be compared: rejected.

    `rates` are those of the others; `same` and `lost` say which pairs of either show one person.
    """
    matched, mismatched = np.count_nonzero(same), np.count_nonzero(~same)
    accepted = rates.fmr * mismatched
    refused = rates.fnmr * matched + np.count_nonzero(lost)
    both = matched + np.count_nonzero(lost), mismatched + np.count_nonzero(~lost)
    return Rejecting(
        float(1 - (accepted + refused) / sum(both)), far=float(accepted / both[1]), frr=float(refused / both[0])
    )


def measure(
    far: Distances, same: Same, fars: Sequence[float], thresholds: Sequence[float] = (), weights: Weights | None = None
) -> Measures[float]:
    """Return all measures: the shares found at each of `fars`, and the rates at each threshold.

    NaN where a measure needs pairs of a kind that there are none of.
    """
    points = tuple(at(far, same, threshold, weights) for threshold in thresholds)
    rates = curve(far, same, weights)
    if rates is None:
        return Measures(nan, nan, (nan,) * len(fars), points)
    return Measures(area(rates), equal_error(rates), tuple(tar_at(rates, share) for share in fars), points)


def by_folds(far: Distances, same: Same, folds: Sequence[int]) -> FoldScores:
    """Score each fold at the threshold that is best on all others: LFW's protocol (Huang et al. 2007)."""
    parts = np.asarray(folds)
    rows = []
    for fold in np.unique(parts):
        out = parts == fold
        threshold = best_threshold(far[~out], same[~out])
        rows.append(FoldScore(threshold, at(far[out], same[out], threshold).accuracy))
    accuracies = np.array([row.accuracy for row in rows])
    error = float(accuracies.std(ddof=1) / np.sqrt(len(rows)))
    return FoldScores(float(accuracies.mean()), error, tuple(rows))


def pair_weights(counts: Weights, first: NDArray[np.int64], second: NDArray[np.int64]) -> Weights:
    """Return how often pairs count where each person was drawn `counts` times; `first` and `second` are people.

    A pair of two people counts as often as both together, as the product: the vertex bootstrap of Snijders and
    Borgatti (1999), Owen's pigeonhole bootstrap (2007); Fogliato, Patil and Perona (2024) compare such ways. Of 150
    draws of 40 people, all compared with all, 97% of its 95% intervals held the true rate, and 71% of those from
    the mean of both counts, which moves too little where many pairs share a person. The product errs on the safe
    side, most where each person stands in one pair: intervals are then too wide by √3. A pair of one person counts
    as often as the person: copies of one are not compared with each other.
    """
    return np.asarray(np.where(first == second, counts[first], counts[first] * counts[second]))


def no_errors(rate: float, pairs: int) -> Interval | None:
    """Return the exact 95% interval (Clopper and Pearson) of a rate of 0 or 1; None for others.

    No resample of pairs without an error has one, so a bootstrap would say that there are none at all.
    """
    if not pairs or not (rate <= _ALMOST or rate >= 1 - _ALMOST):
        return None
    exact = scipy.stats.binomtest(round(rate * pairs), pairs).proportion_ci(0.95, "exact")
    return Interval(float(exact.low), float(exact.high))


def _share(count: NDArray[Any], which: Same) -> float:
    total = count.sum()
    return float(count[which].sum() / total) if total else nan
