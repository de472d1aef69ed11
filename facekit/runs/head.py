"""A linear head, from embeddings to the probabilities of names. Stored as plain arrays, so loading runs no code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facekit.base import plugins
from facekit.runs.arrays import read_arrays, write_arrays
from facekit.scores.recalibration import softmax

Numbers = NDArray[np.float32]

STRENGTHS = (1.0, 10.0, 100.0, 1000.0)
"""Inverses of the regularisation that are tried, strictest first; the validation part decides among them."""

DEFAULT_STRENGTH = 100.0
"""Used where there is no validation part."""

_STEPS = 2000


@dataclass(frozen=True)
class Head:
    """`weights`, shape (dimensions, names), and `bias`, shape (names,): their softmax is the probabilities.

    Of several targets, the names of each stand one after another, and `sizes` says how many each has.
    """

    weights: Numbers
    bias: Numbers
    sizes: tuple[int, ...] = ()
    """Names of each target; empty where there is one."""

    def probabilities(self, vectors: Numbers) -> Numbers:
        """Return the probability of each name for embeddings, shape (n, names); NaN where an embedding is."""
        with np.errstate(over="ignore", invalid="ignore"):  # the classifier refuses answers that are not finite
            scores = vectors @ self.weights + self.bias
            shares = [softmax(part) for part in parted(scores, self.sizes)]
            return np.concatenate(shares, axis=1).astype(np.float32, copy=False)

    def only(self, place: int) -> Head:
        """Return the head of one of its targets alone."""
        ends = np.cumsum((0, *self.sizes)).tolist()
        own = slice(ends[place], ends[place + 1])
        return Head(self.weights[:, own], self.bias[own])

    def write(self, file: Path) -> None:
        """Write the head, whole or not at all. Raises FacekitError where the disk is full."""
        write_arrays(file, {"weights": self.weights, "bias": self.bias})

    @classmethod
    def read(cls, file: Path, dimensions: int, names: int | Sequence[int]) -> Head:
        """Read what `write` wrote, a head for so many dimensions and names, or names of each target.

        Nothing larger than such a head is allocated. Raises FacekitError for a file that is gone, is not a head or
        is one of another shape, and for numbers that are not finite.
        """
        sizes = () if isinstance(names, int) else tuple(names)
        count = names if isinstance(names, int) else sum(names)
        shapes = {"weights": ("<f4", (dimensions, count)), "bias": ("<f4", (count,))}
        return cls(**read_arrays(file, shapes, "a head"), sizes=sizes)

    @classmethod
    def side_by_side(cls, heads: Sequence[Head]) -> Head:
        """Return one head that answers what several answer of the same embeddings, those of the first one first."""
        weights = np.concatenate([head.weights for head in heads], axis=1)
        return cls(weights, np.concatenate([head.bias for head in heads]), tuple(len(head.bias) for head in heads))


def parted(rows: Numbers, sizes: Sequence[int]) -> list[Numbers]:
    """Return the columns of each target, of rows that have those of all targets one after another."""
    return np.split(rows, np.cumsum(sizes)[:-1], axis=1) if len(sizes) > 1 else [rows]


@dataclass(frozen=True)
class Known:
    """Embeddings, shape (n, dimensions), the numbers of their names, and the weight of each (None: all the same)."""

    vectors: Numbers
    classes: NDArray[np.int64]
    weights: Sequence[float] | None = None


def fit(train: Known, validation: Known, names: int) -> Head:
    """Return the head that fits the training part, with the strength that suits the validation part best."""
    if not len(validation.classes):
        return _fit(train, names, DEFAULT_STRENGTH)
    return min((_fit(train, names, strength) for strength in STRENGTHS), key=lambda head: _loss(head, validation))


def accuracy(head: Head, known: Known) -> float:
    """Return the share of embeddings whose likeliest name is the right one."""
    return float(np.mean(head.probabilities(known.vectors).argmax(axis=1) == known.classes))


def _fit(known: Known, names: int, strength: float) -> Head:
    linear = plugins.need("sklearn.linear_model", "a linear head")
    model = linear.LogisticRegression(C=strength, max_iter=_STEPS)
    model.fit(known.vectors, known.classes, sample_weight=known.weights)
    weights, bias = model.coef_.T, model.intercept_
    if names == 2:  # of two names scikit-learn has the scores of the second alone
        weights, bias = np.concatenate([0 * weights, weights], axis=1), np.concatenate([0 * bias, bias])
    return Head(np.asarray(weights, np.float32), np.asarray(bias, np.float32))


def _loss(head: Head, known: Known) -> float:
    shares = head.probabilities(known.vectors)[np.arange(len(known.classes)), known.classes]
    return float(-np.log(np.maximum(shares, 1e-12)).mean())
