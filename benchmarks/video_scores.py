"""How well a film was watched: who was named when, held against who was there."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

STEP = 0.1


@dataclass(frozen=True)
class There:
    """Somebody is to be seen from one second to another."""

    name: str
    known: bool
    start: float
    end: float


@dataclass(frozen=True)
class Scored:
    """How well a film was watched."""

    true: float
    """Seconds of persons that are right."""
    said: float
    there: float
    walks: int
    split: int
    """Walks that got more than one name, unknown among them."""
    tracks: int
    strangers: int
    more_numbers: int
    """Strangers with more than one number."""
    shared_numbers: int
    """Numbers that more than one stranger has, or somebody known."""

    @property
    def f1(self) -> float:
        """F1 of seconds of persons."""
        return 2 * self.true / max(1e-9, self.said + self.there)

    def plus(self, other: Scored) -> Scored:
        """Add two films."""
        return Scored(*(a + b for a, b in zip(vars(self).values(), vars(other).values(), strict=True)))


def scored(answers: Sequence[dict[str, Any]], there: Sequence[There], seconds: float) -> Scored:
    """Hold what was answered against who was there."""
    true = said = present = 0.0
    for at in np.arange(STEP / 2, seconds, STEP):
        told = Counter(one["name"] for one in answers if one["start"] <= at < one["end"])
        real = Counter(one.name if one.known else "unknown" for one in there if one.start <= at < one.end)
        true += STEP * sum((told & real).values())
        said += STEP * sum(told.values())
        present += STEP * sum(real.values())
    names: dict[int, set[str]] = defaultdict(set)
    numbers, people = defaultdict(set), defaultdict(set)
    for one in answers:
        walk = _walk_of(one, there)
        if walk is None:
            continue
        who = there[walk]
        names[walk].add(one["name"])
        if one["stranger"] is not None:
            people[one["stranger"]].add(who.name)
            if not who.known:
                numbers[who.name].add(one["stranger"])
    strangers = {one.name for one in there if not one.known}
    return Scored(
        true, said, present, len(there), sum(len(some) > 1 for some in names.values()), len(answers), len(strangers),
        sum(len(some) > 1 for some in numbers.values()), sum(len(some) > 1 for some in people.values()),
    )  # fmt: skip


def _walk_of(answer: dict[str, Any], there: Sequence[There]) -> int | None:
    """Return whose walk an answer is about: the one whose time is most nearly the same, of its name if possible."""

    def shared(one: There) -> float:
        alike = (one.name if one.known else "unknown") == answer["name"]
        both = min(one.end, answer["end"]) - max(one.start, answer["start"])
        either = max(one.end, answer["end"]) - min(one.start, answer["start"])
        return both / either * (1.0 if alike else 0.5)

    best = max(range(len(there)), key=lambda place: shared(there[place]), default=None)
    return best if best is not None and shared(there[best]) > 0 else None
