"""The PNG plot of a training, saved beside its model. Pages draw their own: see `charts`."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

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


def _png(figure: Figure) -> bytes:
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=130)
    return out.getvalue()


def _clear_frame(axes: Any) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
