"""What has changed: each measure of each day, and of each week up to a day, against a reference.

A measure has changed where its population stability index is above `WORTH` for certain: at a level at which, if nothing
changes, one month in twenty has a false alarm in any of its days and measures (Bonferroni). The week finds what a day
has too few pictures for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from facekit.scores.stability import Counts, Sample, Shift, between_days, exceeds, shift
from facekit.serving.monitor.days import Days, Reference
from facekit.serving.monitor.measures import LEAST, MEASURES, Edges, Measure, typical

Against = Literal["enrolled", "first"]
"""What days are compared with: what was enrolled, or the first days that were counted."""

FIRST_DAYS, WEEK = 7, 7

WORTH = 0.1
"""The index up to which, by convention, a change is none that is worth acting on."""

_FALSE_ALARMS = 0.05
"""The probability of any false alarm in a month."""

_MONTH, _SPANS = 30, 2


@dataclass(frozen=True)
class Change:
    """One measure on one day, or in the week up to it, against its reference."""

    measure: Measure
    day: str
    span: int
    """1 or 7 days."""
    values: int
    shift: Shift
    """With its 95% interval."""
    changed: bool


@dataclass(frozen=True)
class Verdict:
    """What is to be said of a measure at the end of the days."""

    measure: Measure
    against: Against | None
    """What it is compared with; None where there is nothing yet."""
    then: float | None
    """A typical value of the reference."""
    now: float | None
    """A typical value of the last week."""
    values: int
    """How many the last week has."""
    last: Change | None
    """The last week, or the last day where that alone has changed; None where there are too few values."""
    since: str | None
    """The first of the days from which on it has been changed without a break; None where it is not changed now."""
    days: tuple[Change, ...] = ()
    """Each day that has values enough."""
    edges: Edges = ()
    """The limits of its bins."""

    @property
    def changed(self) -> bool:
        """Whether it is changed now."""
        return self.since is not None

    @property
    def higher(self) -> bool:
        """Whether its values have grown."""
        return self.last is not None and self.last.shift.moved > 0


@dataclass(frozen=True)
class Findings:
    """What was found in some days."""

    days: Days
    verdicts: tuple[Verdict, ...]
    """Of each measure that was counted, in the order of `MEASURES`."""

    @property
    def changed(self) -> list[Verdict]:
        """The measures that are changed now."""
        return [one for one in self.verdicts if one.changed]

    def verdict(self, name: str) -> Verdict | None:
        """Return what is said of a measure; None where it was never counted."""
        return next((one for one in self.verdicts if one.measure.name == name), None)


def find(days: Days, references: Mapping[str, Reference], against: Against = "enrolled", shown: int = 30) -> Findings:
    """Return what has changed in the last `shown` of the days.

    A measure that is not known of what was enrolled is compared with the first days. These are then no days that could
    have changed.
    """
    counted = [one for one in MEASURES if any(one.name in day for day in days.values())]
    against_what = {one.name: _reference(one, days, references, against) for one in counted}
    tests = max(1, sum(one is not None for one in against_what.values()))
    level = _FALSE_ALARMS / (max(_MONTH, shown) * _SPANS * tests)
    found = [_verdict(one, days, references[one.name], against_what[one.name], level, shown) for one in counted]
    last = dict(list(days.items())[-shown:])
    return Findings(last, tuple(found))


@dataclass(frozen=True)
class _Against:
    """A reference, and the days that it is not made of."""

    what: Against
    sample: Sample
    left: tuple[str, ...]


def _reference(measure: Measure, days: Days, references: Mapping[str, Reference], against: Against) -> _Against | None:
    """Return what a measure is compared with; None where there is nothing yet."""
    own = references[measure.name]
    of_measure = [day for day in days if measure.name in days[day]]
    if against == "enrolled" and sum(own.counts) >= LEAST:
        sample = Sample(np.asarray(own.counts, np.int64), own.effect)
        return _Against("enrolled", sample, tuple(of_measure))
    first, left = of_measure[:FIRST_DAYS], of_measure[FIRST_DAYS:]
    total = _summed([days[day][measure.name] for day in first], len(own.edges) + 1)
    if not left or total.sum() < LEAST:
        return None
    effect = between_days([days[day][measure.name] for day in of_measure])
    return _Against("first", Sample(total, effect), tuple(left))


def _verdict(
    measure: Measure, days: Days, reference: Reference, against: _Against | None, level: float, shown: int
) -> Verdict:
    bins = len(reference.edges) + 1
    counts = {day: some[measure.name] for day, some in days.items() if measure.name in some}
    week = _summed(list(counts.values())[-WEEK:], bins)
    now, values = typical(measure, reference.edges, week), int(week.sum())
    if against is None:
        return Verdict(measure, None, None, now, values, None, None, edges=reference.edges)
    effect = between_days(list(counts.values()))
    compare = _Compare(measure, against.sample, effect, level)
    tested = [day for day in against.left if day in counts]
    last_days = tested[-shown:]
    weeks = {day: _summed(_up_to(day, tested, counts), bins) for day in last_days}
    changed = [compare.changed(counts[day]) or compare.changed(weeks[day]) for day in last_days]
    singles = tuple(one for day in last_days if (one := compare(day, 1, counts[day])) is not None)
    week_of = compare(last_days[-1], WEEK, weeks[last_days[-1]]) if last_days else None
    last = singles[-1] if singles and singles[-1].changed and singles[-1].day == last_days[-1] else week_of
    then = typical(measure, reference.edges, against.sample.counts)
    return Verdict(measure, against.what, then, now, values, last, _since(last_days, changed), singles, reference.edges)


@dataclass(frozen=True)
class _Compare:
    measure: Measure
    reference: Sample
    effect: float
    level: float

    def __call__(self, day: str, span: int, counts: Counts) -> Change | None:
        """Return how far counts are from the reference; None for too few."""
        if counts.sum() < LEAST:
            return None
        found = shift(Sample(counts, self.effect), self.reference)
        return Change(self.measure, day, span, int(counts.sum()), found, self.changed(counts))

    def changed(self, counts: Counts) -> bool:
        """Whether counts are so far from the reference that it is a change; too few never are."""
        now = Sample(counts, self.effect)
        return bool(counts.sum() >= LEAST) and exceeds(now, self.reference, WORTH, self.level)


def _up_to(day: str, days: Sequence[str], counts: Mapping[str, Counts]) -> list[Counts]:
    """Return the counts of the last seven of the days up to one."""
    place = days.index(day)
    return [counts[one] for one in days[max(0, place - WEEK + 1) : place + 1]]


def _summed(counts: Sequence[Counts], bins: int) -> Counts:
    return np.sum(counts, axis=0, dtype=np.int64) if len(counts) else np.zeros(bins, np.int64)


def _since(days: Sequence[str], changed: Sequence[bool]) -> str | None:
    """Return the first of the days from which on each, or the week up to it, has changed; None if the last has not."""
    since = None
    for day, one in zip(reversed(days), reversed(changed), strict=True):
        if not one:
            break
        since = day
    return since
