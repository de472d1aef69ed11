"""A linear head, from embeddings to the probabilities of names. Stored as plain arrays, so loading runs no code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facekit.base import plugins
from facekit.runs.arrays import read_arrays, write_arrays

Numbers = NDArray[np.float32]

STRENGTHS = (1.0, 10.0, 100.0, 1000.0)
"""Inverses of the regularisation that are tried, strictest first; the validation part decides among them."""

DEFAULT_STRENGTH = 100.0
"""Used where there is no validation part."""

_STEPS = 2000


@dataclass(frozen=True)
class Head:
    """`weights`, shape (dimensions, names), and `bias`, shape (names,): their softmax is the probabilities."""

    weights: Numbers
    bias: Numbers

    def probabilities(self, vectors: Numbers) -> Numbers:
        """Return the probability of each name for embeddings, shape (n, names); NaN where an embedding is."""
        with np.errstate(over="ignore", invalid="ignore"):  # the classifier refuses answers that are not finite
            scores = vectors @ self.weights + self.bias
            scores = np.exp(scores - scores.max(axis=1, keepdims=True, initial=-np.inf))
            return np.asarray(scores / scores.sum(axis=1, keepdims=True), np.float32)

    def write(self, file: Path) -> None:
        """Write the head, whole or not at all. Raises FacekitError where the disk is full."""
        write_arrays(file, {"weights": self.weights, "bias": self.bias})

    @classmethod
    def read(cls, file: Path, dimensions: int, names: int) -> Head:
        """Read what `write` wrote, a head for so many dimensions and names.

        Nothing larger than such a head is allocated. Raises FacekitError for a file that is gone, is not a head or
        is one of another shape, and for numbers that are not finite.
        """
        shapes = {"weights": ("<f4", (dimensions, names)), "bias": ("<f4", (names,))}
        return cls(**read_arrays(file, shapes, "a head"))


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
