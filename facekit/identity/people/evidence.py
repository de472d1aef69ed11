"""The evidence in a distance: the odds that a face shows a known person, from one or more embedders.

Distances are in units of the embedder's threshold. The model of an embedder has two variances (Brümmer and de Villiers
2010, with round Gaussians): a face lies around its person with variance `within`, people around their mean with
half of `between`, in so many effective `dimensions`. From that follow the odds for any number of known faces, few of
which make a centre less sure. These three were fitted to the photos that LFW's pairsDevTrain names, without the 42
people of 20 photos and more, each person weighing the same, by the least log loss;
`benchmarks/strangers.py --fit` fits them again.

News photos are tamer than search results, where a person is ten years younger, wears dark glasses or turns away.
So the odds are calibrated (Platt 1999: a `slope` and a `shift` of their logarithm) on raw search results that were
looked at by eye. `benchmarks/curated.py --fit` fits the calibration again, leaves each name out in turn, and shows how
well the probabilities hold for the name that was left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facekit.identity.embedders.metrics import Metric, unit

Floats = NDArray[np.float64]
Vectors = NDArray[np.float32]

ODD = 0.0005
"""Share of right faces that look like nobody, and of strangers who look like the person: no evidence is worth more."""

TOGETHER = 0.75
"""Weight of each of two embedders: what makes one err, a bad light or a turned head, makes the other err too."""

ALONE, BENEFIT = 1.3, 1.0
"""One embedder alone: how much steeper its odds are taken, and how much it gives away of the benefit of the doubt.

What is doubtful to one is mostly settled by the other; where there is no other, strangers would stay for that benefit.
`benchmarks/strangers.py --embedder dlib` shows what one is worth alone.
"""

CELLS = 2**23
"""Most distances in memory at once: 32 MB."""


@dataclass(frozen=True)
class Model:
    """How the vectors of one embedder spread, and how its odds are calibrated."""

    within: float
    between: float
    dimensions: float
    slope: float = 1.0
    shift: float = 0.0


DLIB = Model(0.3394, 1.1730, 34.01, slope=0.417, shift=0.969)
"""Also for an embedder of which nothing is known: distances are in thresholds."""

SFACE = Model(0.2690, 2.0278, 40.70, slope=0.367, shift=0.773)

MODELS: Mapping[str, Model] = {"dlib": DLIB, "dlib-mirrored": DLIB, "sface": SFACE}


def model_of(embedder: str) -> Model:
    """Return the model of an embedder by its name; dlib's where nothing is known of it."""
    return MODELS.get(embedder, DLIB)


def scaled(vectors: Vectors, metric: Metric, threshold: float) -> Vectors:
    """Return embeddings scaled so that their Euclidean distance is 1 where the embedder's is at its threshold.

    Rows of NaN, where there is no embedding, stay so.
    """
    values = np.asarray(vectors, np.float32)
    if metric == "euclidean":
        return values / np.float32(threshold)
    # Of unit vectors the squared distance is twice one minus the cosine.
    return np.asarray(unit(values) / np.sqrt(2 * threshold), np.float32)


def chunks(rows: int, columns: int) -> Iterator[slice]:
    """Yield slices of the rows such that no block of them with the columns is larger than `CELLS`."""
    step = max(1, CELLS // max(1, columns))
    for first in range(0, rows, step):
        yield slice(first, min(rows, first + step))


def log_odds(
    squared_distance: Vectors | Floats | float, votes: Floats | float, model: Model = DLIB, odd: float = ODD
) -> Floats:
    """Return how many times likelier (as a logarithm) a distance is for the person than for anyone else.

    The distance is to the mean of `votes` of the person's faces, the face itself not among them. NaN, where there is no
    distance, stays NaN.
    """
    return bounded(model.slope * plain_odds(squared_distance, votes, model) + model.shift, odd)


def plain_odds(squared_distance: Vectors | Floats | float, votes: Floats | float, model: Model) -> Floats:
    """Return the log odds by the model's two variances alone, before they are calibrated and bounded."""
    within = model.within * (1 + 1 / np.asarray(votes, np.float64))
    either = within + model.between
    odds = model.dimensions / 2 * (np.log(either / within) - squared_distance * (1 / within - 1 / either))
    return np.asarray(odds)


def bounded(odds: Floats, odd: float = ODD) -> Floats:
    """Return log odds as far as evidence goes: one in so many right faces looks like nobody, one stranger like them."""
    with np.errstate(invalid="ignore"):  # NaN, where a face has no vector, stays NaN
        least = np.logaddexp(np.log1p(-odd) + odds, np.log(odd))
        return np.asarray(-np.logaddexp(np.log1p(-odd) - least, np.log(odd)))


def combined(odds: Sequence[Floats]) -> Floats:
    """Return the log odds of all embedders together; NaN of one, which has no vector there, says nothing."""
    stack = np.stack(odds)
    there = np.isfinite(stack)
    said = np.where(there, stack, 0.0).sum(0)
    alone = ALONE * (said - BENEFIT)
    return np.asarray(np.where(there.sum(0) > 1, TOGETHER * said, np.where(there.any(0), alone, 0.0)))
