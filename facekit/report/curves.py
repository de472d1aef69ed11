"""Plots of a verification: ROC, DET and the distances of pairs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from scipy.stats import norm

from facekit.report.plots import GRID, HELD, MARK, TRAIN
from facekit.scores.verification import Curve, Distances, Same

_RATES = (0.0001, 0.001, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999)
"""What a DET plot's axes name."""


def roc(rates: Curve, points: Sequence[tuple[float, float]], mismatched: int) -> Figure:
    """Draw the share of matched pairs found over that of false matches, the latter on a logarithmic axis.

    `points` are (fmr, fnmr) at thresholds. The axis ends where one pair of `mismatched` would be half a pair.
    """
    figure, axes = _axes()
    least = 0.5 / mismatched
    axes.plot(np.maximum(rates.fmr, least), 1 - rates.fnmr, color=TRAIN, drawstyle="steps-post")
    for fmr, fnmr in points:
        axes.plot(max(fmr, least), 1 - fnmr, "o", color=HELD, markersize=6, clip_on=False, zorder=3)
    axes.set(xscale="log", xlim=(least, 1), xlabel="false match rate", ylabel="matched pairs found (1 - FNMR)")
    axes.set_ylim(min(0.9, max(0.0, float(np.min(1 - rates.fnmr[rates.fmr >= least], initial=1)) - 0.05)), 1.005)
    return figure


def det(rates: Curve, points: Sequence[tuple[float, float]], matched: int, mismatched: int) -> Figure:
    """Draw both error rates against one another on normal-deviate axes (Martin et al. 1997).

    The axes begin where one pair would be half a pair; a curve of normally distributed distances is straight.
    """
    figure, axes = _axes()
    least = 0.5 / mismatched, 0.5 / matched
    clipped = [np.clip(rate, low, 1 - low) for rate, low in zip((rates.fmr, rates.fnmr), least, strict=True)]
    both = norm.ppf(clipped[0]), norm.ppf(clipped[1])
    axes.plot(*both, color=TRAIN, drawstyle="steps-post")
    low = [float(norm.ppf(share)) for share in least]
    # No threshold makes more errors of both kinds than chance does.
    high = max(float(norm.ppf(0.5)), *low)
    axes.plot([low[0], high], [low[0], high], color=MARK, linestyle=":", linewidth=1)
    for pair in points:
        place = [float(norm.ppf(np.clip(rate, share, 1 - share))) for rate, share in zip(pair, least, strict=True)]
        axes.plot(*place, "o", color=HELD, markersize=6, clip_on=False, zorder=3)
    for axis, start in ((axes.xaxis, low[0]), (axes.yaxis, low[1])):
        ticks = [rate for rate in _RATES if start <= norm.ppf(rate) <= high]
        axis.set_major_locator(FixedLocator([float(norm.ppf(rate)) for rate in ticks]))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * norm.cdf(value):.3g}%"))
    axes.set(xlim=(low[0], high), ylim=(low[1], high), xlabel="false match rate", ylabel="false non-match rate")
    return figure


def distances(far: Distances, same: Same, thresholds: Sequence[float]) -> Figure:
    """Draw how many pairs of one person and of two have which distance, with the thresholds marked."""
    figure, axes = _axes()
    edges = np.linspace(float(far.min()), max(float(far.max()), float(far.min()) + 1e-6), 41)
    axes.hist(far[same], bins=edges, color=TRAIN, alpha=0.75, label="one person")
    axes.hist(far[~same], bins=edges, color=HELD, alpha=0.65, label="two people")
    for place, threshold in enumerate(thresholds):
        axes.axvline(threshold, color="black", linestyle=":", linewidth=1.2, label=None if place else "threshold")
    axes.set(xlabel="distance", ylabel="pairs")
    axes.legend(frameon=False, loc="upper left")  # "best" is slow where there are many pairs
    return figure


def _axes() -> tuple[Figure, Any]:
    figure = Figure(figsize=(5, 4), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    return figure, axes
