"""Charts as values: what is drawn, over which axes. `static/charts.js` draws them with uPlot, in the page's colours.

A page carries a chart's numbers as JSON, and below it as a table, which needs no JavaScript and can be copied.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Literal

from facekit.base.figures import decimal

Scale = Literal["linear", "log", "deviate", "names"]
"""`deviate` spaces rates as the normal distribution does (a DET plot); `names` has one row for each text."""

Kind = Literal["line", "bars", "dots", "rows"]
"""`bars` are as wide as their values lie apart; `rows` are dots with their intervals, one to a name."""

Colour = Literal["first", "second", "even"]

Values = Sequence[float | None]

_RATES = (0.0001, 0.001, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95, 0.99, 0.999)
"""What an axis of normal deviates names."""

_DECADES = (0.0001, 0.001, 0.01, 0.1, 1.0)
"""What a logarithmic axis with a 0 names besides."""


@dataclass(frozen=True)
class Axis:
    """What an axis shows. Without ends it goes as far as the values do."""

    label: str
    scale: Scale = "linear"
    low: float | None = None
    high: float | None = None
    percent: bool = False
    """Whether values are shares, to be shown as percentages."""
    names: Sequence[str] = ()
    """What the rows are called, where the scale is `names`."""
    zero: bool = False
    """Whether what stands at the low end of a logarithmic axis is 0, which has no place on it otherwise."""


@dataclass(frozen=True)
class Series:
    """Values to be drawn: `y` over `x`, of one length."""

    name: str
    x: Values
    y: Values
    kind: Kind = "line"
    colour: Colour = "first"
    low: Values = ()
    high: Values = ()
    """The ends of each value's interval, where there are such."""


@dataclass(frozen=True)
class Numbers:
    """The table below a chart, as text."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Chart:
    """One chart. Dotted lines stand at `marks` of the horizontal axis."""

    title: str
    x: Axis
    y: Axis
    series: Sequence[Series]
    marks: Sequence[float] = ()
    marked: str = ""
    """What the marks are."""
    square: bool = False
    own_numbers: Numbers | None = None
    """The table, where it is another than that of the values drawn."""

    @property
    def numbers(self) -> Numbers:
        """What stands below the chart."""
        if self.own_numbers is not None:
            return self.own_numbers
        several, ends = len(self.series) > 1, any(one.low for one in self.series)
        head = [*(["series"] if several else []), self.x.label, self.y.label, *(["95% from", "to"] if ends else [])]
        rows = [
            [*([one.name] if several else []), *_row(self, one, place, ends)]
            for one in self.series
            for place in range(len(one.x))
        ]
        return Numbers(head, rows)

    @property
    def drawn(self) -> dict[str, object]:
        """What `charts.js` takes: rates on an axis of normal deviates are moved to where they stand."""
        series = [replace(one, x=_placed(self.x, one.x), y=_placed(self.y, one.y)) for one in self.series]
        axes = [{**vars(axis), "ticks": _ticks(axis), "ends": _placed(axis, _ends(axis))} for axis in (self.x, self.y)]
        return {"x": axes[0], "y": axes[1], "series": series, "marks": self.marks, "square": self.square}


def number(value: float | None, percent: bool = False) -> str:
    """Return a number as the table has it, a share in percent; nothing for none."""
    if value is None:
        return ""
    return f"{decimal(100 * value)}%" if percent else decimal(value, 5)


def thinned(count: int, most: int = 400) -> list[int]:
    """Return places of a curve of `count` points that are drawn: the first, the last, and evenly some between."""
    if count <= most:
        return list(range(count))
    return sorted({round(step * (count - 1) / (most - 1)) for step in range(most)})


def _row(chart: Chart, one: Series, place: int, with_ends: bool) -> list[str]:
    at = chart.x.names[int(one.x[place] or 0)] if chart.x.names else number(one.x[place], chart.x.percent)
    ends = [number(end[place], chart.y.percent) if end else "" for end in (one.low, one.high)] if with_ends else []
    return [at, number(one.y[place], chart.y.percent), *ends]


def _ends(axis: Axis) -> list[float | None]:
    return [axis.low, axis.high]


def _placed(axis: Axis, values: Values) -> Values:
    if axis.scale != "deviate":
        return values
    return [None if value is None else float(NormalDist().inv_cdf(value)) for value in values]


def _ticks(axis: Axis) -> Values:
    """Return where an axis of normal deviates, or one with a 0, has numbers; the others choose themselves."""
    if axis.zero and axis.low is not None and axis.high is not None:
        return [axis.low, *(rate for rate in _DECADES if 2 * axis.low < rate <= axis.high)]
    if axis.scale != "deviate" or axis.low is None or axis.high is None:
        return []
    return _placed(axis, [rate for rate in _RATES if axis.low <= rate <= axis.high])
