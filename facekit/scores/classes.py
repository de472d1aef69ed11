"""How good predictions of labels are: pure functions from arrays to typed results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from facekit.scores.bootstrap import SHARE, Interval, Weights, interval

T = TypeVar("T")

Classes = NDArray[np.int64]
"""Numbers of labels, shape (n,)."""

Probabilities = NDArray[np.floating[Any]]
"""Shape (n, labels)."""

TOP = 5
"""Among how many of the likeliest labels a true one is looked for, in addition to the first alone."""


@dataclass(frozen=True)
class Summary(Generic[T]):
    """The three scores that have intervals: T is float for the scores, `Interval | None` for these."""

    accuracy: T
    balanced_accuracy: T
    """Mean recall of the labels that have pictures."""
    macro_f1: T
    """Mean F1 of the labels that have pictures."""


Intervals = Summary[Interval | None]
"""The 95% interval of each score; None for one that no resample has."""


@dataclass(frozen=True)
class Average:
    """Precision, recall and F1, averaged over the labels that have pictures."""

    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class ClassScore:
    """How well one label is recognised."""

    label: str
    pictures: int
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class Confused:
    """A label whose pictures are taken for another: how many, of how many."""

    label: str
    taken_for: str
    pictures: int
    of: int


@dataclass(frozen=True)
class ClassScores:
    """Every score of a classifier.

    Means are over the labels that have pictures: a folder to be scored need not hold them all.
    """

    pictures: int
    accuracy: float
    balanced_accuracy: float
    top5: float
    macro: Average
    weighted: Average
    by_class: tuple[ClassScore, ...]
    labels: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]
    """`confusion[i][j]` counts pictures of `labels[i]` that were taken for `labels[j]`."""
    confused: tuple[Confused, ...]
    """The pairs that are taken for one another most often, most frequent first."""

    @property
    def wrong(self) -> int:
        """How many pictures were taken for another label."""
        return sum(map(sum, self.confusion)) - sum(row[place] for place, row in enumerate(self.confusion))


@dataclass(frozen=True)
class Example:
    """A picture that a model named, for a person to look at."""

    file: Path
    true: int
    """The place of its label among the model's."""
    predicted: int
    confidence: float
    photo: Path | None = None
    """The photo that it was cut from, if it still exists."""
    nearest: Path | None = None
    """The training face that it is nearest to, where that is known."""

    @property
    def wrong(self) -> bool:
        """Whether it was taken for somebody else."""
        return self.true != self.predicted


@dataclass(frozen=True)
class Answers:
    """The numbers of the true and of the predicted labels, shape (n,) each."""

    truth: Classes
    predicted: Classes

    @classmethod
    def of(cls, truth: Classes, probabilities: Probabilities) -> Answers:
        """Return the likeliest labels as the answers."""
        return cls(truth, probabilities.argmax(axis=1))

    def where(self, which: NDArray[np.bool_]) -> Answers:
        """Return some of them."""
        return Answers(self.truth[which], self.predicted[which])

    def summary(self) -> Summary[float]:
        """Return accuracy, balanced accuracy and mean F1; NaN where there is no answer."""
        return Summary(*self.rates())

    def rates(self, weights: Weights | None = None) -> tuple[float, float, float]:
        """Return the scores of a `Summary`, in its order, where each answer counts as often as `weights` says.

        Counted, not looped over labels: a bootstrap asks a thousand times.
        """
        right = self.truth == self.predicted
        count = np.ones(len(right)) if weights is None else weights.astype(np.float64)
        if not count.any():
            return nan, nan, nan
        size = int(max(self.truth.max(), self.predicted.max())) + 1
        hits = np.bincount(self.truth, count * right, size)
        true = np.bincount(self.truth, count, size)
        given = np.bincount(self.predicted, count, size)
        there = true > 0
        return (
            float(hits.sum() / count.sum()),
            float((hits[there] / true[there]).mean()),
            float((2 * hits[there] / (true + given)[there]).mean()),
        )


def bounds(drawn: NDArray[np.float64], summary: Summary[float], units: int) -> Intervals | None:
    """Return the 95% interval of each score from its values in all resamples, shape (rounds, 3); None without rounds.

    A resample lacks some pictures of a label and repeats others, which moves a mean over labels though nothing
    is worse: so for these the resamples' spread is laid around the score itself.

    Where every answer is right, no resample holds a wrong one, and its spread is nothing. The interval is then
    that of Clopper and Pearson for the share of units: of 100 right ones, .964 and more.
    """
    if not len(drawn):
        return None
    if summary.accuracy == 1:
        exact = Interval(float(((1 - SHARE) / 2) ** (1 / units)), 1.0)
        return Summary(exact, exact, exact)
    return Summary(
        interval(drawn[:, 0]), _around(summary.balanced_accuracy, drawn[:, 1]), _around(summary.macro_f1, drawn[:, 2])
    )


def _around(score: float, drawn: NDArray[np.float64]) -> Interval | None:
    if not np.isfinite(drawn).any():
        return None
    spread = interval(drawn + (score - np.nanmean(drawn)))
    return spread and Interval(max(spread.low, 0.0), min(spread.high, 1.0))


def score(truth: Classes, probabilities: Probabilities, labels: Sequence[str]) -> ClassScores:
    """Return every score of a classifier: true labels, shape (n,), and probabilities, shape (n, labels)."""
    answers = Answers.of(truth, probabilities)
    present = sorted(set(truth.tolist()))
    confusion = _metrics().confusion_matrix(truth, answers.predicted, labels=range(len(labels)))
    summary = answers.summary()
    return ClassScores(
        pictures=len(truth),
        accuracy=summary.accuracy,
        balanced_accuracy=summary.balanced_accuracy,
        top5=top_k(truth, probabilities),
        macro=_averaged(answers, present, "macro"),
        weighted=_averaged(answers, present, "weighted"),
        by_class=_by_class(answers, present, labels),
        labels=tuple(labels),
        confusion=tuple(map(tuple, confusion.tolist())),
        confused=_most_confused(confusion, labels),
    )


def top_k(truth: Classes, probabilities: Probabilities, k: int = TOP) -> float:
    """Return the share of pictures whose true label is among the k likeliest."""
    likeliest = np.argsort(-probabilities, axis=1, kind="stable")[:, :k]
    return float(np.mean((likeliest == truth[:, None]).any(axis=1)))


def _metrics() -> Any:
    # Not at the top: it takes a second to import, and who names faces needs the intervals of this package alone.
    from sklearn import metrics

    return metrics


def _most_confused(confusion: Classes, labels: Sequence[str], most: int = 10) -> tuple[Confused, ...]:
    wrong = np.array(confusion)
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:most]
    pairs = [divmod(int(place), len(labels)) for place in order]
    return tuple(
        Confused(labels[i], labels[j], int(wrong[i, j]), int(confusion[i].sum())) for i, j in pairs if wrong[i, j]
    )


def _averaged(answers: Answers, present: list[int], average: str) -> Average:
    precision, recall, f1, _ = _metrics().precision_recall_fscore_support(
        answers.truth, answers.predicted, labels=present, average=average, zero_division=0
    )
    return Average(float(precision), float(recall), float(f1))


def _by_class(answers: Answers, present: list[int], labels: Sequence[str]) -> tuple[ClassScore, ...]:
    table = _metrics().precision_recall_fscore_support(
        answers.truth, answers.predicted, labels=present, zero_division=0
    )
    return tuple(
        ClassScore(labels[number], int(n), float(precision), float(recall), float(f1))
        for number, precision, recall, f1, n in zip(present, *table, strict=True)
    )
