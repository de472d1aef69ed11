"""How well distances tell one person from two: pure functions from arrays to plain numbers.

A pair is taken for one person where its distance is at most a threshold. Of the pairs that were compared, ISO/IEC
19795-1 calls the share of mismatched ones taken for one person the false match rate (FMR), and that of matched ones
taken for two people the false non-match rate (FNMR). Its false accept and false reject rates (FAR, FRR) are of all
pairs: one without a face on either photo counts as rejected. Where every pair was compared, they are the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn import config_context, metrics

Distances = NDArray[np.floating[Any]]
"""Of pairs, shape (n,)."""

Same = NDArray[np.bool_]
"""Whether a pair shows one person, shape (n,)."""

Weights = NDArray[np.integer[Any]]
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


def curve(far: Distances, same: Same, weights: Weights | None = None) -> Curve | None:
    """Return the error rates of distances; None where pairs of one kind have no weight."""
    count = np.ones(len(same)) if weights is None else weights
    if not count[same].any() or not count[~same].any():
        return None
    with config_context(assume_finite=True):
        fmr, tmr, steps = metrics.roc_curve(same, -far, sample_weight=weights, drop_intermediate=False)
    return Curve(-steps, fmr, 1 - tmr)


def area(found: Curve) -> float:
    """Return the area under the ROC curve: how often a pair of one person is nearer than a pair of two."""
    return float(metrics.auc(found.fmr, 1 - found.fnmr))


def equal_error(found: Curve) -> float:
    """Return the error rate at which both are the same, on the straight line between the steps around it."""
    over = found.fmr - found.fnmr
    after = int(np.argmax(over >= 0))
    before = max(0, after - 1)
    share = -over[before] / (over[after] - over[before]) if after else 0.0
    return float(found.fmr[before] + share * (found.fmr[after] - found.fmr[before]))


def found_at(found: Curve, far: float) -> float:
    """Return the greatest share of pairs of one person that is found while that of false matches stays at `far`."""
    return float(1 - found.fnmr[found.fmr <= far + _ALMOST].min())


def resolved(same: Same, fars: Sequence[float]) -> list[float]:
    """Return the shares of false matches that so many mismatched pairs can tell: of 500, .001 would be half a pair."""
    return [far for far in fars if far * np.count_nonzero(~same) >= 1 - _ALMOST]


def best_threshold(far: Distances, same: Same, balanced: bool = False) -> float:
    """Return the distance with the most pairs right; of several as good, the middle one. NaN without both kinds.

    Where `balanced`, both kinds of pairs weigh alike, however many there are of each (Youden's J). The distance
    lies halfway to the next one, so that rounding cannot move a pair across it.
    """
    found = curve(far, same)
    if found is None:
        return nan
    matched, mismatched = (1, 1) if balanced else (np.count_nonzero(same), np.count_nonzero(~same))
    right = (1 - found.fnmr) * matched - found.fmr * mismatched
    best = np.flatnonzero(right >= right.max() - 1e-9)
    place = int(best[len(best) // 2])
    above = found.thresholds[min(place + 1, len(found.thresholds) - 1)]
    return float((max(found.thresholds[place], above - 1) + above) / 2)


def at(far: Distances, same: Same, threshold: float, weights: Weights | None = None) -> dict[str, float]:
    """Return `accuracy`, `fmr` and `fnmr` at a threshold; NaN for a rate of no pairs."""
    count = np.ones(len(same)) if weights is None else weights
    taken = far <= threshold
    return {
        "accuracy": _share(count, taken == same),
        "fmr": _share(count[~same], taken[~same]),
        "fnmr": _share(count[same], ~taken[same]),
    }


def rejecting(rates: Mapping[str, float], same: Same, lost: Same) -> dict[str, float]:
    """Return `accuracy`, `far` and `frr` over all pairs, where those of `lost` could not be compared: rejected.

    `rates` are those of the others, whose kinds `same` gives, as `at` returns them.
    """
    matched, mismatched = np.count_nonzero(same), np.count_nonzero(~same)
    accepted = rates["fmr"] * mismatched
    refused = rates["fnmr"] * matched + np.count_nonzero(lost)
    both = matched + np.count_nonzero(lost), mismatched + np.count_nonzero(~lost)
    return {
        "accuracy": float(1 - (accepted + refused) / sum(both)),
        "far": float(accepted / both[1]),
        "frr": float(refused / both[0]),
    }


def whole(far: Distances, same: Same, fars: Sequence[float], weights: Weights | None = None) -> dict[str, float]:
    """Return what needs no threshold: `auc`, `eer`, and `tar at` each of `fars`, in which TAR is 1 - FNMR."""
    found = curve(far, same, weights)
    if found is None:
        return {"auc": nan, "eer": nan, **{tar(share): nan for share in fars}}
    return {"auc": area(found), "eer": equal_error(found), **{tar(share): found_at(found, share) for share in fars}}


def tar(far: float) -> str:
    """Return what the share of pairs found at a share of false matches is called."""
    return f"tar at {far:g}"


def by_folds(far: Distances, same: Same, folds: Sequence[int]) -> dict[str, Any]:
    """Score each fold at the threshold that is best on all others: LFW's protocol (Huang et al. 2007).

    Returns the mean `accuracy`, its `standard_error`, and `threshold` and accuracy `of_folds`, in order.
    """
    parts = np.asarray(folds)
    rows = []
    for fold in np.unique(parts):
        out = parts == fold
        threshold = best_threshold(far[~out], same[~out])
        rows.append({"threshold": threshold, "accuracy": at(far[out], same[out], threshold)["accuracy"]})
    accuracies = np.array([row["accuracy"] for row in rows])
    error = float(accuracies.std(ddof=1) / np.sqrt(len(rows)))
    return {"accuracy": float(accuracies.mean()), "standard_error": error, "of_folds": rows}


def pair_weights(
    counts: NDArray[np.integer[Any]], first: NDArray[np.integer[Any]], second: NDArray[np.integer[Any]]
) -> Weights:
    """Return how often pairs count where each person was drawn `counts` times; `first` and `second` are people.

    A pair of two people counts as often as both together, as the product: the vertex bootstrap of Snijders and
    Borgatti (1999), Owen's pigeonhole bootstrap (2007); Fogliato, Patil and Perona (2024) compare such ways. Of 150
    draws of 40 people, all compared with all, 97% of its 95% intervals held the true rate, and 71% of those from
    the mean of both counts, which moves too little where many pairs share a person. The product errs on the safe
    side, most where each person stands in one pair: intervals are then too wide by √3. A pair of one person counts
    as often as the person: copies of one are not compared with each other.
    """
    return np.asarray(np.where(first == second, counts[first], counts[first] * counts[second]))


def no_errors(rate: float, pairs: int) -> tuple[float, float] | None:
    """Return the exact 95% interval (Clopper and Pearson) of a rate of 0 or 1; None for others.

    No resample of pairs without an error has one, so a bootstrap would say that there are none at all.
    """
    if not pairs or _ALMOST < rate < 1 - _ALMOST:
        return None
    found = binomtest(round(rate * pairs), pairs).proportion_ci(0.95, "exact")
    return float(found.low), float(found.high)


def _share(count: NDArray[Any], which: Same) -> float:
    total = count.sum()
    return float(count[which].sum() / total) if total else nan
