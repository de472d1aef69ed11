"""The scores of compared pairs as plain values for JSON, each with its interval."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import isnan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facekit.commands.evaluate_pairs.faces import Compared
from facekit.commands.evaluate_pairs.groups import Group
from facekit.scores import bootstrap, verification
from facekit.scores.verification import Weights

RATES = ("accuracy", "fmr", "fnmr")

Rounds = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Point:
    """A threshold, and where it comes from."""

    threshold: float
    origin: str


@dataclass(frozen=True)
class Part:
    """Pairs that are scored together."""

    compared: Compared
    which: NDArray[np.bool_]
    fars: list[float]
    """The shares of false matches that they can tell."""
    points: Sequence[Point]

    @classmethod
    def of(cls, compared: Compared, which: NDArray[np.bool_], fars: Sequence[float], points: Sequence[Point]) -> Part:
        """Choose pairs, and what can be said of so many."""
        return cls(compared, which, verification.resolved(compared.same[which], fars), points)

    def scores(self, weights: Weights | None = None) -> dict[str, float]:
        """Return what needs no threshold by its name, and the rates at each point as `rate 0`, `rate 1` …"""
        far, same = self.compared.far[self.which], self.compared.same[self.which]
        chosen = None if weights is None else weights[self.which]
        found = verification.whole(far, same, self.fars, chosen)
        for place, point in enumerate(self.points):
            rates = verification.at(far, same, point.threshold, chosen)
            found |= {_at(rate, place): rates[rate] for rate in RATES}
        return found

    def intervals(self, scores: Mapping[str, float], rounds: Rounds) -> dict[str, list[float] | None]:
        """Return the 95% interval of each score; None where there is none."""
        found = {name: bootstrap.interval(values) for name, values in rounds.items()}
        for name in found if rounds else ():
            if name.split(" ")[0] in RATES:
                found[name] = verification.no_errors(scores[name], self._independent(name)) or found[name]
        return {name: None if isnan(low) else [low, high] for name, (low, high) in found.items()}

    def _independent(self, rate: str) -> int:
        """Return how many pairs a rate is of, or people where these are fewer."""
        kind = {"fmr": ~self.compared.same, "fnmr": self.compared.same}.get(rate.split(" ")[0])
        which = self.which if kind is None else self.which & kind
        _, first, second = self.compared.numbers
        return min(int(which.sum()), len(np.union1d(first[which], second[which])))


def scored(
    compared: Compared, points: Sequence[Point], groups: Sequence[Group], fars: Sequence[float], rounds: int, seed: int
) -> dict[str, Any]:
    """Return all scores, with 95% intervals by bootstrap over people. The last point is the one that groups share.

    Thresholds are held as they are: the intervals say how much another choice of people would move the scores at
    them, not how much it would move the thresholds.
    """
    everyone = np.ones(len(compared.far), bool)
    parts = [Part.of(compared, everyone, fars, points)]
    parts += [Part.of(compared, group.which, fars, points[-1:]) for group in groups]
    drawn = _rounds(compared, parts, rounds, seed)
    values = [part.scores() for part in parts]
    overall = _plain(parts[0], values[0], drawn[0])
    return {
        "scores": {name: overall["scores"][name] for name in ("auc", "eer", *map(verification.tar, parts[0].fars))},
        "intervals": {name: overall["intervals"].get(name) for name in overall["scores"]},
        "unresolved": [far for far in fars if far not in parts[0].fars],
        "points": [_point(compared, point, place, overall) for place, point in enumerate(points)],
        "folds": verification.by_folds(compared.far, compared.same, compared.folds.tolist())
        if len(np.unique(compared.folds)) > 1
        else None,
        "groups": [
            {"group": group.name, "mixed": group.mixed, **_counts(part), **_plain(part, found, some)}
            for group, part, found, some in zip(groups, parts[1:], values[1:], drawn[1:], strict=True)
        ],
        "gaps": list(_gaps(groups, values[1:], drawn[1:])),
    }


def _rounds(compared: Compared, parts: Sequence[Part], rounds: int, seed: int) -> Sequence[Rounds]:
    """Return for each part each score in every round: all of one round are of the same people."""
    people, first, second = compared.numbers

    def statistic(counts: Weights) -> Mapping[str, float]:
        weights = verification.pair_weights(counts, first, second)
        return {
            f"{number}:{name}": value
            for number, part in enumerate(parts)
            for name, value in part.scores(weights).items()
        }

    found = bootstrap.rounds_of(statistic, range(people), rounds, seed)
    drawn: list[dict[str, NDArray[np.float64]]] = [{} for _ in parts]
    for key, values in found.items():
        number, _, name = key.partition(":")
        drawn[int(number)][name] = values
    return drawn


def _plain(part: Part, scores: Mapping[str, float], rounds: Rounds) -> dict[str, Any]:
    return {
        "scores": {name: None if isnan(value) else value for name, value in scores.items()},
        "intervals": part.intervals(scores, rounds),
    }


def _counts(part: Part) -> dict[str, int]:
    same = part.compared.same[part.which]
    return {"pairs": len(same), "matched": int(same.sum()), "mismatched": int((~same).sum())}


def _point(compared: Compared, point: Point, place: int, overall: Mapping[str, Any]) -> dict[str, Any]:
    rates = {rate: overall["scores"][_at(rate, place)] for rate in RATES}
    return {
        "threshold": point.threshold,
        "from": point.origin,
        **rates,
        "intervals": {rate: overall["intervals"].get(_at(rate, place)) for rate in RATES},
        "left_out_rejected": verification.rejecting(rates, compared.same, compared.lost),
    }


def _gaps(
    groups: Sequence[Group], values: Sequence[Mapping[str, float]], rounds: Sequence[Rounds]
) -> Iterator[dict[str, Any]]:
    """Yield for each rate that differs the groups of people farthest apart: which has more errors, and how many."""
    for rate in RATES:
        name = _at(rate, 0)
        there = [place for place, group in enumerate(groups) if not group.mixed and not isnan(values[place][name])]
        if len(there) < 2:
            continue
        low, high = (choose(there, key=partial(_value, values, name)) for choose in (min, max))
        if values[low][name] == values[high][name]:
            continue
        worse, better = (low, high) if rate == "accuracy" else (high, low)
        between = bootstrap.interval(rounds[high][name] - rounds[low][name]) if rounds[high] else None
        yield {
            "rate": rate,
            "worse": groups[worse].name,
            "better": groups[better].name,
            "gap": values[high][name] - values[low][name],
            "interval": list(between) if between is not None and not isnan(between[0]) else None,
        }


def _value(values: Sequence[Mapping[str, float]], name: str, place: int) -> float:
    return values[place][name]


def _at(rate: str, place: int) -> str:
    return f"{rate} {place}"
