"""Whether two faces are of one person, how probable that is, and how often strangers would pass for one person."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, sqrt

import numpy as np
import scipy

from facekit.identity import embedders
from facekit.identity.embedders.metrics import Embeddings, Metric, distances
from facekit.identity.people.evidence import Model, log_odds, model_of, scaled


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
    """The false match rate that the threshold stands for, by the model of the embedder's distances."""

    @classmethod
    def of(cls, name: str, fmr: float | None = None) -> Matcher:
        """Return what compares by an embedder, at its own threshold, or at that of a false match rate.

        Raises FacekitError for an embedder that cannot be had.
        """
        embedder = embedders.load(name)
        model = model_of(name)
        # Distances are in thresholds: at the embedder's own they are 1.
        squared = 1.0 if fmr is None else _squared_at(model, fmr)
        stands_for = model.fmr if fmr is None else fmr
        far = embedder.threshold * (squared if embedder.metric == "cosine" else sqrt(squared))
        return cls(embedder.metric, embedder.threshold, model, round(1 - far, 6), float(f"{stands_for:.2g}"))

    def match(self, first: Embeddings, second: Embeddings) -> Match:
        """Return the answer to two embeddings, shape (dimensions,) each."""
        pair = np.stack([first, second])
        similarity = 1 - float(distances(self.metric, pair[:1], pair[1:])[0, 0])
        one, other = scaled(pair, self.metric, self.own_threshold).astype(np.float64)
        odds = float(log_odds(float(np.square(one - other).sum()), 1.0, self.model))
        return Match(similarity >= self.threshold, round(similarity, 4), round(1 / (1 + exp(-max(odds, -700.0))), 4))


def _squared_at(model: Model, fmr: float) -> float:
    """Return the squared distance that so large a share of pairs of different people are within."""
    spread = (2 * model.within + model.between) / model.dimensions
    return float(2 * scipy.special.gammaincinv(model.dimensions / 2, fmr) * spread)
