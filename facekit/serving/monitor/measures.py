"""What is counted of the answers of a day."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from facekit.scores.stability import Counts

Topic = Literal["light", "sharpness", "size", "pose", "people", "pictures", "answers"]

Edges = tuple[float, ...]
"""The limits between bins, ascending: one fewer than bins, as the first and the last bin have no end."""

BINS, PER_BIN = (4, 10), 15
"""Fewest and most bins between quantiles, and how many enrolled values each should have."""

LEAST = 30
"""Values below which nothing is said: neither quantiles nor a change can be told from so few."""


@dataclass(frozen=True)
class Measure:
    """One number of each face, picture or feedback."""

    name: str
    topic: Topic
    lower: str
    """What has changed where the values are lower now, in words."""
    higher: str
    edges: Edges
    """The limits of bins where no quantiles are known."""
    unit: str = ""
    digits: int = 0
    """Decimals that are shown."""
    share: bool = False
    """Whether it is yes or no: then the mean is what is shown, in percent."""


QUALITY = (
    Measure("brightness", "light", "faces are darker", "faces are brighter", tuple(range(40, 220, 20))),
    Measure("contrast", "light", "the light is flatter", "the light is harsher", tuple(range(20, 80, 6))),
    Measure(
        "sharpness", "sharpness", "faces are less sharp", "faces are sharper",
        (50, 100, 200, 400, 700, 1000, 1500, 2200, 3500),
    ),
    Measure(
        "size", "size", "faces are smaller", "faces are larger", (24, 32, 48, 64, 96, 128, 192, 256, 384), "pixels"
    ),
    Measure(
        "yaw", "pose", "faces look more into the camera", "faces are turned further away",
        (3, 6, 9, 12, 16, 20, 25, 32, 40), "degrees",
    ),
    Measure(
        "roll", "pose", "heads are more upright", "heads, or the camera, lean more", (1, 2, 3, 5, 7, 10, 14, 20, 30),
        "degrees",
    ),
)  # fmt: skip
"""Of each face, as `facekit/faces/quality.py` measures it; yaw and roll without their sign."""

SIMILARITY = Measure(
    "similarity", "people", "people look less like their enrolled faces", "people look more like their enrolled faces",
    tuple(round(0.1 * step, 1) for step in range(1, 10)), digits=2,
)  # fmt: skip
"""Of each face that got a name, to that person."""

CONFIDENCE = Measure(
    "confidence", "answers", "the model is less sure", "the model is surer",
    (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99), digits=2,
)  # fmt: skip
"""Of each answer of a run that has no known faces, such as one of expressions."""

UNKNOWN = Measure("unknown", "people", "fewer faces are unknown", "more faces are unknown", (0.5,), "%", share=True)
FACES = Measure(
    "faces a picture", "pictures", "pictures show fewer faces", "pictures show more faces", (0.5, 1.5, 2.5, 4.5, 8.5),
    digits=1,
)  # fmt: skip
WRONG = Measure(
    "wrong", "answers", "fewer answers are reported wrong", "more answers are reported wrong", (0.5,), "%", share=True
)
"""Of each feedback."""

MEASURES = (*QUALITY, SIMILARITY, CONFIDENCE, UNKNOWN, FACES, WRONG)

BY_NAME: Mapping[str, Measure] = {one.name: one for one in MEASURES}


def of_face(quality: Mapping[str, float]) -> dict[str, float]:
    """Return the values of `QUALITY` out of what was measured of a face."""
    there = {one.name: quality[one.name] for one in QUALITY if one.name in quality}
    return {name: abs(value) if name in ("yaw", "roll") else value for name, value in there.items()}


def place(edges: Edges, value: float) -> int:
    """Return the number of the bin of a value."""
    return bisect_right(edges, value)


def quantiles(values: Sequence[float]) -> Edges | None:
    """Return limits between which equally many of the values lie; None for too few, or too alike, to do so."""
    if len(values) < LEAST:
        return None
    bins = min(max(len(values) // PER_BIN, BINS[0]), BINS[1])
    found = np.unique(np.quantile(np.asarray(values, np.float64), np.arange(1, bins) / bins).round(4))
    return tuple(found.tolist()) if len(found) > 1 else None


def counted(edges: Edges, values: Sequence[float]) -> Counts:
    """Return how many values lie in each bin."""
    return np.bincount([place(edges, value) for value in values], minlength=len(edges) + 1).astype(np.int64)


def typical(measure: Measure, edges: Edges, counts: Counts) -> float | None:
    """Return the median of what was counted, as far as the bins tell; of shares the mean. None of nothing."""
    total = int(counts.sum())
    if not total:
        return None
    if measure.share:
        return float(counts[1]) / total
    reached = np.cumsum(counts)
    at = int(np.searchsorted(reached, total / 2))
    if at in (0, len(edges)):  # the bin has one end alone
        return edges[min(at, len(edges) - 1)]
    within = (total / 2 - float(reached[at - 1])) / float(counts[at])
    return edges[at - 1] + within * (edges[at] - edges[at - 1])


def shown(measure: Measure, value: float | None, edges: Edges = ()) -> str:
    """Return a value as people read it; one in a bin that has no end is under or over the limit of that."""
    if value is None:
        return ""
    if measure.share:
        return f"{100 * value:.3g}%"
    beyond = ""
    if len(edges) > 1 and not edges[0] < value < edges[-1]:
        beyond = "under " if value <= edges[0] else "over "
    return f"{beyond}{value:.{measure.digits}f}"
