"""A linear head: embeddings to the probabilities of names. Kept as plain arrays, whose reading runs no code."""

from __future__ import annotations

import io
import tokenize
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from facekit.base import plugins
from facekit.base.contract import FacekitError
from facekit.base.files import guarded, read_bytes, replace_file
from facekit.runs.run import MODEL, held

Numbers = NDArray[np.float32]

STRENGTHS = (1.0, 10.0, 100.0, 1000.0)
"""Inverses of the regularisation that are tried, strictest first; the validation part decides among them."""

DEFAULT_STRENGTH = 100.0
"""Used where there is no validation part."""

_STEPS = 2000

_OVERHEAD = 1 << 16
"""Most bytes of a `head.npz` that are not its numbers."""


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
        data = io.BytesIO()
        np.savez(data, weights=self.weights, bias=self.bias)
        with guarded(file):
            replace_file(file, data.getvalue())

    @classmethod
    def read(cls, file: Path, dimensions: int, names: int) -> Head:
        """Read what `write` wrote, a head for so many dimensions and names.

        Nothing larger than such a head is allocated. Raises FacekitError for a file that is gone, is not a head or
        is one of another shape, and for numbers that are not finite.
        """
        data = read_bytes(held(file), 4 * names * (dimensions + 1) + _OVERHEAD)
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as arrays:
                head = cls(_read(arrays, "weights", (dimensions, names)), _read(arrays, "bias", (names,)))
        except _OtherShape:
            raise FacekitError(f"{file} does not fit its {MODEL}; train again with --overwrite") from None
        except _GARBLED as error:
            raise FacekitError(
                f"{file} is not a head that facekit wrote ({error}); train again with --overwrite"
            ) from error
        if not (np.isfinite(head.weights).all() and np.isfinite(head.bias).all()):
            raise FacekitError(f"{file} holds numbers that are not finite; train again with --overwrite")
        return head


_GARBLED = (
    *(OSError, ValueError, KeyError, EOFError, NotImplementedError, zipfile.BadZipFile),
    *(SyntaxError, tokenize.TokenError, RecursionError, MemoryError),
)
"""What `zipfile` raises for bytes that only begin like an archive, and NumPy for a header that is no literal."""


class _OtherShape(Exception):
    """An array has another shape than `model.json` asks for."""


def _read(arrays: zipfile.ZipFile, name: str, shape: tuple[int, ...]) -> Numbers:
    """Return one array of a head, uncompressed and of that shape. Raises ValueError, or `_OtherShape`."""
    entry = arrays.getinfo(f"{name}.npy")
    if entry.compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"{name} is compressed")
    with arrays.open(entry) as file:
        if npy.read_magic(file) != (1, 0):
            raise ValueError(f"{name} is of another version of NumPy's format")
        actual, by_columns, kind = npy.read_array_header_1_0(file)
        if kind != np.dtype("<f4"):
            raise ValueError(f"{name} is of type {kind}")
        if actual != shape:
            raise _OtherShape
        data = file.read(4 * int(np.prod(shape)))
    return np.frombuffer(data, "<f4").reshape(shape, order="F" if by_columns else "C")


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
