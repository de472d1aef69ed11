"""How far apart embeddings are, by the metric that their embedder declares."""

from __future__ import annotations

from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

Metric = Literal["euclidean", "cosine"]
Embeddings = NDArray[np.float32]
"""One embedding a row, shape (pictures, dimensions)."""

Reals = TypeVar("Reals", np.float32, np.float64)


def distances(metric: Metric, a: Embeddings, b: Embeddings | None = None) -> Embeddings:
    """Return the distance of each row of `a` to each of `b` (else of `a` itself), shape (len(a), len(b)).

    Euclidean, or one minus the cosine. A row of NaN is NaN away from everything.
    """
    b = a if b is None else b
    # In double precision: the squares of near embeddings cancel to the last bit of a float.
    left, right = a.astype(np.float64), b.astype(np.float64)
    if metric == "cosine":
        return np.asarray(1 - unit(left) @ unit(right).T, np.float32)
    return np.asarray(np.sqrt(squared_distances(left, right)), np.float32)


def squared_distances(a: NDArray[Reals], b: NDArray[Reals]) -> NDArray[Reals]:
    """Return the squared Euclidean distances of rows, shape (len(a), len(b)), in the precision of the rows."""
    found = a @ b.T
    found *= -2
    found += np.square(a).sum(1)[:, None]
    found += np.square(b).sum(1)[None]
    return np.asarray(np.maximum(found, 0, out=found))


def unit(rows: NDArray[Reals]) -> NDArray[Reals]:
    """Return rows scaled to length 1; rows of zeros stay zero."""
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12), rows.dtype)


def comparable(rows: NDArray[Reals], metric: str) -> NDArray[Reals]:
    """Return rows that Euclidean distance ranks as their own metric does: scaled to length 1 for the cosine."""
    return rows if metric == "euclidean" else unit(rows)
