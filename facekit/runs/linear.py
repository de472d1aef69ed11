"""A linear head: vectors to the probabilities of names. Kept as plain arrays, which run no code when they are read."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facekit.base import plugins
from facekit.base.contract import FacekitError
from facekit.base.files import guarded, replace_file

Numbers = NDArray[np.float32]

STRENGTHS = (1.0, 10.0, 100.0, 1000.0)
"""How freely a head may fit its training vectors, strictest first: the validation part decides among them."""

UNHELD = 100.0
"""The one that is taken where there is no validation part."""

_STEPS = 2000


@dataclass(frozen=True)
class Head:
    """`weights`, shape (dimensions, names), and `bias`, shape (names,): their softmax is the probabilities."""

    weights: Numbers
    bias: Numbers

    def probabilities(self, vectors: Numbers) -> Numbers:
        """Return the probability of each name for vectors, shape (n, names); NaN where a vector is."""
        scores = vectors @ self.weights + self.bias
        scores = np.exp(scores - scores.max(axis=1, keepdims=True, initial=-np.inf))
        return np.asarray(scores / scores.sum(axis=1, keepdims=True), np.float32)

    def write(self, file: Path) -> None:
        """Write the head, whole or not at all. Raises FacekitError where the disk is full."""
        data = io.BytesIO()
        np.savez(data, weights=self.weights, bias=self.bias)
        with guarded(file):
            replace_file(file, data.getvalue())

    @classmethod
    def read(cls, file: Path) -> Head:
        """Read what `write` wrote. Raises FacekitError for a file that is gone or is none."""
        if not file.is_file():
            raise FacekitError(f"{file} is gone; train again with --overwrite")
        try:
            with zipfile.ZipFile(file):  # NumPy would take other files for other things
                arrays = np.load(file, allow_pickle=False)
            return cls(np.asarray(arrays["weights"], np.float32), np.asarray(arrays["bias"], np.float32))
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise FacekitError(
                f"{file} is not a head that facekit wrote ({error}); train again with --overwrite"
            ) from error


@dataclass(frozen=True)
class Known:
    """Vectors, shape (n, dimensions), the numbers of their names, and how much each counts (None: all the same)."""

    vectors: Numbers
    classes: NDArray[np.int64]
    weights: Sequence[float] | None = None


def fit(train: Known, held: Known, names: int) -> Head:
    """Return the head that fits the training vectors best, as freely as the held ones bear it."""
    if not len(held.classes):
        return _fit(train, names, UNHELD)
    return min((_fit(train, names, strength) for strength in STRENGTHS), key=lambda head: _loss(head, held))


def accuracy(head: Head, known: Known) -> float:
    """Return the share of vectors whose likeliest name is theirs."""
    return float(np.mean(head.probabilities(known.vectors).argmax(axis=1) == known.classes))


def _fit(known: Known, names: int, strength: float) -> Head:
    linear = plugins.need("sklearn.linear_model", "a linear head")
    model = linear.LogisticRegression(C=strength, max_iter=_STEPS)
    model.fit(known.vectors, known.classes, sample_weight=known.weights)
    weights, bias = model.coef_.T, model.intercept_
    if names == 2:  # of two names scikit-learn scores the second alone
        weights, bias = np.concatenate([0 * weights, weights], axis=1), np.concatenate([0 * bias, bias])
    return Head(np.asarray(weights, np.float32), np.asarray(bias, np.float32))


def _loss(head: Head, held: Known) -> float:
    shares = head.probabilities(held.vectors)[np.arange(len(held.classes)), held.classes]
    return float(-np.log(np.maximum(shares, 1e-12)).mean())
