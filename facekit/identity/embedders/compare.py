"""How far apart faces are, by the metric that their embedder declares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]


def distances(metric: Literal["euclidean", "cosine"], a: Vectors, b: Vectors | None = None) -> Vectors:
    """Return the distance of each row of `a` to each of `b` (else of `a` itself), shape (len(a), len(b)).

    Euclidean, or one minus the cosine. A row of NaN is NaN away from everything.
    """
    b = a if b is None else b
    if metric == "cosine":
        return np.asarray(1 - _unit(a) @ _unit(b).T, np.float32)
    # In double precision: squares of near vectors cancel to the last bit of a float.
    left, right = a.astype(np.float64), b.astype(np.float64)
    squares = (left**2).sum(1)[:, None] + (right**2).sum(1)[None] - 2 * left @ right.T
    return np.asarray(np.sqrt(np.maximum(squares, 0)), np.float32)


def best_threshold(apart: Vectors, names: Sequence[str]) -> float | None:
    """Return the distance that best parts pairs of one name from pairs of two, both kinds counting alike.

    `apart` holds the distances of all pictures to one another. None where there are no pairs of both kinds.
    """
    first, second = np.triu_indices(len(names), 1)
    labels = np.asarray(names)
    same = labels[first] == labels[second]
    if not len(same) or same.all() or not same.any():
        return None
    found = apart[first, second]
    order = np.argsort(found, kind="stable")
    kept = np.cumsum(same[order]) / same.sum()
    wrong = np.cumsum(~same[order]) / (~same).sum()
    gain = kept - wrong
    best = np.flatnonzero(gain == gain.max())
    place = int(best[len(best) // 2])
    above = order[min(place + 1, len(order) - 1)]
    return float((found[order[place]] + found[above]) / 2)


def _unit(vectors: Vectors) -> NDArray[np.float64]:
    wide = vectors.astype(np.float64)
    return np.asarray(wide / np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), 1e-12), np.float64)
