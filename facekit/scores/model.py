"""All scores of a model: what `scores.json` holds and its page shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from facekit.scores.bootstrap import Interval
from facekit.scores.calibration import Calibration
from facekit.scores.classes import ClassScores, Example, Intervals, Summary
from facekit.scores.groups import Groups, GroupScores
from facekit.scores.identification import Identification, Rates
from facekit.scores.weights import WeightsCard

FOLDS_NOTE = (
    "the folds train on mostly the same pictures, so their deviation is not an error of the mean (Bengio and "
    "Grandvalet "
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
    open_set: Rates[float] | None = None
    """Both rates among strangers; None where the fold's model cannot tell any."""


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

    @property
    def open_set(self) -> Rates[Spread] | None:
        """How both rates among strangers vary over the folds; None where a fold's model cannot tell any."""
        rates = [row.open_set for row in self.rows if row.open_set is not None]
        if len(rates) < len(self.rows):
            return None
        return Rates(Spread.of([one.fpir for one in rates]), Spread.of([one.tpir for one in rates]))


@dataclass(frozen=True)
class LeftOut:
    """A face that `clean` left out, with the model's answer."""

    example: Example
    reason: str


@dataclass(frozen=True)
class BeforeCleaning:
    """What the accuracy is on the faces before they were cleaned with the network that is scored."""

    accuracy: float | None = None
    """None where it cannot be said."""
    kept: int = 0
    """Faces that were kept, of which the accuracy is that of the pictures scored."""
    left_out: int = 0
    """Faces that were left out, and were scored."""
    right: int = 0
    """How many of these have the name of their folder by the model."""
    not_scored: int = 0
    """Faces that were left out, and are gone, cannot be read, or are of a photo that the training used."""
    reasons: Mapping[str, int] = field(default_factory=dict)
    """Why the faces that count, scored or not, were left out: reason -> faces."""
    not_counted: Mapping[str, int] = field(default_factory=dict)
    """Why others do not count: reason -> faces, as that of repeats, of which one was kept."""
    why_not: str | None = None
    """Why the accuracy cannot be said."""
    interval: Interval | None = None
    """Of the accuracy, 95%: of photos, not of trainings. None where none was drawn for the faces that were kept."""
    tested: int = 0
    """Pictures on which the accuracy of the faces that were kept was measured."""
    folder: str | None = None
    """The folder that `clean` made, in which `review` decides about the faces left out."""
    faces: Sequence[LeftOut] = ()
    """Faces left out that a page shows: first those that count as mistakes. `scores.json` lacks them."""

    def __str__(self) -> str:
        """Say it in one line."""
        if self.accuracy is None:
            return f"not known: {self.why_not}"
        return (
            f"at least {self.accuracy:.4f}, an estimate: the faces that were kept ({self.kept:,}) count with the "
            f"accuracy of those tested; of the {self.which}, the model names {self.right:,} as their folder does, and "
            f"the other {self.mistakes:,} count as mistakes, also those that show somebody else"
        )

    @property
    def mistakes(self) -> int:
        """How many of the faces left out count as mistakes; those that show somebody else are none of the model's."""
        return self.left_out - self.right

    @property
    def made_of(self) -> str:
        """Say in one line which faces the accuracy is made of: the numbers give it."""
        if self.accuracy is None:
            return ""
        every = self.kept + self.left_out
        right = f"{round(self.accuracy * every, 1):,.1f}".removesuffix(".0")
        return (
            f"{right} of {every:,} faces: {self.kept:,} kept, at the accuracy of the {self.tested:,} tested, "
            f"and {self.right:,} of {self.left_out:,} left out"
        )

    @property
    def which(self) -> str:
        """The faces left out that were scored, and what became of the rest: the numbers of `clean` add up to both."""
        parts = [_listed(self.reasons)] if self.reasons else []
        parts += [f"not counted: {_listed(self.not_counted)}"] if self.not_counted else []
        parts += [f"not scored: {self.not_scored:,}"] if self.not_scored else []
        told = f" ({'; '.join(parts)})" if parts else ""
        return f"{self.left_out:,} {'face' if self.left_out == 1 else 'faces'} left out that count{told}"


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {reason}" for reason, count in counts.items())


@dataclass(frozen=True)
class Compared:
    """How the pictures were compared with those that the training used."""

    said: str
    """In words, by what."""
    left_out: bool
    """Whether those that the training used are left out of the scores."""
    used: Mapping[str, int]
    """How it is known -> pictures that the training used."""
    looked_at: int
    """Photos of the training that were compared by appearance."""
    unseen: int
    """Photos of the training that are gone or have changed."""
    cannot_see: str | None = None
    """What a comparison by appearance does not find; None where there was none."""


@dataclass(frozen=True)
class Unread:
    """A picture that could not be scored."""

    path: str
    reason: str


TITLES = {
    "identity": "Face Recognition Accuracy Score (FRAS)",
    "expression": "Facial Expression Recognition Accuracy",
    "gender": "Gender Recognition Accuracy",
}
"""What the accuracy of a target is called, by the names that the project which first scored models so gave."""


@dataclass(frozen=True)
class TargetScores:
    """What a model of several targets is worth for one of them."""

    name: str
    classes: ClassScores
    intervals: Intervals | None
    calibration: Calibration
    without: int = 0
    """Pictures without a label for it."""

    @property
    def title(self) -> str:
        """What its accuracy is called."""
        return TITLES.get(self.name, f"{self.name[:1].upper()}{self.name[1:]} Recognition Accuracy")


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
    identification: Identification | None = None
    """Scores among strangers; None where the model cannot tell any."""
    weights: WeightsCard | None = None
    """What the model knew before it was trained."""
    before_cleaning: BeforeCleaning | None = None
    """None where the faces were not cleaned with the network that is scored."""
    compared: Compared | None = None
    """None where it was asked for pictures that the training used, and for folds."""
    unread: tuple[Unread, ...] = ()
    """Which of the pictures that were left out could not be read."""
    targets: tuple[TargetScores, ...] = ()
    """The scores of each target, the first one's again; nothing of a model of identity alone."""
