"""Histograms as values that a template draws: bars, ticks and limits, in data and in pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

import numpy as np
from numpy.typing import NDArray

BINS = 40

WIDTH, HEIGHT = 330, 200
"""Pixels of the drawing."""

LEFT, BOTTOM, EDGE = 46, 40, 8
"""Pixels for the axes, and around the rest."""

_LARGEST = 1e15
"""Values beyond it are left out: no quality is near it, and bins between such values are not finite."""


@dataclass(frozen=True)
class Bar:
    """How many values lie from `low` to `high`."""

    low: float
    high: float
    count: int


@dataclass(frozen=True)
class Histogram:
    """How many pictures have which value; `limits` are marked."""

    name: str
    bars: tuple[Bar, ...]
    limits: tuple[float, ...]
    low: float
    high: float
    """The ends of the axis: of all bars and limits."""

    width, height, left, bottom, edge = WIDTH, HEIGHT, LEFT, BOTTOM, EDGE

    def x(self, value: float) -> float:
        """Return the pixel of a value."""
        return LEFT + (value - self.low) / (self.high - self.low) * (WIDTH - LEFT - EDGE)

    def y(self, count: float) -> float:
        """Return the pixel of a number of pictures."""
        most = max(bar.count for bar in self.bars)
        return HEIGHT - BOTTOM - count / (1.05 * most) * (HEIGHT - BOTTOM - EDGE)

    @property
    def ticks(self) -> list[float]:
        """The values that are written at the axis."""
        return _ticks(self.low, self.high)

    @property
    def counts(self) -> list[float]:
        """The whole numbers that are written at the other axis."""
        return [count for count in _ticks(0, max(bar.count for bar in self.bars)) if count == round(count)]


def histogram(name: str, values: Sequence[float], limits: Sequence[float] = ()) -> Histogram | None:
    """Count values in bins of one width; None where there are no finite ones."""
    held = np.asarray(values, np.float64)
    held = held[np.abs(held) < _LARGEST]
    if not held.size:
        return None
    counts, edges = np.histogram(held, BINS, _range(held))
    pairs = zip(edges[:-1].tolist(), edges[1:].tolist(), counts.tolist(), strict=True)
    marked = tuple(limit for limit in limits if abs(limit) < _LARGEST)
    low, high = min([*marked, float(edges[0])]), max([*marked, float(edges[-1])])
    rest = 0.04 * (high - low)
    return Histogram(name, tuple(Bar(*pair) for pair in pairs), marked, low - rest, high + rest)


def _range(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return the ends of the bins: values that are one, but for rounding, need bins of some width."""
    low, high = float(values.min()), float(values.max())
    least = 1e-9 * max(1.0, abs(low), abs(high))
    if high - low > least:
        return low, high
    half = max(0.5, least)  # beside a huge value, 0.5 is too little for 40 edges that differ
    return low - half, high + half


def _ticks(low: float, high: float, most: int = 8) -> list[float]:
    """Return up to so many round values: multiples of 1, 2 or 5 and a power of ten."""
    raw = (high - low) / most
    power = 10.0 ** floor(log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw)
    return [round(step * n, 12) for n in range(ceil(low / step), floor(high / step) + 1)]
