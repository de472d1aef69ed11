"""How well faces are identified when some are strangers: pure functions from arrays to typed results.

A search is one face that is looked up. It is answered with the name that it is nearest to where its similarity is at
least a threshold, else with `unknown`. ISO/IEC 19795-1 calls the share of searches for strangers that are answered
with a name the false positive identification rate (FPIR), and that of searches for known people that are answered
with the right name the true positive identification rate (TPIR), here at rank 1.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from math import nan
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from facekit.scores.bootstrap import Interval, Weights, interval, rounds_of
from facekit.scores.verification import no_errors

T = TypeVar("T")

Similarities = NDArray[np.float64]

FPIRS = (0.001, 0.01, 0.1)
"""The rates at which a report gives the TPIR, where there are strangers enough to tell them."""

FEW = 10
"""People below which rates vary more by who they are than the intervals, of these people, can show."""

_POINTS = 200
"""Most points of a curve."""


@dataclass(frozen=True)
class Searches:
    """Faces that were looked up."""

    similarity: Similarities
    """To the name that is answered, shape (n,); minus infinity where there is none."""
    right: NDArray[np.bool_]
    """Whether that name is the right one, shape (n,); of strangers none is."""
    people: Sequence[Hashable]
    """Who is on each."""


@dataclass(frozen=True)
class Rates(Generic[T]):
    """T is float for the rates, `Interval | None` for their 95% intervals."""

    fpir: T
    tpir: T


@dataclass(frozen=True)
class Point:
    """Both rates at one threshold."""

    threshold: float
    fpir: float
    tpir: float


@dataclass(frozen=True)
class Identification:
    """What a model is worth among strangers."""

    strangers_are: str
    """Who the strangers are, in words."""
    asked: float
    """The false positive identification rate that the model's threshold stands for."""
    threshold: float
    found_by: int
    """How many people were left out in turn, when the model was trained, to find it."""
    rates: Rates[float]
    """At that threshold."""
    intervals: Rates[Interval | None]
    """By bootstrap over people; of a rate of 0 or 1 exact, see `how`."""
    known: int
    """Searches for known people."""
    known_people: int
    strangers: int
    """Searches for strangers."""
    stranger_people: int
    curve: tuple[Point, ...]
    """From the threshold that gives every stranger a name to the one that gives none."""
    at: tuple[Point, ...]
    """The points of `FPIRS`: the least threshold at which the FPIR is no higher."""
    left: Mapping[str, int] = field(default_factory=dict)
    """Reason -> pictures of strangers left out."""

    @property
    def how(self) -> str:
        """How the intervals were found, in words."""
        exact = [name for name, rate in (("FPIR", self.rates.fpir), ("TPIR", self.rates.tpir)) if rate in (0, 1)]
        drawn = [name for name in ("FPIR", "TPIR") if name not in exact]
        bootstrap = "by bootstrap over people"
        clopper = "exact for as many people without an error (Clopper and Pearson)"
        if not exact or not drawn:
            return bootstrap if drawn else clopper
        return f"that of the {drawn[0]} {bootstrap}, that of the {exact[0]} {clopper}"

    @property
    def reached(self) -> tuple[tuple[float, Point], ...]:
        """The rates of `FPIRS` that so many strangers can tell, each with the point at which it is not exceeded."""
        return tuple(zip((rate for rate in FPIRS if rate * self.strangers >= 1), self.at, strict=True))

    @property
    def rough(self) -> str | None:
        """What is said where who the few people are decides the rates; None where there are enough."""
        least = min(self.found_by, self.known_people, self.stranger_people)
        people = "1 person" if least == 1 else f"{least} people"
        if least >= FEW:
            return None
        return (
            f"based on only {people}: with other people, strangers may get a name several times as often, "
            "and known people be named less often"
        )


def identification(
    known: Searches,
    strangers: Searches,
    threshold: float,
    asked: float,
    strangers_are: str,
    found_by: int,
    rounds: int,
    seed: int = 42,
    left: Mapping[str, int] | None = None,
) -> Identification:
    """Return every score of searches for known people and for strangers. Neither may be empty."""
    points = curve(known, strangers)
    return Identification(
        strangers_are=strangers_are,
        asked=asked,
        threshold=threshold,
        found_by=found_by,
        rates=rates(known, strangers, threshold),
        intervals=intervals(known, strangers, threshold, rounds, seed),
        known=len(known.similarity),
        known_people=len(set(known.people)),
        strangers=len(strangers.similarity),
        stranger_people=len(set(strangers.people)),
        curve=tuple(_thinned(points)),
        at=tuple(_at(points, rate) for rate in FPIRS if rate * len(strangers.similarity) >= 1),
        left=dict(left or {}),
    )


def rates(known: Searches, strangers: Searches, threshold: float) -> Rates[float]:
    """Return both rates at a threshold; NaN for one of no searches."""
    return Rates(
        fpir=_share(strangers.similarity >= threshold), tpir=_share(known.right & (known.similarity >= threshold))
    )


def curve(known: Searches, strangers: Searches) -> list[Point]:
    """Return both rates at every threshold at which the FPIR changes, ascending; the last names no stranger."""
    values, counts = np.unique(strangers.similarity[np.isfinite(strangers.similarity)], return_counts=True)
    named = np.append(np.cumsum(counts[::-1])[::-1], 0) / len(strangers.similarity)
    steps = np.append(values, np.nextafter(values[-1], np.inf) if len(values) else 0.0)
    right = np.sort(known.similarity[known.right])
    found = (len(right) - np.searchsorted(right, steps)) / max(1, len(known.similarity))
    return [Point(*map(float, point)) for point in zip(steps, named, found, strict=True)]


def intervals(
    known: Searches, strangers: Searches, threshold: float, rounds: int, seed: int = 42
) -> Rates[Interval | None]:
    """Return the 95% interval of each rate: whole people are drawn again. None without rounds.

    Of a rate of 0 or 1 it is what as many people without an error leave open (Clopper and Pearson).
    """
    if not rounds:
        return Rates(None, None)
    return Rates(
        fpir=_interval(strangers.similarity >= threshold, strangers.people, rounds, seed),
        tpir=_interval(known.right & (known.similarity >= threshold), known.people, rounds, seed),
    )


def _interval(counted: NDArray[np.bool_], people: Sequence[Hashable], rounds: int, seed: int) -> Interval | None:
    exact = no_errors(_share(counted), len(set(people)))
    if exact is not None:
        return exact

    def rate(weights: Weights) -> tuple[float]:
        return (float((weights * counted).sum() / weights.sum()),)

    return interval(rounds_of(rate, people, rounds, seed)[:, 0])


def _share(counted: NDArray[np.bool_]) -> float:
    return float(counted.mean()) if len(counted) else nan


def _at(points: Sequence[Point], rate: float) -> Point:
    return next(point for point in points if point.fpir <= rate + 1e-12)


def _thinned(points: Sequence[Point]) -> list[Point]:
    """Return at most so many points: by the logarithm of the FPIR, where most is to be seen."""
    if len(points) <= _POINTS:
        return list(points)
    wanted = np.geomspace(points[0].fpir, points[-2].fpir, _POINTS - 1)
    rates = -np.array([point.fpir for point in points])
    places = np.unique(np.minimum(np.searchsorted(rates, -wanted * (1 + 1e-12)), len(points) - 1))
    return [points[place] for place in dict.fromkeys([0, *places.tolist(), len(points) - 1])]
