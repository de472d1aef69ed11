"""Intervals by formula: of a share of so many, and of several shares that count differently."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from facekit.scores.bootstrap import Interval

_Z = 1.959964
"""Deviations of the normal distribution between which 95% lie."""


class Part(NamedTuple):
    """A share that was measured, and how much it counts."""

    weight: float
    share: float
    interval: Interval


def wilson(count: int, of: int) -> Interval:
    """Return the 95% interval of the share `count / of`, for `of` from 1 (Wilson 1927)."""
    share, more = count / of, _Z**2 / of
    middle = (share + more / 2) / (1 + more)
    half = _Z / (1 + more) * math.sqrt(share * (1 - share) / of + more / (4 * of))
    return Interval(max(0.0, middle - half), min(1.0, middle + half))


def together(parts: Sequence[Part]) -> Interval:
    """Return the 95% interval of the weighted sum of shares that were measured on different items.

    The weights are known, and add up to 1. The interval of each is taken as it is, also where it is not symmetric
    (MOVER, Zou and Donner 2008).
    """
    whole = sum(part.weight * part.share for part in parts)
    down = math.hypot(*(part.weight * (part.share - part.interval.low) for part in parts))
    up = math.hypot(*(part.weight * (part.interval.high - part.share) for part in parts))
    return Interval(max(0.0, whole - down), min(1.0, whole + up))
