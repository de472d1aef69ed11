"""How good predictions are: pure functions from arrays to plain numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics

from facekit.scores.bootstrap import SHARE, Weights, interval

Classes = NDArray[np.integer[Any]]
"""Numbers of labels, shape (n,)."""

Probabilities = NDArray[np.floating[Any]]
"""Shape (n, labels)."""

TOP = 5
"""Among how many of the likeliest labels a true one is looked for, beside the first."""


@dataclass(frozen=True)
class Answers:
    """What was answered: the numbers of the true and of the given labels, shape (n,) each."""

    truth: Classes
    found: Classes

    @classmethod
    def of(cls, truth: Classes, probabilities: Probabilities) -> Answers:
        """Return the likeliest labels as the answers."""
        return cls(truth, probabilities.argmax(axis=1))

    def where(self, which: NDArray[np.bool_]) -> Answers:
        """Return some of them."""
        return Answers(self.truth[which], self.found[which])

    def summary(self, weights: Weights | None = None) -> dict[str, float]:
        """Return accuracy, balanced accuracy (mean recall of the labels that have pictures) and their mean F1.

        `weights` says how often each picture counts; nan where none does. Counted, not looped over labels: a
        bootstrap asks a thousand times.
        """
        right = self.truth == self.found
        count = np.ones(len(right)) if weights is None else weights.astype(np.float64)
        if not count.any():
            return dict.fromkeys(("accuracy", "balanced_accuracy", "macro_f1"), nan)
        size = int(max(self.truth.max(), self.found.max())) + 1
        hits = np.bincount(self.truth, count * right, size)
        true = np.bincount(self.truth, count, size)
        given = np.bincount(self.found, count, size)
        there = true > 0
        return {
            "accuracy": float(hits.sum() / count.sum()),
            "balanced_accuracy": float((hits[there] / true[there]).mean()),
            "macro_f1": float((2 * hits[there] / (true + given)[there]).mean()),
        }


@dataclass(frozen=True)
class Mistake:
    """A picture that the model named wrongly, and how sure it was."""

    file: Path
    true: str
    predicted: str
    confidence: float


def bounds(
    drawn: Mapping[str, NDArray[np.float64]], summary: Mapping[str, float], units: int
) -> dict[str, list[float] | None]:
    """Return the 95% interval of each score, from its values in all resamples; None where it has none.

    A resample lacks some pictures of a label and repeats others, which moves a mean over labels though nothing
    is worse: so for these the resamples' spread is laid around the score itself.

    Where every answer is right, no resample holds a wrong one, and the spread that it shows is none. The bound
    is then that of Clopper and Pearson for the share of units: of 100 right ones, .964 and more.
    """
    if not drawn:
        return {}
    if summary["accuracy"] == 1:
        return {name: [float(((1 - SHARE) / 2) ** (1 / units)), 1.0] for name in drawn}
    moved = {name: 0.0 if name == "accuracy" else summary[name] - np.nanmean(drawn[name]) for name in drawn}
    found = {name: interval(values + moved[name]) for name, values in drawn.items() if np.isfinite(values).any()}
    return {name: [max(found[name][0], 0.0), min(found[name][1], 1.0)] if name in found else None for name in drawn}


def accuracy(truth: Classes, probabilities: Probabilities) -> float:
    """Return the share of pictures whose likeliest label is the true one."""
    return float(np.mean(probabilities.argmax(axis=1) == truth))


def top_k(truth: Classes, probabilities: Probabilities, k: int = TOP) -> float:
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
        "balanced_accuracy": Answers(truth, found).summary()["balanced_accuracy"],
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
