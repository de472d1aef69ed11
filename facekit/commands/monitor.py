"""Monitor: what the answers of a gallery or a model were like by day, and whether anything has changed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from facekit.base.contract import FacekitError, Listing, Report, Track, quiet
from facekit.base.files import replace_file
from facekit.base.plain import Json
from facekit.options.monitor import Monitor
from facekit.report import monitor as page
from facekit.report.monitor import DAYS, HEAD, Monitored, Point, Row
from facekit.scores.stability import Counts
from facekit.serving.monitor import findings, words
from facekit.serving.monitor.findings import Change, Findings, Verdict
from facekit.serving.monitor.measures import FACES, UNKNOWN, WRONG, Measure, shown, typical
from facekit.serving.monitor.watched import Watched, opened

STAGE = "monitor"

CHANGED = 1
"""The exit code of --fail-on-drift where something has changed."""

_NOTES = (
    "PSI: population stability index, how far values are from those that they are compared with; up to 0.1 is no "
    "change worth acting on, from 0.25 a large one.",
    "Something counts as changed where its PSI is above 0.1 for certain: at a level at which one month in twenty has a "
    "false alarm, over all measures and days. The interval is that of one measure alone, at 95%.",
    "“Since” names the first day on which that was certain; it may have begun some days before, the more so with few "
    "pictures a day, and few enrolled people.",
    "Days begin at midnight UTC. Only these counts are kept: no picture, no name.",
)


def monitor(options: Monitor, track: Track = quiet) -> Report:
    """Compare the answers of the last days with what was enrolled, or with the first days.

    Raises FacekitError for what is neither a gallery nor a model, where no answer was ever counted, and for a page
    that cannot be written.
    """
    began = time.monotonic()
    if options.page is not None and (options.page.is_dir() or not options.page.parent.is_dir()):
        raise FacekitError(f"--page is {options.page}, which cannot be a file; give a name in a folder that exists")
    with opened(options.target, options.overwrite and not options.dry_run, options.jobs, track) as watched:
        found = findings.find(watched.days.days(), watched.references, options.against, options.days)
        said = words.lines(found, watched.remedy) or ["no answer was counted yet"]
        rows = [_row(one, found, watched) for one in found.verdicts]
        days = [_day(day, counts, found) for day, counts in found.days.items()]
        if options.page is not None and not options.dry_run:
            _write(options.page, watched, rows, days, said, bool(found.changed))
        report = Report(STAGE, watched.shown, code=CHANGED if options.fail_on_drift and found.changed else 0)
        report.listing = Listing(HEAD, tuple(row.cells for row in rows))
        report.tables = (Listing(DAYS, tuple(days), tuple(said)),)
        report.details = {**_details(found, options), "lines": _lines(report.listing, report.tables[0], said)}
        report.seconds = round(time.monotonic() - began, 2)
        return report


def _lines(measures: Listing, days: Listing, said: list[str]) -> list[str]:
    return [*measures.lines(), "", *days.lines(), "", *said] if measures.rows else said


def _write(
    file: Path, watched: Watched, rows: list[Row], days: list[tuple[str, ...]], said: list[str], bad: bool
) -> None:
    title = f"Answers of the {watched.kind} {Path(watched.shown).name}"
    replace_file(file, page.render(Monitored(title, said, bad, rows, days, _NOTES)).encode())


def _row(one: Verdict, found: Findings, watched: Watched) -> Row:
    last, measure = one.last, one.measure
    against = {"enrolled": watched.enrolled, "first": "first days", None: "nothing yet"}[one.against]
    changed = measure.higher if one.higher else measure.lower
    return Row(
        name=measure.name if measure.unit in ("", "%") else f"{measure.name} ({measure.unit})",
        against=against,
        then=shown(measure, one.then, one.edges),
        now=shown(measure, one.now, one.edges),
        values=f"{one.values:,}",
        psi="" if last is None else f"{last.shift.psi:.2f}",
        interval="" if last is None else _interval(last),
        verdict=f"{changed} since {one.since}" if one.changed else _unchanged(one),
        changed=one.changed,
        unit=measure.unit,
        since=one.since,
        reference=_scaled(measure, one.then),
        points=_points(one, found, watched),
    )


def _unchanged(one: Verdict) -> str:
    if one.against is None:
        return f"known after {findings.FIRST_DAYS} days"
    return "as before" if one.last is not None else "too few to tell"


def _points(one: Verdict, found: Findings, watched: Watched) -> list[Point]:
    edges, told = watched.references[one.measure.name].edges, {change.day: change for change in one.days}
    points = []
    for day, counts in found.days.items():
        value = typical(one.measure, edges, counts[one.measure.name]) if one.measure.name in counts else None
        if (scaled := _scaled(one.measure, value)) is not None:
            psi = f"{told[day].shift.psi:.2f} ({_interval(told[day])})" if day in told else ""
            points.append(Point(day, scaled, shown(one.measure, value, edges), psi))
    return points


def _day(day: str, counts: Mapping[str, Counts], found: Findings) -> tuple[str, ...]:
    changed = [one.measure.name for one in found.verdicts for at in one.days if at.day == day and at.changed]
    pictures, faces, wrong = (counts.get(one.name) for one in (FACES, UNKNOWN, WRONG))
    return (
        day,
        *("" if one is None else f"{int(one.sum()):,}" for one in (pictures, faces)),
        *("" if one is None else f"{one[1] / one.sum():.1%}" for one in (faces, wrong)),
        ", ".join(changed),
    )


def _details(found: Findings, options: Monitor) -> dict[str, Json]:
    return {
        "changed": bool(found.changed),
        "against": options.against,
        "measures": [_plain(one) for one in found.verdicts],
        "days": [
            {"day": day, "counts": {name: one.tolist() for name, one in counts.items()}}
            for day, counts in found.days.items()
        ],
    }


def _plain(one: Verdict) -> dict[str, Json]:
    return {
        "measure": one.measure.name,
        "topic": one.measure.topic,
        "against": one.against,
        "then": one.then,
        "now": one.now,
        "values": one.values,
        **({} if one.last is None else _shift(one.last)),
        "changed": one.changed,
        "since": one.since,
        "days": [{"day": change.day, **_shift(change), "changed": change.changed} for change in one.days],
    }


def _shift(change: Change) -> dict[str, Json]:
    return {"span": change.span, "psi": change.shift.psi, "interval": [change.shift.low, change.shift.high]}


def _interval(change: Change) -> str:
    return f"{change.shift.low:.2f} to {change.shift.high:.2f}"


def _scaled(measure: Measure, value: float | None) -> float | None:
    return 100 * value if measure.share and value is not None else value
