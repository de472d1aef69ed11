"""How well a false positive identification rate is known: people left out are drawn anew."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import scipy
from numpy.typing import NDArray

from facekit.identity.openset.known import Similarities
from facekit.identity.openset.left_out import LeftOut, Pairs, statistics
from facekit.identity.openset.threshold import Prior, rate_at
from facekit.scores.bootstrap import Interval

ROUNDS = 400


def fpir_interval(
    left: LeftOut, prior: Prior, threshold: float, asked: float, rounds: int = ROUNDS, seed: int = 42
) -> Interval:
    """Return the 95% interval of the false positive identification rate at the threshold for a rate that was asked for.

    The known people stay who they are, and the strangers, for whom people left out stand in, are drawn again. The
    spread of the logarithm of the rate gives the interval, which is wider for few people (Student's t), and where the
    two estimates of `thresholds` disagree.
    """
    rng = np.random.default_rng(seed)
    drawn = [
        rate_at(_drawn(left, rng.multinomial(left.people, np.full(left.people, 1 / left.people))), prior, threshold)
        for _ in range(rounds)
    ]
    spread = float(np.log(np.maximum(drawn, 1e-9)).std()) * np.sqrt(left.people / (left.people - 1))
    apart = float(np.log(max(rate_at(left, prior, threshold), 1e-9) / asked))
    half = float(np.hypot(scipy.special.stdtrit(left.people - 1, 0.975) * spread, apart))
    return Interval(float(asked * np.exp(-half)), float(min(1.0, asked * np.exp(half))))


def _drawn(left: LeftOut, counts: NDArray[np.int64]) -> LeftOut:
    """Return what people left out say, each counted so often."""
    weights = left.weights * np.repeat(counts, left.sizes)
    if left.pairs is None:
        return replace(left, weights=weights)
    means, deviations, mean, deviation = statistics(*_sums(left.pairs, counts.astype(np.float64)))
    if len(means) < len(left.means):  # a name that met only people who were not drawn
        means, deviations = left.means, left.deviations
    return replace(left, weights=weights, means=means, deviations=deviations, mean=mean, deviation=deviation)


def _sums(pairs: Pairs, counts: NDArray[np.float64]) -> tuple[Similarities, Similarities, Similarities]:
    there = np.isfinite(pairs.first)
    return counts @ there, counts @ np.nan_to_num(pairs.first), counts @ np.nan_to_num(pairs.second)
