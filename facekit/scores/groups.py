"""Scores by group of people, and the gap between the best and the worst, from one set of resamples."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from facekit.scores.bootstrap import Interval, Weights, interval, rounds_of
from facekit.scores.classes import Answers, Intervals, Summary, bounds

LEAST = 10
"""Units that a group must have to be compared: of fewer, chance alone makes the best and the worst."""


@dataclass(frozen=True)
class GroupScores:
    """The scores of some of the pictures."""

    name: str
    pictures: int
    units: int
    """How many photos, or people, these are: what resamples draw."""
    labels: int
    """How many true labels they have."""
    scores: Summary[float]
    intervals: Intervals | None
    """None where there are no resamples."""
    people: int | None = None
    """How many people they show; None where not every picture's person is known."""


@dataclass(frozen=True)
class Gap:
    """The best and the worst group that have enough units to be compared."""

    of: int
    """How many groups have."""
    best: GroupScores
    worst: GroupScores
    interval: Interval | None
    """The 95% interval of the difference; None without resamples."""

    @property
    def gap(self) -> float:
        """The difference of the two accuracies."""
        return self.best.scores.accuracy - self.worst.scores.accuracy

    @property
    def chance(self) -> bool:
        """Whether the interval holds 0."""
        return self.interval is not None and self.interval.low <= 0


@dataclass(frozen=True)
class Groups:
    """Scores by the values of one column."""

    by: str
    values: tuple[GroupScores, ...]
    """Worst first."""
    unknown: int
    """Pictures without a value."""
    gap: Gap | None
    """None where fewer than two groups have enough units."""


@dataclass(frozen=True)
class Sample:
    """Answers to pictures, what each picture is resampled with, and how often to resample."""

    answers: Answers
    units: Sequence[Hashable]
    rounds: int
    seed: int


def by_value(sample: Sample, by: str, values: Sequence[str | None], people: Sequence[Hashable | None]) -> Groups:
    """Return the scores of each value's pictures, and the gap. `people` says who is on each picture, where known."""
    known = np.array([value or "" for value in values])
    kinds = {str(name): known == name for name in np.unique(known[known != ""])}
    rows, accuracies = _rows(sample, kinds)
    rows = [replace(row, people=_people(people, kinds[row.name])) for row in rows]
    rows.sort(key=lambda row: (row.scores.accuracy, row.name))
    return Groups(by, tuple(rows), int((known == "").sum()), _gap(rows, accuracies))


def apart(sample: Sample, kinds: Mapping[str, NDArray[np.bool_]]) -> tuple[GroupScores, ...]:
    """Return the scores of each kind of pictures that there are, in order."""
    return tuple(_rows(sample, {name: which for name, which in kinds.items() if which.any()})[0])


Accuracies = Mapping[str, NDArray[np.float64]]
"""Group -> its accuracy in each resample."""


def _rows(sample: Sample, kinds: Mapping[str, NDArray[np.bool_]]) -> tuple[list[GroupScores], Accuracies]:
    parts = [(which, sample.answers.where(which)) for which in kinds.values()]

    def statistic(weights: Weights) -> list[float]:
        return [rate for which, part in parts for rate in part.rates(weights[which])]

    drawn = rounds_of(statistic, sample.units, sample.rounds, sample.seed).reshape(sample.rounds, len(parts), 3)
    rows = []
    for place, (name, (which, part)) in enumerate(zip(kinds, parts, strict=True)):
        own = {unit for unit, inside in zip(sample.units, which, strict=True) if inside}
        summary, labels = part.summary(), len(set(part.truth.tolist()))
        intervals = bounds(drawn[:, place], summary, len(own))
        rows.append(GroupScores(name, int(which.sum()), len(own), labels, summary, intervals))
    return rows, {name: drawn[:, place, 0] for place, name in enumerate(kinds)}


def _people(people: Sequence[Hashable | None], which: NDArray[np.bool_]) -> int | None:
    there = {person for person, inside in zip(people, which, strict=True) if inside}
    return None if None in there else len(there)


def _gap(rows: Sequence[GroupScores], accuracies: Accuracies) -> Gap | None:
    able = [row for row in rows if row.units >= LEAST]
    if len(able) < 2:
        return None
    worst = min(able, key=lambda row: (row.scores.accuracy, -row.units))  # of equals the one of most units
    best = max((row for row in able if row is not worst), key=lambda row: (row.scores.accuracy, row.units))
    between = interval(accuracies[best.name] - accuracies[worst.name])
    if between is not None and best.scores.accuracy == 1:
        between = Interval(min(between.low, _least(worst, best)), between.high)
    return Gap(len(able), best, worst, between)


def _least(worst: GroupScores, best: GroupScores) -> float:
    """Return the lower end of the gap from both groups' own intervals (Newcombe 1998).

    For a best group with every answer right: no resample shows that more of its pictures might not be.
    """
    low = _accuracy(best).low - best.scores.accuracy
    high = _accuracy(worst).high - worst.scores.accuracy
    return float(best.scores.accuracy - worst.scores.accuracy - np.hypot(low, high))


def _accuracy(row: GroupScores) -> Interval:
    interval = row.intervals and row.intervals.accuracy
    return interval or Interval(row.scores.accuracy, row.scores.accuracy)
