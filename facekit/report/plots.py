"""Plots as bytes, drawn without a screen."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from facekit.report.html import embedded
from facekit.runs import Epoch

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
