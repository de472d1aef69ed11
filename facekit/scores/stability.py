"""How far two histograms of one measure are apart: the population stability index (PSI), with an interval.

The PSI is the sum over bins of `(p - q) ln(p / q)`, for the shares p of now and q of the reference. By convention a
value below 0.1 is no change worth acting on, and one above 0.25 a large one.

It is never 0 where both histograms are samples. If nothing has changed, it is distributed about as
`(1/n + 1/m) * chi-square(bins - 1)` for samples of n and m (Yurdakul, "Statistical Properties of Population Stability
Index", Western Michigan University 2018; Yurdakul and Naranjo, Journal of Risk Model Validation 14(4), 2020). If the
true index is d, the chi-square is non-central with `d / (1/n + 1/m)`; the interval is the set of d for which what was
seen is not unusual. Ten pictures thus have an interval from 0 to several.

Answers of one day resemble one another: the same people come, in the same light. Their number then says more than there
is to know, so n is divided by the design effect (Rao and Scott, Annals of Statistics 12, 1984), which
`between_people` finds where it is known who is on each picture, and `between_days` where it is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

Counts = NDArray[np.int64]
"""How many values lie in each bin, shape (bins,)."""

LARGE = 0.25
"""From here on, by convention, a change is a large one."""

_PRIOR, _PRIOR_DAYS = 2.0, 3.0
"""What the design effect of days is taken for before any was seen, and how many pairs of days that counts for."""

_FEWEST_PAIRS = 3
"""Pairs of days below which the one with a change could be the median."""

_HALF = 0.5
"""What is added to each bin, so that one that happens to be empty is no infinite change."""


@dataclass(frozen=True)
class Sample:
    """A histogram, and how many independent values it is worth."""

    counts: Counts
    effect: float = 1.0
    """The design effect: by how much the values are fewer than they seem."""

    @property
    def size(self) -> float:
        """How many independent values it is worth."""
        return float(self.counts.sum()) / self.effect


@dataclass(frozen=True)
class Shift:
    """How far a sample is from another."""

    psi: float
    low: float
    """The ends of the interval of the true index; `low` is 0 where there may be no change."""
    high: float
    """No lower than what was seen, which chance alone makes higher than the truth."""
    moved: float
    """By how many bins its values are higher on average, as a share of all bins: -1 to 1."""


def psi(now: Counts, then: Counts) -> float:
    """Return the population stability index of two histograms over the same bins."""
    p, q = _shares(now), _shares(then)
    return float(((p - q) * np.log(p / q)).sum())


def shift(now: Sample, then: Sample, level: float = 0.05) -> Shift:
    """Return how far apart two samples are; each end of the interval is missed at most at half of `level`.

    Both need values.
    """
    found = psi(now.counts, then.counts)
    unit, free = 1 / now.size + 1 / then.size, len(now.counts) - 1
    low = _noncentrality(found / unit, free, 1 - level / 2) * unit
    high = max(found, _noncentrality(found / unit, free, level / 2) * unit)
    bins = np.arange(len(now.counts))
    moved = float((bins * (_shares(now.counts) - _shares(then.counts))).sum()) / max(1, len(bins) - 1)
    return Shift(found, low, high, moved)


def exceeds(now: Sample, then: Sample, least: float, level: float) -> bool:
    """Whether the true index is above `least`; said where it is not, at most at this level."""
    unit, free = 1 / now.size + 1 / then.size, len(now.counts) - 1
    return float(scipy.special.chndtr(psi(now.counts, then.counts) / unit, free, least / unit)) >= 1 - level


def between_people(counts: NDArray[np.int64]) -> float:
    """Return the design effect of histograms of people, shape (people, bins): how alike a person's pictures are.

    It is 1 for people whose pictures are no more alike than those of two people.
    """
    people, sizes = counts[counts.sum(axis=1) > 0], counts.sum(axis=1)[counts.sum(axis=1) > 0]
    total = int(sizes.sum())
    if len(people) < 2:
        return max(1.0, float(total))
    share = people.sum(axis=0) / total
    there = (share > 0) & (share < 1)
    if not there.any():
        return 1.0
    residual = people - sizes[:, None] * share
    variance = len(people) / (len(people) - 1) * np.square(residual).sum(axis=0) / total**2
    effects = variance[there] * total / share[there]  # each bin's effect, times one minus its share
    return max(1.0, float(effects.sum() / (int(there.sum()) - 1)))


def between_days(days: Sequence[Counts]) -> float:
    """Return the design effect of a day's histogram, from how much each day differs from the one before.

    The median is taken, so that the day on which something did change counts for little. Few days say little, and are
    counted together with what is usual.
    """
    pairs = [np.stack(pair) for pair in zip(days, days[1:], strict=False) if pair[0].sum() and pair[1].sum()]
    found = [one for one in map(_homogeneity, pairs) if one is not None]
    if len(found) < _FEWEST_PAIRS:
        return _PRIOR
    weight = len(found) / (len(found) + _PRIOR_DAYS)
    return max(1.0, weight * float(np.median(found)) + (1 - weight) * _PRIOR)


def _homogeneity(pair: NDArray[np.int64]) -> float | None:
    """Return by how much two histograms differ more than two samples would: 1 if not at all."""
    pair = pair[:, pair.sum(axis=0) > 0]
    if pair.shape[1] < 2:
        return None
    expected = pair.sum(axis=1, keepdims=True) * pair.sum(axis=0) / pair.sum()
    value = float((np.square(pair - expected) / expected).sum())
    return value / float(scipy.special.chdtri(pair.shape[1] - 1, 0.5))


def _shares(counts: Counts) -> NDArray[np.float64]:
    return np.asarray((counts + _HALF) / (counts.sum() + _HALF * len(counts)))


def _noncentrality(value: float, free: int, share: float) -> float:
    """Return the non-centrality at which a chi-square is below `value` with this probability; 0 where none is."""

    def over(centre: float) -> float:
        return float(scipy.special.chndtr(value, free, centre)) - share

    if over(0.0) <= 0:
        return 0.0
    high = max(1.0, value)
    while over(high) > 0:
        high *= 2
    return float(scipy.optimize.brentq(over, 0.0, high, xtol=1e-3))
