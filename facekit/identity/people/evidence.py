"""How much a distance says: the odds that a face is a person of whom some faces are known.

Distances are in units of the embedder's threshold, so that one model serves every embedder. The model has
two variances (Brümmer and de Villiers 2010, with round Gaussians): a face lies around its person
with variance WITHIN, people around their mean with half of BETWEEN, in so many effective DIMENSIONS. From
that follow the odds for any number of known faces, few of which make a centre less sure.

The three constants were fitted to dlib's vectors of the photos that LFW's pairsDevTrain names, without the 42
people of 20 photos and more: 770 photos against their own person's others and 15,400 against someone else's,
each person weighing the same, by the least log loss, with a share of photos (it came out at 0.24%) that look like
nobody, as those under a wrong name do. `benchmarks/strangers.py --fit` fits them again, and
`benchmarks/strangers.py` shows how well the odds hold for other people.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from facekit.identity.embedders.metrics import Metric, unit

Floats = NDArray[np.float64]
Vectors = NDArray[np.float32]

WITHIN, BETWEEN, DIMENSIONS = 0.3394, 1.1730, 34.01

ODD = 0.0005
"""Share of right faces that look like nobody: landmarks go astray. So no face is ever ruled out altogether."""

CELLS = 2**23
"""Most distances in memory at once: 32 MB."""


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


def log_odds(squared_distance: Vectors | Floats | float, votes: Floats | float) -> Floats:
    """Return how many times likelier (as a logarithm) a distance is for the person than for anyone else.

    The distance is to the mean of `votes` of the person's faces, the face itself not among them.
    """
    within = WITHIN * (1 + 1 / np.asarray(votes, np.float64))
    either = within + BETWEEN
    odds = DIMENSIONS / 2 * (np.log(either / within) - squared_distance * (1 / within - 1 / either))
    return np.asarray(np.logaddexp(np.log1p(-ODD) + odds, np.log(ODD)))
