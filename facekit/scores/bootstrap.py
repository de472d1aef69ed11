"""Confidence intervals of scores, by bootstrap over groups (Efron 1979; percentile intervals)."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Weights = NDArray[np.int64]
"""How often each item counts in one resample, shape (n,)."""

Statistic = Callable[[Weights], Sequence[float]]
"""Scores of the items counted so often, always as many; NaN where a resample leaves nothing to score."""

ROUNDS, SHARE = 1000, 0.95


class Interval(NamedTuple):
    """The ends of a 95% interval."""

    low: float
    high: float


def resampled(units: Sequence[Hashable], rounds: int = ROUNDS, seed: int = 42) -> Iterator[Weights]:
    """Yield for each round how often each item counts, shape (n,), where `units[i]` is the group of item i.

    Whole units are drawn with replacement, as many as there are: pictures of one photo are drawn together, since
    each of them adds little to the others.
    """
    numbers: dict[Hashable, int] = {}
    place = np.array([numbers.setdefault(unit, len(numbers)) for unit in units], dtype=np.int64)
    chance = np.random.default_rng(seed)
    for _ in range(rounds):
        drawn = chance.integers(0, len(numbers), len(numbers))
        yield np.bincount(drawn, minlength=len(numbers)).astype(np.int64)[place]


def interval(values: Sequence[float] | NDArray[np.floating], share: float = SHARE) -> Interval | None:
    """Return the percentiles between which this share of the values lies, without NaN; None where no value is left."""
    finite = np.asarray(values, dtype=np.float64)
    finite = finite[np.isfinite(finite)]
    if not len(finite):
        return None
    low, high = np.quantile(finite, ((1 - share) / 2, (1 + share) / 2))
    return Interval(float(low), float(high))


def rounds_of(
    statistic: Statistic, units: Sequence[Hashable], rounds: int = ROUNDS, seed: int = 42
) -> NDArray[np.float64]:
    """Return the scores of a statistic in every round, shape (rounds, scores).

    Scores of one round are of the same resample, so that the difference of two of them has an interval too.
    """
    return np.array([statistic(weights) for weights in resampled(units, rounds, seed)], dtype=np.float64)
