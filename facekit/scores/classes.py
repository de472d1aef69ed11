"""How good predictions are: pure functions from arrays to plain numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics

Classes = NDArray[np.integer[Any]]
"""Numbers of labels, shape (n,)."""

Probabilities = NDArray[np.floating[Any]]
"""Shape (n, labels)."""


def accuracy(truth: Classes, probabilities: Probabilities) -> float:
    """Return the share of pictures whose likeliest label is the true one."""
    return float(np.mean(probabilities.argmax(axis=1) == truth))


def top_k(truth: Classes, probabilities: Probabilities, k: int = 5) -> float:
    """Return the share of pictures whose true label is among the k likeliest."""
    likeliest = np.argsort(-probabilities, axis=1, kind="stable")[:, :k]
    return float(np.mean((likeliest == truth[:, None]).any(axis=1)))


def score(truth: Classes, probabilities: Probabilities, labels: Sequence[str]) -> dict[str, Any]:
    """Return every score of a classifier as plain values for JSON.

    `macro` and `weighted` are means over the labels that have pictures: a folder to be scored need not hold
    them all. `confusion[i][j]` counts pictures of `labels[i]` that were taken for `labels[j]`.
    """
    found = probabilities.argmax(axis=1)
    present = sorted(set(truth.tolist()))
    confusion = metrics.confusion_matrix(truth, found, labels=range(len(labels)))
    return {
        "pictures": len(truth),
        "accuracy": accuracy(truth, probabilities),
        "top5": top_k(truth, probabilities),
        "macro": _averaged(truth, found, present, "macro"),
        "weighted": _averaged(truth, found, present, "weighted"),
        "by_class": _by_class(truth, found, present, labels),
        "labels": list(labels),
        "confusion": confusion.tolist(),
        "confused": most_confused(confusion, labels),
    }


def most_confused(confusion: NDArray[np.integer[Any]], labels: Sequence[str], most: int = 10) -> list[dict[str, Any]]:
    """Return the pairs of labels that are taken for one another most often, most frequent first."""
    wrong = np.array(confusion)
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:most]
    pairs = [divmod(int(place), len(labels)) for place in order]
    return [
        {"label": labels[i], "taken_for": labels[j], "pictures": int(wrong[i, j]), "of": int(confusion[i].sum())}
        for i, j in pairs
        if wrong[i, j]
    ]


def _averaged(truth: Classes, found: Classes, present: list[int], average: str) -> dict[str, float]:
    values = metrics.precision_recall_fscore_support(truth, found, labels=present, average=average, zero_division=0)
    return {name: float(value) for name, value in zip(("precision", "recall", "f1"), values, strict=False)}


def _by_class(truth: Classes, found: Classes, present: list[int], labels: Sequence[str]) -> list[dict[str, Any]]:
    table = metrics.precision_recall_fscore_support(truth, found, labels=present, zero_division=0)
    return [
        {"label": labels[number], "pictures": int(n), "precision": float(p), "recall": float(r), "f1": float(f)}
        for number, p, r, f, n in zip(present, *table, strict=True)
    ]
