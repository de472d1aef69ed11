"""How well a false positive identification rate is known: people left out are resampled."""

from __future__ import annotations

import numpy as np
import scipy

from facekit.identity.openset.left_out import LeftOut
from facekit.identity.openset.threshold import Off, Prior, rate_at
from facekit.scores.bootstrap import Interval

MOST_PEOPLE = 10_000
"""People beyond whom it is not said how many would do."""

_ROUNDS, _SEED = 400, 42

_ROUGHLY = 100
"""Rounds for how many people would do, which many numbers are tried for."""

_OFF = Off(mean=0.35, deviation=0.15)
"""Standard deviations of how far what is usual for the embedder is off.

Chosen, like the next one, so that 95% of intervals hold the rate that is measured: `benchmarks/galleries.py` says how.
"""

_BESIDE = 0.15
"""Standard deviation of the rate's logarithm that no number of people removes: real tails are no model's."""


def fpir_interval(left: LeftOut, prior: Prior, threshold: float, asked: float) -> Interval:
    """Return the 95% interval of the false positive identification rate at the threshold for a rate that was asked for.

    The known people stay who they are. The strangers, for whom people left out stand in, are drawn again, and so is how
    far what is usual for the embedder is off, which counts where few people were left out. The spread of the logarithm
    of the rate gives the interval, which is wider for few people (Student's t), and where the two estimates of
    `thresholds` disagree.
    """
    apart = float(np.log(max(rate_at(left, prior, threshold, asked), 1e-9) / asked))
    half = float(np.hypot(_half(left, prior, threshold, asked, left.people), apart))
    return Interval(float(asked * np.exp(-half)), float(min(1.0, asked * np.exp(half))))


def people_for(left: LeftOut, prior: Prior, threshold: float, asked: float, factor: float) -> int:
    """Return about how many people left out, of the kind of those who were, give an interval that factor wide each way.

    It is `MOST_PEOPLE` where even these do not.
    """
    few, many = left.people, left.people
    while many < MOST_PEOPLE and _half(left, prior, threshold, asked, many, _ROUGHLY) > np.log(factor):
        few, many = many, min(2 * many, MOST_PEOPLE)
    while many - few > max(1, few // 20):
        middle = (few + many) // 2
        if _half(left, prior, threshold, asked, middle, _ROUGHLY) > np.log(factor):
            few = middle
        else:
            many = middle
    return many


def _half(left: LeftOut, prior: Prior, threshold: float, asked: float, people: int, rounds: int = _ROUNDS) -> float:
    """Return half the width of the interval, in logarithms, if there were so many people like those left out."""
    rng = np.random.default_rng(_SEED)
    drawn = []
    for _ in range(rounds):
        some = left.drawn(rng.multinomial(people, left.shares))
        drawn.append(rate_at(some, prior, threshold, asked, Off(*(rng.normal(size=2) * _OFF).tolist())))
    spread = float(np.log(np.maximum(drawn, 1e-9)).std()) * np.sqrt(people / (people - 1))
    return float(scipy.special.stdtrit(people - 1, 0.975) * np.hypot(spread, _BESIDE))
