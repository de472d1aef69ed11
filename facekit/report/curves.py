"""Charts of a verification: ROC, DET and the distances of pairs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from facekit.report.charts import Axis, Chart, Numbers, Series, number, thinned
from facekit.scores.verification import Curve, Distances, Same

FMR, FNMR, FOUND = "false match rate", "false non-match rate", "pairs of one person found"

_BINS = 40

Points = Sequence[tuple[float, float]]
"""(fmr, fnmr) at each threshold."""


def roc(rates: Curve, points: Points, mismatched: int) -> Chart:
    """Return the share of matched pairs found over that of false matches, the latter on a logarithmic axis.

    No false match stands where one pair of `mismatched` would be half a pair.
    """
    least = 0.5 / mismatched
    low = min(0.9, max(0.0, float(np.min(1 - rates.fnmr[rates.fmr >= least], initial=1)) - 0.05))
    fmr, found = np.maximum(rates.fmr, least), 1 - rates.fnmr
    return Chart(
        "ROC curve",
        Axis(FMR, "log", least, 1.0, percent=True, zero=True),
        Axis(FOUND, low=low, high=1.0, percent=True),
        _series((fmr, found), [(max(one, least), 1 - other) for one, other in points]),
        own_numbers=_numbers(rates),
    )


def det(rates: Curve, points: Points, matched: int, mismatched: int) -> Chart:
    """Return both error rates against one another on normal-deviate axes (Martin et al. 1997).

    The axes begin where one pair would be half a pair; a curve of normally distributed distances is straight.
    """
    least = 0.5 / mismatched, 0.5 / matched
    # No threshold makes more errors of both kinds than chance does.
    high = max(0.5, *least)
    fmr, fnmr = (np.clip(one, low, 1 - low) for one, low in zip((rates.fmr, rates.fnmr), least, strict=True))
    inside = (fmr <= high) & (fnmr <= high)
    dots = [(float(np.clip(one, least[0], high)), float(np.clip(other, least[1], high))) for one, other in points]
    chance = Series("chance", [max(least), high], [max(least), high], colour="even")
    return Chart(
        "DET curve",
        Axis(FMR, "deviate", least[0], high, percent=True),
        Axis(FNMR, "deviate", least[1], high, percent=True),
        [*_series((fmr[inside], fnmr[inside]), dots), *([chance] if max(least) < high else [])],
        square=True,
        own_numbers=_numbers(rates),
    )


def distances(far: Distances, same: Same, thresholds: Sequence[float]) -> Chart:
    """Return how many pairs of one person and of two have which distance, with the thresholds marked."""
    edges = np.linspace(float(far.min()), max(float(far.max()), float(far.min()) + 1e-6), _BINS + 1)
    middle = ((edges[:-1] + edges[1:]) / 2).tolist()
    ours, theirs = (np.histogram(far[kind], edges)[0].tolist() for kind in (same, ~same))
    rows = [[number(edges[n]), number(edges[n + 1]), f"{ours[n]}", f"{theirs[n]}"] for n in range(_BINS)]
    return Chart(
        "Distances of pairs",
        Axis("distance"),
        Axis("pairs", low=0.0),
        [Series("one person", middle, ours, "bars"), Series("two people", middle, theirs, "bars", "second")],
        thresholds,
        "the thresholds" if len(thresholds) > 1 else "the threshold",
        own_numbers=Numbers(("from", "to", "one person", "two people"), rows),
    )


def _series(curve: tuple[NDArray[np.floating], NDArray[np.floating]], points: Points) -> list[Series]:
    """Return a curve and the dots of the thresholds. `uPlot` draws over ascending values alone."""
    order = np.lexsort((curve[1], curve[0]))
    x, y = (one[order] for one in curve)
    places = thinned(len(x))
    dots = sorted(points)
    xs, ys = [list(one) for one in zip(*dots, strict=True)]
    return [
        Series("every threshold", x[places].tolist(), y[places].tolist()),
        Series("the threshold" if len(dots) == 1 else "thresholds", xs, ys, "dots", "second"),
    ]


def _numbers(rates: Curve) -> Numbers:
    rows = [
        [number(float(rates.thresholds[n])), number(float(rates.fmr[n]), True), number(float(rates.fnmr[n]), True)]
        for n in thinned(len(rates.fmr), 200)
        if np.isfinite(rates.thresholds[n])
    ]
    return Numbers(("distance", FMR, FNMR), rows)
