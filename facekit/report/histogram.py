"""Histograms: how many pictures have which value, with the limits that were applied."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from facekit.report.charts import Axis, Chart, Numbers, Series, number

BINS = 40

_LARGEST = 1e15
"""Values beyond it are left out: no quality is near it, and bins between such values are not finite."""


def histogram(
    name: str, values: Sequence[float], limits: Sequence[float] = (), marked: str = "the limits"
) -> Chart | None:
    """Return a chart of how many values lie in bins of one width; None where there are no finite ones."""
    held = np.asarray(values, np.float64)
    held = held[np.abs(held) < _LARGEST]
    if not held.size:
        return None
    counts, edges = np.histogram(held, BINS, _range(held))
    marks = tuple(limit for limit in limits if abs(limit) < _LARGEST)
    low, high = min([*marks, float(edges[0])]), max([*marks, float(edges[-1])])
    rest = 0.04 * (high - low)
    rows = [[number(edges[n]), number(edges[n + 1]), f"{count}"] for n, count in enumerate(counts) if count]
    return Chart(
        name.capitalize(),
        Axis(name, low=low - rest, high=high + rest),
        Axis("pictures", low=0.0),
        [Series("pictures", ((edges[:-1] + edges[1:]) / 2).tolist(), counts.tolist(), "bars")],
        marks,
        marked,
        own_numbers=Numbers(("from", "to", "pictures"), rows),
    )


def _range(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return the ends of the bins: values that are one, but for rounding, need bins of some width."""
    low, high = float(values.min()), float(values.max())
    least = 1e-9 * max(1.0, abs(low), abs(high))
    if high - low > least:
        return low, high
    half = max(0.5, least)  # beside a huge value, 0.5 is too little for 40 edges that differ
    return low - half, high + half
