"""What tells strangers from known people: thresholds and a calibration, from people left out in turn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy

from facekit.identity.embedders.metrics import Metric
from facekit.identity.openset.known import KnownFaces, Similarities
from facekit.identity.openset.left_out import LeftOut
from facekit.identity.openset.threshold import RATES, Prior, assumed, thresholds
from facekit.identity.people.evidence import model_of
from facekit.runs import Backbone, OpenSet
from facekit.scores.recalibration import fit_logistic

_SHARES = np.linspace(0.005, 0.995, 100)


def open_set(
    embedder: Backbone, prior: Prior, known: KnownFaces, left: LeftOut | None, inside: Similarities, rate: float
) -> OpenSet:
    """Return what tells strangers, for a false positive identification rate.

    `inside` are similarities of faces to their own person's other faces; empty where none is known: then they are
    what is expected of the embedder. The same holds for strangers where nobody could be `left` out.
    """
    *curve, threshold = _thresholds(prior, known.names, left, [*RATES, rate])
    outside = left.similarity if left is not None else _expected_strangers(prior, known.names)
    weights = left.weights if left is not None else np.full(len(outside), 1 / len(outside))
    slope, offset = fit_logistic(inside, outside, weights)
    return OpenSet(
        embedder=embedder,
        faces=len(known.vectors),
        people=left.people if left is not None else 0,
        left_out=len(left.similarity) if left is not None else 0,
        rate=rate,
        threshold=threshold,
        rates=RATES,
        thresholds=tuple(curve),
        slope=slope,
        offset=offset,
        centre=known.centre,
    )


def expected_inside(embedder: str, metric: Metric, threshold: float) -> Similarities:
    """Return how similar two faces of one person are expected to be, in equal shares of all such pairs."""
    model = model_of(embedder)
    squares = 2 * model.within * (2 * scipy.special.gammaincinv(model.dimensions / 2, _SHARES)) / model.dimensions
    return np.asarray(1 - threshold * (squares if metric == "cosine" else np.sqrt(squares)))


def _expected_strangers(prior: Prior, names: int) -> Similarities:
    """Return how near strangers are expected to come to the nearest of so many people, in equal shares."""
    return np.asarray(prior.mean + prior.deviation * scipy.special.ndtri(_SHARES ** (1 / max(1, names))))


def _thresholds(prior: Prior, names: int, left: LeftOut | None, rates: Sequence[float]) -> list[float]:
    found = thresholds(left, prior, rates) if left is not None else assumed(prior, max(1, names), rates)
    return [float(one) for one in found]
