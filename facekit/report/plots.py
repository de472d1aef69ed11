"""Plots as bytes, drawn without a screen."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import log10
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from facekit.report.html import embedded
from facekit.runs import Epoch
from facekit.scores.calibration import Bin
from facekit.scores.identification import Identification

_DECADES = (1, 0.1, 0.01, 0.001, 0.0001)
TRAIN, HELD, MARK, GRID = "#3366aa", "#cc6622", "#888888", "#dddddd"


def history_plot(rows: Sequence[Epoch], best: int, names: Sequence[str] = ("accuracy", "loss")) -> bytes:
    """Plot accuracy, loss or both of training and validation by epoch, as PNG; `best` is the epoch kept."""
    figure = Figure(figsize=(5 * len(names), 4), layout="constrained")
    for place, name in enumerate(names, 1):
        axes = figure.add_subplot(1, len(names), place)
        for prefix, label, color in (("", "training", TRAIN), ("val_", "validation", HELD)):
            values = [getattr(row, prefix + name) for row in rows]
            if values[0] is not None:
                epochs = [row.epoch for row in rows]
                axes.plot(epochs, values, color=color, label=label, marker="o", markersize=3)
        axes.axvline(best, color=MARK, linestyle=":", label="epoch kept")
        axes.set(xlabel="epoch", ylabel=name)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if name == "accuracy":
            axes.set_ylim(-0.02, 1.02)
        _clear_frame(axes)
        axes.legend(frameon=False)
    return _png(figure)


@dataclass(frozen=True)
class Cell:
    """A place of a confusion matrix that holds pictures."""

    row: int
    column: int
    count: int
    share: float
    """Of the pictures of its row."""
    title: str

    @property
    def right(self) -> bool:
        """Whether its pictures were named right."""
        return self.row == self.column


@dataclass(frozen=True)
class Confusion:
    """What `confusion.svg` draws: rows are true names, columns predicted ones. Lengths in pixels.

    The browser's own fonts draw the names, so any alphabet works.
    """

    names: tuple[str, ...]
    cells: tuple[Cell, ...]
    cell: int
    text: int
    """Size of the letters."""
    edge: int
    """Where the matrix begins, after the names."""

    @property
    def side(self) -> int:
        """The whole picture's."""
        return self.place(len(self.names)) + 4

    def place(self, number: int) -> int:
        """Return where a row or column begins."""
        return self.edge + self.cell * number


def confusion(matrix: Sequence[Sequence[int]], names: Sequence[str]) -> Confusion:
    """Return how a confusion matrix is drawn, rows true and columns predicted."""
    cell = max(8, min(44, 900 // len(names)))
    text = max(7, min(14, cell - 2))
    edge = round(min(180, 12 + 0.62 * text * max(map(len, names))))
    short = (name if len(name) < 25 else name[:23] + "…" for name in names)
    return Confusion(tuple(short), tuple(_cells(matrix, names)), cell, text, edge)


def _cells(matrix: Sequence[Sequence[int]], names: Sequence[str]) -> Iterator[Cell]:
    for row, counts in enumerate(matrix):
        total = sum(counts)
        for column, count in enumerate(counts):
            if count:
                title = f"{names[row]} taken for {names[column]}: {count} of {total}"
                if row == column:
                    title = f"{names[row]}: {count} of {total} right"
                yield Cell(row, column, count, count / total, title)


@dataclass(frozen=True)
class Reliability:
    """What `reliability.svg` draws: how often the model is right by how sure it is. Lengths in pixels.

    Under the diagonal it is too sure. A bar's ink says how many of the pictures stand in its bin, its dot how sure
    the model is of them on average.
    """

    bins: tuple[Bin, ...]
    most: int
    """Pictures in the fullest bin."""
    side: int = 300
    edge: int = 58
    top: int = 8


def reliability(bins: Sequence[Bin]) -> Reliability:
    """Return how the bins of a calibration are drawn."""
    return Reliability(tuple(bins), max(one.pictures for one in bins))


@dataclass(frozen=True)
class IdentificationCurve:
    """What `identification.svg` draws: known people found by strangers named, the latter on a logarithmic axis.

    Lengths in pixels.
    """

    path: str
    dot: tuple[float, float]
    """Where the model's threshold is."""
    title: str
    columns: tuple[tuple[float, str], ...]
    """Where the horizontal axis has numbers, and which."""
    rows: tuple[tuple[float, str], ...]
    width: int = 300
    height: int = 240
    edge: int = 58
    top: int = 8


def identification_curve(scores: Identification) -> IdentificationCurve:
    """Return how the curve of a model among strangers is drawn; the axis ends where one face would be half a face."""
    width, height, edge, top = 300, 240, 58, 8
    least, lowest = 0.5 / scores.strangers, min(0.9, *(point.tpir for point in scores.curve), scores.rates.tpir)

    def place(fpir: float, tpir: float) -> tuple[float, float]:
        along = 1 - log10(max(fpir, least)) / log10(least)
        return edge + width * along, top + height * (1 - (tpir - lowest) / max(1 - lowest, 1e-9))

    ends = [place(point.fpir, point.tpir) for point in scores.curve]
    steps = [f"M{ends[0][0]:.1f} {ends[0][1]:.1f}", *(f"H{x:.1f}V{y:.1f}" for x, y in ends[1:])]
    rates = scores.rates
    return IdentificationCurve(
        path=" ".join(steps),
        dot=place(rates.fpir, rates.tpir),
        title=f"at the threshold: FPIR {rates.fpir:.4f}, TPIR {rates.tpir:.4f}",
        columns=tuple((place(share, 1)[0], f"{100 * share:g}%") for share in _DECADES if share >= least),
        rows=tuple((place(1, share)[1], f"{100 * share:.0f}%") for share in (lowest, (1 + lowest) / 2, 1)),
        **{"width": width, "height": height, "edge": edge, "top": top},
    )


def plotted(figure: Figure) -> str:
    """Return a figure as a data URL."""
    return embedded("png", _png(figure))


def _png(figure: Figure) -> bytes:
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=130)
    return out.getvalue()


def _clear_frame(axes: Any) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
