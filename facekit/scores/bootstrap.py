"""How far a score may be off: intervals by bootstrap over groups (Efron 1979; percentile intervals)."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from math import nan
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Weights = NDArray[np.int64]
"""How often each item counts in one resample, shape (n,)."""

Name = TypeVar("Name", bound=Hashable)

Statistic = Callable[[Weights], Mapping[Name, float]]
"""Scores by name of the items counted so often; nan where a resample leaves nothing to score."""

ROUNDS, SHARE = 1000, 0.95


def resampled(units: Sequence[Hashable], rounds: int = ROUNDS, seed: int = 42) -> Iterator[Weights]:
    """Yield for each round how often each item counts, shape (n,), where `units[i]` is the group of item i.

    Whole units are drawn with replacement, as many as there are: pictures of one photo stand or fall
    together, since each of them tells little that the others do not.
    """
    numbers: dict[Hashable, int] = {}
    place = np.array([numbers.setdefault(unit, len(numbers)) for unit in units], dtype=np.int64)
    chance = np.random.default_rng(seed)
    for _ in range(rounds):
        drawn = chance.integers(0, len(numbers), len(numbers))
        yield np.bincount(drawn, minlength=len(numbers)).astype(np.int64)[place]


def interval(values: Sequence[float] | NDArray[np.floating], share: float = SHARE) -> tuple[float, float]:
    """Return the percentiles between which this share of the values lies; nan values count for nothing.

    (nan, nan) where no value is left.
    """
    finite = np.asarray(values, dtype=np.float64)
    finite = finite[np.isfinite(finite)]
    if not len(finite):
        return nan, nan
    low, high = np.quantile(finite, ((1 - share) / 2, (1 + share) / 2))
    return float(low), float(high)


def rounds_of(
    statistic: Statistic[Name], units: Sequence[Hashable], rounds: int = ROUNDS, seed: int = 42
) -> dict[Name, NDArray[np.float64]]:
    """Return each score of a statistic in every round, shape (rounds,), by name.

    Scores of one round are of the same resample, so that differences of two of them have an interval too.
    """
    found = [statistic(weights) for weights in resampled(units, rounds, seed)]
    return {name: np.array([scores[name] for scores in found]) for name in (found[0] if found else ())}


def intervals(
    statistic: Statistic[Name], units: Sequence[Hashable], rounds: int = ROUNDS, seed: int = 42
) -> dict[Name, tuple[float, float]]:
    """Return the 95% interval of each score of a statistic, by name; none where `rounds` is 0."""
    return {name: interval(values) for name, values in rounds_of(statistic, units, rounds, seed).items()}
