"""Plots as bytes, drawn without a screen."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from math import isfinite
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


def histogram(values: Sequence[float], name: str, limits: Sequence[float] = ()) -> bytes:
    """Plot how many pictures have which value, as PNG; `limits` are marked. Values that are no numbers are left out."""
    finite = [value for value in values if isfinite(value)]
    figure = Figure(figsize=(4, 2.4), layout="constrained")
    axes = figure.add_subplot()
    axes.hist(finite, bins=40, color=TRAIN)
    for limit in limits:
        axes.axvline(limit, color=HELD, linestyle=":")
    axes.set(xlabel=name, ylabel="pictures")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    _clear_frame(axes)
    return _png(figure)


def confusion_svg(matrix: Sequence[Sequence[int]], names: Sequence[str]) -> str:
    """Draw a confusion matrix, rows true and columns predicted, as inline SVG.

    The browser's own fonts draw the names, so any alphabet works; names are escaped.
    """
    cell = max(8, min(44, 900 // len(names)))
    text = max(7, min(14, cell - 2))
    edge = round(min(180, 12 + 0.62 * text * max(map(len, names))))
    side = edge + cell * len(names) + 4
    parts = [_cell(row, column, count, sum(matrix[row]), cell, edge, names) for row, column, count in _filled(matrix)]
    for place, name in enumerate(names):
        middle = edge + cell * place + cell / 2
        short = escape(name if len(name) < 25 else name[:23] + "…")
        parts.append(f'<text x="{edge - 6}" y="{middle + text / 3:.1f}" text-anchor="end">{short}</text>')
        parts.append(f'<text transform="translate({middle + text / 3:.1f} {edge - 6}) rotate(-90)">{short}</text>')
    frame = f'<rect x="{edge}" y="{edge}" width="{cell * len(names)}" height="{cell * len(names)}" class="frame"/>'
    return (
        f'<svg class="confusion" viewBox="0 0 {side} {side}" width="{side}" height="{side}" '
        f'font-size="{text}" role="img" aria-label="confusion matrix">{frame}{"".join(parts)}</svg>'
    )


_SIDE, _EDGE = 300, 58


def reliability_svg(bins: Sequence[Mapping[str, float]]) -> str:
    """Draw how often the model is right by how sure it is, as inline SVG; under the diagonal it is too sure.

    A bar's ink says how many of the pictures stand in its bin.
    """
    most = max(row["pictures"] for row in bins)
    bars = "".join(_reliability_bar(row, row["pictures"] / most) for row in bins)
    top, right, bottom = 8, _EDGE + _SIDE, 8 + _SIDE
    ticks = "".join(
        f'<text x="{_EDGE - 6}" y="{bottom - share * _SIDE + 4:.0f}" text-anchor="end">{share:.0%}</text>'
        f'<text x="{_EDGE + share * _SIDE:.0f}" y="{bottom + 16}" text-anchor="middle">{share:.0%}</text>'
        for share in (0, 0.5, 1)
    )
    return (
        f'<svg class="reliability" viewBox="0 0 {right + 24} {bottom + 42}" width="{right + 24}" '
        f'height="{bottom + 42}" font-size="12" role="img" aria-label="reliability diagram">'
        f'<rect x="{_EDGE}" y="{top}" width="{_SIDE}" height="{_SIDE}" class="frame"/>{bars}'
        f'<line x1="{_EDGE}" y1="{bottom}" x2="{right}" y2="{top}" class="even"/>{ticks}'
        f'<text x="{_EDGE + _SIDE / 2}" y="{bottom + 36}" text-anchor="middle">how sure</text>'
        f'<text transform="translate(12 {top + _SIDE / 2}) rotate(-90)" text-anchor="middle">how often right</text>'
        "</svg>"
    )


def _reliability_bar(row: Mapping[str, float], share: float) -> str:
    """Draw one bin: a bar up to its accuracy, and a dot where its mean confidence says that should be."""
    x, width, bottom = _EDGE + row["from"] * _SIDE, (row["to"] - row["from"]) * _SIDE, 8 + _SIDE
    height = row["accuracy"] * _SIDE
    title = f"{row['pictures']} pictures, {row['confidence']:.1%} sure, {row['accuracy']:.1%} right"
    dot = f'cx="{_EDGE + row["confidence"] * _SIDE:.1f}" cy="{bottom - height:.1f}" r="3"'
    return (
        f'<g><title>{title}</title><rect x="{x + 0.5:.1f}" y="{bottom - height:.1f}" width="{width - 1:.1f}" '
        f'height="{height:.1f}" class="right" fill-opacity="{0.15 + 0.75 * share:.2f}"/><circle {dot}/></g>'
    )


def _filled(matrix: Sequence[Sequence[int]]) -> Iterator[tuple[int, int, int]]:
    for row, counts in enumerate(matrix):
        for column, count in enumerate(counts):
            if count:
                yield row, column, count


def _cell(row: int, column: int, count: int, total: int, cell: int, edge: int, names: Sequence[str]) -> str:
    x, y, share = edge + cell * column, edge + cell * row, count / total
    kind = "right" if row == column else "wrong"
    title = escape(f"{names[row]} taken for {names[column]}: {count} of {total}")
    if row == column:
        title = escape(f"{names[row]}: {count} of {total} right")
    place = f'x="{x}" y="{y}" width="{cell}" height="{cell}"'
    box = f'<rect {place} class="{kind}" fill-opacity="{0.12 + 0.88 * share:.2f}"/>'
    number = ""
    if cell >= 16:
        ink = "light" if share > 0.5 else "dark"
        number = f'<text x="{x + cell / 2}" y="{y + cell / 2 + 4}" text-anchor="middle" class="{ink}">{count}</text>'
    return f"<g><title>{title}</title>{box}{number}</g>"


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
