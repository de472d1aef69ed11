"""Whether two faces are of one person, how probable that is, and how often strangers would pass for one person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp
from statistics import NormalDist  # SciPy is slow to import

import numpy as np

from facekit.identity import embedders
from facekit.identity.embedders.metrics import Embeddings, Metric, distances
from facekit.identity.people.evidence import Model, log_odds, model_of, scaled

RATES = (0.1, 0.01, 0.001, 0.0001)

_NORMAL = NormalDist()

_SCORES = [-_NORMAL.inv_cdf(rate) for rate in RATES]

_DLIB = (1.182, 1.025, 0.895, 0.783)

_STRANGERS: Mapping[str, Sequence[float]] = {
    "dlib": _DLIB,
    "dlib-mirrored": _DLIB,
    "sface": (1.295, 1.148, 1.038, 0.944),
}
"""Embedder -> the distances, in its thresholds, below which `RATES` of all pairs of different people are.

Fitted to the photos that LFW's pairsDevTrain names, and checked on those of pairsDevTest, by `benchmarks/matches.py`.
Others are taken for like dlib. Between and beyond these rates, distances are taken for normally distributed.
"""


@dataclass(frozen=True)
class Match:
    """The answer to one pair."""

    same: bool
    similarity: float
    probability: float


@dataclass(frozen=True)
class Matcher:
    """Compares two faces by one embedder."""

    metric: Metric
    own_threshold: float
    """The embedder's own, a distance."""
    model: Model
    threshold: float
    """The similarity from which two faces count as one person."""
    fmr: float
    """The false match rate that the threshold stands for, as measured on photos of LFW."""

    @classmethod
    def of(cls, name: str, fmr: float | None = None) -> Matcher:
        """Return what compares by an embedder, at its own threshold, or at that of a false match rate.

        Raises FacekitError for an embedder that cannot be had.
        """
        embedder = embedders.load(name)
        strangers = _STRANGERS.get(name, _DLIB)
        far = 1.0 if fmr is None else _line(-_NORMAL.inv_cdf(fmr), _SCORES, strangers)
        stands_for = _NORMAL.cdf(-_line(-1.0, [-one for one in strangers], _SCORES)) if fmr is None else fmr
        threshold = round(1 - embedder.threshold * far, 6)
        return cls(embedder.metric, embedder.threshold, model_of(name), threshold, float(f"{stands_for:.2g}"))

    def match(self, first: Embeddings, second: Embeddings) -> Match:
        """Return the answer to two embeddings, shape (dimensions,) each."""
        pair = np.stack([first, second])
        similarity = 1 - float(distances(self.metric, pair[:1], pair[1:])[0, 0])
        one, other = scaled(pair, self.metric, self.own_threshold).astype(np.float64)
        odds = float(log_odds(float(np.square(one - other).sum()), 1.0, self.model))
        return Match(similarity >= self.threshold, round(similarity, 4), round(1 / (1 + exp(-max(odds, -700.0))), 4))


def _line(at: float, places: Sequence[float], values: Sequence[float]) -> float:
    """Return the value at a place on the line through ascending places, which goes straight on at both ends."""
    first = min(max(int(np.searchsorted(places, at)) - 1, 0), len(places) - 2)
    share = (at - places[first]) / (places[first + 1] - places[first])
    return float(values[first] + share * (values[first + 1] - values[first]))
