"""An embedder beside another on the same pairs: how much better it is, and whether that may be chance."""

from __future__ import annotations

from dataclasses import dataclass

from facekit.scores.bootstrap import Interval
from facekit.scores.verification import Measures


@dataclass(frozen=True)
class Side:
    """One of two embedders, and its measures: at its own threshold, where one is needed."""

    name: str
    threshold: float
    measures: Measures[float]


@dataclass(frozen=True)
class Gain:
    """How much higher a measure of the first is than that of the second; None where there are no resamples."""

    difference: float
    interval: Interval | None


@dataclass(frozen=True)
class Beside:
    """Both embedders on the pairs that both can compare."""

    own: Side
    other: Side
    pairs: int
    fars: tuple[float, ...]
    """The false match rates of `measures.tar`: those that so many pairs can tell."""
    auc: Gain
    tar: tuple[Gain, ...]
    """At each of `fars`."""

    @property
    def verdict(self) -> str:
        """Whether it is `better`, `worse` or `no better`: by the area under the curve, beyond chance."""
        ends = self.auc.interval
        if ends is None:
            return "better" if self.auc.difference > 0 else "no better"
        return "better" if ends.low > 0 else "worse" if ends.high < 0 else "no better"

    def __str__(self) -> str:
        """Say it in a sentence."""
        ends = self.auc.interval
        between = "" if ends is None else f", a difference of {ends.low:+.4f} to {ends.high:+.4f}"
        return (
            f"{self.own.name} is {self.verdict} than {self.other.name} on these people: area under the curve "
            f"{self.own.measures.auc:.4f} beside {self.other.measures.auc:.4f}{between}"
        )
