"""All scores of an embedder on a list of pairs, each with its interval: what `scores.json` holds and its page shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isnan

import numpy as np
from numpy.typing import NDArray

from facekit.scores import verification
from facekit.scores.beside import Beside
from facekit.scores.bootstrap import Interval, interval, rounds_of
from facekit.scores.model import Unread
from facekit.scores.verification import Distances, FoldScores, Measures, Rates, Rejecting, Same, Weights
from facekit.scores.weights import WeightsCard

People = NDArray[np.int64]
"""Numbers of people, shape (n,)."""


@dataclass(frozen=True)
class Pairs:
    """Pairs that were compared: distances, kinds, who is on either photo, and the part of the list."""

    far: Distances
    same: Same
    first: People
    second: People
    people: int
    """How many people there are: `first` and `second` are below."""
    folds: NDArray[np.int64]
    lost: Same
    """Which of the pairs that could not be compared show one person, shape (left out,)."""


@dataclass(frozen=True)
class Point:
    """A threshold, and where it comes from."""

    threshold: float
    origin: str


@dataclass(frozen=True)
class Group:
    """Some of the pairs: which, shape (n,)."""

    name: str
    which: NDArray[np.bool_]
    mixed: bool
    """Whether its pairs are of two groups: there is no person to be found among them."""


@dataclass(frozen=True)
class PointScores:
    """The rates at a threshold."""

    point: Point
    rates: Rates[float]
    intervals: Rates[Interval | None]
    rejecting: Rejecting


@dataclass(frozen=True)
class GroupScores:
    """The measures of a group of pairs, at the one threshold that all groups share."""

    group: Group
    matched: int
    mismatched: int
    fars: tuple[float, ...]
    """The false match rates of `measures.tar`: those that so many pairs can tell."""
    measures: Measures[float]
    intervals: Measures[Interval | None] | None
    """None where there are no resamples."""

    def tar(self, far: float) -> float | None:
        """Return the share found at a false match rate; None where so few pairs cannot tell."""
        return self.measures.tar[self.fars.index(far)] if far in self.fars else None

    def tar_interval(self, far: float) -> Interval | None:
        """Return the interval of `tar`, which the page shows."""
        return self.intervals.tar[self.fars.index(far)] if self.intervals and far in self.fars else None


@dataclass(frozen=True)
class Gap:
    """Which of two groups of people has more errors, and by how much."""

    rate: str
    """A field of `Rates`."""
    worse: str
    better: str
    gap: float
    interval: Interval | None


@dataclass(frozen=True)
class PairScores:
    """All scores of compared pairs."""

    fars: tuple[float, ...]
    """The false match rates of `measures.tar`."""
    unresolved: tuple[float, ...]
    """Those asked for that so few pairs cannot tell."""
    measures: Measures[float]
    intervals: Measures[Interval | None] | None
    """None where there are no resamples."""
    points: tuple[PointScores, ...]
    folds: FoldScores | None
    """None for a list of one part."""
    groups: tuple[GroupScores, ...]
    gaps: tuple[Gap, ...]


@dataclass(frozen=True)
class EmbedderCard:
    """What was scored."""

    name: str
    version: str
    metric: str
    licence: str
    accuracy: str
    """What was published of it."""
    threshold: float


@dataclass(frozen=True)
class Counts:
    """How many pairs, photos and people there are, and how many pairs could be compared."""

    pairs: int
    compared: int
    matched: int
    mismatched: int
    matched_left_out: int
    mismatched_left_out: int
    photos: int
    people: int
    people_known: str
    """How the people are known, in words."""
    in_no_group: int

    @property
    def left_out(self) -> int:
        """Pairs that could not be compared."""
        return self.pairs - self.compared


@dataclass(frozen=True)
class PairsReport:
    """The scores, and what they are of."""

    embedder: EmbedderCard
    run: str | None
    pairs: str
    threshold_from: str | None
    data: str
    by: str | None
    banners: tuple[str, ...]
    """Warnings that belong to the scores."""
    counts: Counts
    left: Mapping[str, int]
    """Reason -> photos without a vector."""
    rounds: int
    scores: PairScores
    weights: WeightsCard
    """What the embedder was trained on."""
    unread: tuple[Unread, ...] = ()
    """Which photos have no vector, and why."""
    beside: Beside | None = None
    """Another embedder on the same pairs."""


def score(
    pairs: Pairs, points: Sequence[Point], groups: Sequence[Group], fars: Sequence[float], rounds: int, seed: int
) -> PairScores:
    """Return all scores, with 95% intervals by bootstrap over people. The last point is the one that groups share.

    Thresholds are held as they are: the intervals say how much another choice of people would move the scores at
    them, not how much it would move the thresholds.
    """
    everyone = _Part.of(pairs, np.ones(len(pairs.far), bool), fars, points)
    parts = [everyone, *(_Part.of(pairs, group.which, fars, points[-1:]) for group in groups)]
    values = [part.measures() for part in parts]
    drawn = _rounds(pairs, parts, rounds, seed)
    intervals = [
        part.intervals(measures, some) if rounds else None
        for part, measures, some in zip(parts, values, drawn, strict=True)
    ]
    return PairScores(
        everyone.fars,
        tuple(far for far in fars if far not in everyone.fars),
        values[0],
        intervals[0],
        tuple(_points(pairs, points, values[0], intervals[0])),
        verification.by_folds(pairs.far, pairs.same, pairs.folds.tolist()) if len(np.unique(pairs.folds)) > 1 else None,
        tuple(map(_group, groups, parts[1:], values[1:], intervals[1:])),
        tuple(_gaps(groups, values[1:], [part.rates(some) for part, some in zip(parts[1:], drawn[1:], strict=True)])),
    )


@dataclass(frozen=True)
class _Part:
    """Pairs that are scored together, the false match rates that they can tell, and the thresholds."""

    pairs: Pairs
    which: NDArray[np.bool_]
    fars: tuple[float, ...]
    thresholds: tuple[float, ...]

    @classmethod
    def of(cls, pairs: Pairs, which: NDArray[np.bool_], fars: Sequence[float], points: Sequence[Point]) -> _Part:
        able = verification.resolved(pairs.same[which], fars)
        return cls(pairs, which, tuple(able), tuple(point.threshold for point in points))

    def measures(self, weights: Weights | None = None) -> Measures[float]:
        far, same = self.pairs.far[self.which], self.pairs.same[self.which]
        chosen = None if weights is None else weights[self.which]
        return verification.measure(far, same, self.fars, self.thresholds, chosen)

    def rates(self, drawn: NDArray[np.float64]) -> Rates[NDArray[np.float64]]:
        """Return the rates at the first threshold in every round."""
        return Measures.of(list(drawn.T), len(self.fars)).points[0]

    def intervals(self, measures: Measures[float], drawn: NDArray[np.float64]) -> Measures[Interval | None]:
        """Return the 95% interval of each measure, from its values in every round, shape (rounds, measures).

        Where no pair is wrong every round says the same, which is no interval: rates get the exact one instead, and
        the area under the curve none.
        """
        plain = Measures.of([interval(column) for column in drawn.T], len(self.fars))
        same = self.pairs.same
        every, two, one = (self._independent(which) for which in (np.ones_like(same), ~same, same))

        def exact(rate: float, pairs: int, drawn: Interval | None) -> Interval | None:
            return verification.no_errors(rate, pairs) or drawn

        points = [
            Rates(
                exact(rates.accuracy, every, own.accuracy),
                exact(rates.fmr, two, own.fmr),
                exact(rates.fnmr, one, own.fnmr),
            )
            for rates, own in zip(measures.points, plain.points, strict=True)
        ]
        auc = None if measures.auc == 1 else plain.auc
        tar = tuple(exact(rate, one, own) for rate, own in zip(measures.tar, plain.tar, strict=True))
        return Measures(auc, exact(measures.eer, min(one, two), plain.eer), tar, tuple(points))

    def _independent(self, kind: NDArray[np.bool_]) -> int:
        """Return how many pairs of a kind there are, or people in them where these are fewer."""
        which = self.which & kind
        return min(int(which.sum()), len(np.union1d(self.pairs.first[which], self.pairs.second[which])))


def _rounds(pairs: Pairs, parts: Sequence[_Part], rounds: int, seed: int) -> list[NDArray[np.float64]]:
    """Return for each part its measures in every round, shape (rounds, measures): all of one round of one resample."""

    def statistic(counts: Weights) -> list[float]:
        weights = verification.pair_weights(counts, pairs.first, pairs.second)
        return [value for part in parts for value in part.measures(weights).flat()]

    sizes = [len(part.measures().flat()) for part in parts]
    drawn = rounds_of(statistic, range(pairs.people), rounds, seed).reshape(rounds, sum(sizes))
    return np.split(drawn, np.cumsum(sizes)[:-1], axis=1)


def _points(
    pairs: Pairs, points: Sequence[Point], measures: Measures[float], intervals: Measures[Interval | None] | None
) -> Iterator[PointScores]:
    for place, (point, rates) in enumerate(zip(points, measures.points, strict=True)):
        between = Rates[Interval | None](None, None, None) if intervals is None else intervals.points[place]
        yield PointScores(point, rates, between, verification.rejecting(rates, pairs.same, pairs.lost))


def _group(
    group: Group, part: _Part, measures: Measures[float], intervals: Measures[Interval | None] | None
) -> GroupScores:
    same = part.pairs.same[part.which]
    return GroupScores(group, int(same.sum()), int((~same).sum()), part.fars, measures, intervals)


def _gaps(
    groups: Sequence[Group], values: Sequence[Measures[float]], drawn: Sequence[Rates[NDArray[np.float64]]]
) -> Iterator[Gap]:
    """Yield for each rate that differs the groups of people farthest apart: which has more errors, and how many."""
    for name in ("accuracy", "fmr", "fnmr"):
        rates = [float(getattr(measures.points[0], name)) for measures in values]
        there = [place for place, group in enumerate(groups) if not group.mixed and not isnan(rates[place])]
        if len(there) < 2:
            continue
        low, high = (choose(there, key=rates.__getitem__) for choose in (min, max))
        if rates[low] == rates[high]:
            continue
        worse, better = (low, high) if name == "accuracy" else (high, low)
        between = interval(getattr(drawn[high], name) - getattr(drawn[low], name))
        yield Gap(name, groups[worse].name, groups[better].name, rates[high] - rates[low], between)
