"""Find the few pairs that may show one photo. The work grows with the number of pictures, not of pairs.

Three ways propose: local features that two pictures share, wherever they are in them; the shape of the whole, for what
has lost its fine detail; and embeddings, where there are any, for faces that were cut out of one photo in two ways.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from facekit.identity.likeness.fingerprints import Fingerprint
from facekit.identity.likeness.neighbours import Cells, Floats
from facekit.identity.likeness.shape import mirrored
from facekit.identity.likeness.words import shared_words

SHAPES, SAME_SHAPE = 4, 0.85
"""Pictures of a like shape that each proposes at most, and their least cosine: few in 100,000 strangers have it."""

VECTORS, NEAR_SHAPE = 3, 0.65
"""Pictures with a near embedding that each proposes at most, if their shapes have this cosine too."""

MOST = 24
"""Candidates of a picture that are compared, the best first; a pair is, if it is among them for either."""


class Candidate(NamedTuple):
    """Two pictures to compare, by position, the lower first; one of them perhaps `mirrored`."""

    first: int
    second: int
    mirrored: bool


def candidates(prints: Sequence[Fingerprint], vectors: Floats | None = None) -> list[Candidate]:
    """Return the pairs to compare, in order, each once or once for each way round."""
    if len(prints) < 2:
        return []
    shapes = np.array([one.shape for one in prints], np.float32)
    parts = [_by_words(prints), *_by_shape(shapes)]
    if vectors is not None:
        parts += _by_vector(shapes, np.asarray(vectors, np.float32))
    keys, scores = (np.concatenate([part[n] for part in parts]) for n in range(2))
    order = np.lexsort((-scores, keys))
    keys, scores = keys[order], scores[order]
    once = np.diff(keys, prepend=-1) != 0
    keys = keys[once][_best(keys[once], scores[once], len(prints))]
    pairs, flips = np.divmod(keys, 2)
    rows = zip(*(part.tolist() for part in (*np.divmod(pairs, len(prints)), flips)), strict=True)
    return [Candidate(first, second, bool(flip)) for first, second, flip in rows]


def _by_words(prints: Sequence[Fingerprint]) -> tuple[NDArray[np.int64], Floats]:
    first, second, flip, votes = shared_words([one.features for one in prints])
    return (first * len(prints) + second) * 2 + flip, votes.astype(np.float32)


def _by_shape(shapes: Floats) -> list[tuple[NDArray[np.int64], Floats]]:
    found = []
    some = np.flatnonzero(np.abs(shapes).any(axis=1))
    if len(some):
        cells = Cells(shapes[some])
        for flip, queries in enumerate((cells.rows, mirrored(cells.rows))):
            one, other, cosine = cells.nearest(queries, SHAPES, SAME_SHAPE)
            found.append((_keys(some[one], some[other], np.int64(flip), len(shapes)), cosine))
    return found


def _by_vector(shapes: Floats, vectors: Floats) -> list[tuple[NDArray[np.int64], Floats]]:
    """Propose the nearest by embedding, whose scale is its embedder's own: so by rank, and shapes decide."""
    some = np.flatnonzero(np.isfinite(vectors).all(axis=1))
    if not len(some):
        return []
    rows = vectors[some] - vectors[some].mean(axis=0, dtype=np.float64).astype(np.float32)
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)
    one, other, _ = Cells(rows).nearest(rows, VECTORS, 0.0)
    one, other = some[one], some[other]
    straight = np.einsum("ij,ij->i", shapes[one], shapes[other])
    turned = np.einsum("ij,ij->i", shapes[one], mirrored(shapes[other]))
    near = np.maximum(straight, turned) >= NEAR_SHAPE
    flips = (turned > straight).astype(np.int64)
    return [(_keys(one[near], other[near], flips[near], len(shapes)), np.maximum(straight, turned)[near])]


def _keys(
    one: NDArray[np.intp], other: NDArray[np.intp], flip: NDArray[np.int64] | np.int64, count: int
) -> NDArray[np.int64]:
    return np.asarray((np.minimum(one, other) * count + np.maximum(one, other)) * 2 + flip, np.int64)


def _best(keys: NDArray[np.int64], scores: Floats, count: int) -> NDArray[np.bool_]:
    """Return which of some pairs are among the best of either picture."""
    stays = np.zeros(len(keys), bool)
    for end in np.divmod(keys // 2, count):
        order = np.lexsort((keys, -scores, end))
        starts = np.flatnonzero(np.diff(end[order], prepend=-1))
        rank = np.arange(len(keys)) - np.repeat(starts, np.diff(starts, append=len(keys)))
        stays[order[rank < MOST]] = True
    return stays
