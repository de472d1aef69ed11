"""The page that shows what answers were like by day, and what has changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from facekit.report.charts import Axis, Chart, Numbers, Series
from facekit.report.html import render as rendered

HEAD = ("measure", "compared with", "then", "now", "values", "PSI", "95% interval", "result")
DAYS = ("day", "pictures", "faces", "unknown", "reported wrong", "changed")


@dataclass(frozen=True)
class Point:
    """One measure on one day."""

    day: str
    value: float
    """A typical one, in percent where the measure is a share."""
    shown: str
    psi: str = ""
    """With its interval; empty where there were too few values to tell, or nothing to compare with."""


@dataclass(frozen=True)
class Row:
    """What is said of one measure: all as people read it."""

    name: str
    against: str
    then: str
    now: str
    values: str
    psi: str
    interval: str
    verdict: str
    changed: bool
    unit: str = ""
    since: str | None = None
    reference: float | None = None
    """A typical value of the reference, as in `Point`."""
    points: Sequence[Point] = field(default_factory=list)

    @property
    def cells(self) -> tuple[str, ...]:
        """The row of a table, as `HEAD` says."""
        return (self.name, self.against, self.then, self.now, self.values, self.psi, self.interval, self.verdict)


@dataclass(frozen=True)
class Monitored:
    """All that a page says."""

    title: str
    said: Sequence[str]
    """What has changed, and what to do."""
    changed: bool
    rows: Sequence[Row]
    days: Sequence[tuple[str, ...]]
    """As `DAYS` says."""
    notes: Sequence[str]


def render(page: Monitored) -> str:
    """Return the page as HTML that needs no other file and no network. Raises FacekitError without `jinja2`."""
    charts = [chart for row in page.rows if (chart := _chart(row)) is not None]
    return rendered("monitor.html", "the page", page=page, title=page.title, head=HEAD, day_head=DAYS, charts=charts)


def _chart(row: Row) -> Chart | None:
    """Return a measure by day; None for fewer than two days."""
    if len(row.points) < 2:
        return None
    first = date.fromisoformat(row.points[0].day)
    places = [float((date.fromisoformat(point.day) - first).days) for point in row.points]
    series = [Series("by day", places, [point.value for point in row.points])]
    if row.reference is not None:
        series.append(Series(row.against, [places[0], places[-1]], [row.reference] * 2, colour="even"))
    marks = [] if row.since is None else [float((date.fromisoformat(row.since) - first).days)]
    numbers = Numbers(
        ("day", row.name, "PSI (95% interval)"), [(point.day, point.shown, point.psi) for point in row.points]
    )
    return Chart(
        row.name.capitalize(),
        Axis(f"days since {row.points[0].day}"),
        Axis(row.unit or row.name),
        series,
        marks,
        "changed from here on",
        own_numbers=numbers,
    )
