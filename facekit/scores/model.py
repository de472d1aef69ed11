"""All scores of a model: what `scores.json` holds and its page shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from facekit.scores.calibration import Calibration
from facekit.scores.classes import ClassScores, Intervals, Summary
from facekit.scores.groups import Groups, GroupScores

FOLDS_NOTE = (
    "the folds train on much the same pictures, so their deviation is no error of the mean (Bengio and Grandvalet "
    "2004); the interval is of the answers of all folds together"
)


@dataclass(frozen=True)
class Resampled:
    """What the intervals are drawn from: how often, how many units, and what these are."""

    rounds: int
    units: int
    what: Literal["photos", "people"]


@dataclass(frozen=True)
class FoldScores:
    """One fold of a cross-validation: its number from 1, its parts, and its scores."""

    fold: int
    pictures: int
    """Pictures scored: those of `test` that can be read."""
    train: int
    validation: int
    test: int
    scores: Summary[float]


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation, that of a sample, over folds."""

    mean: float
    deviation: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Return those of two values or more."""
        return cls(float(np.mean(values)), float(np.std(values, ddof=1)))


@dataclass(frozen=True)
class Folds:
    """The folds of a cross-validation, in order."""

    rows: tuple[FoldScores, ...]

    @property
    def spread(self) -> Summary[Spread]:
        """How each score varies over the folds."""
        scores = [row.scores for row in self.rows]
        return Summary(
            Spread.of([one.accuracy for one in scores]),
            Spread.of([one.balanced_accuracy for one in scores]),
            Spread.of([one.macro_f1 for one in scores]),
        )


@dataclass(frozen=True)
class Unread:
    """A picture that could not be scored."""

    path: str
    reason: str


@dataclass(frozen=True)
class ModelScores:
    """What a trained model is worth on some pictures."""

    run: str
    data: str
    scored: str
    """What was scored, in words."""
    protocol: str
    banners: tuple[str, ...]
    """Warnings that belong to the scores."""
    left: Mapping[str, int]
    """Reason -> pictures left out."""
    classes: ClassScores
    intervals: Intervals | None
    """None where there are no resamples."""
    resampled: Resampled
    calibration: Calibration
    apart: tuple[GroupScores, ...] = ()
    """Photos as found and their copies and children, where there are both."""
    groups: Groups | None = None
    folds: Folds | None = None
    unread: tuple[Unread, ...] = ()
    """Which of the pictures that were left out could not be read."""
