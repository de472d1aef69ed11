"""The page that shows how well an embedder tells people apart: one HTML file, beside `scores.json`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from math import isnan
from pathlib import Path

from facekit.base.figures import decimal
from facekit.base.files import guarded, replace_file, write_json
from facekit.base.plain import Json
from facekit.base.text import counted
from facekit.report import curves, scores_json
from facekit.report.charts import Chart
from facekit.report.html import link, percent, render, thumbnail
from facekit.runs.reports import PAGE, SCORES
from facekit.scores.beside import Beside
from facekit.scores.bootstrap import Interval
from facekit.scores.pairs import PairsReport
from facekit.scores.verification import Distances, Measures, Same, curve

_SIDE = 140

_PERCENT = partial(percent, digits=2)

_NAMES = {"accuracy": "accuracy", "fmr": "false match rate", "fnmr": "false non-match rate"}


@dataclass(frozen=True)
class Couple:
    """A pair to be shown: its photos, how far apart they are, and whether that is on the wrong side."""

    paths: tuple[str, str]
    distance: float
    wrong: bool


@dataclass(frozen=True)
class Shown:
    """The farthest pairs of one person and the nearest of two, worst first; their paths go from `root`."""

    root: Path
    farthest: Sequence[Couple]
    nearest: Sequence[Couple]


def write(output: Path, report: PairsReport, far: Distances, same: Same, shown: Shown) -> None:
    """Write `scores.json` and `report.html` into a folder, which is made. Raises FacekitError for a full disk."""
    with guarded(output):
        output.mkdir(parents=True, exist_ok=True)
    write_json(output / SCORES, scores_json.of_pairs(report))
    replace_file(output / PAGE, html(report, far, same, shown, output).encode())


def html(report: PairsReport, far: Distances, same: Same, shown: Shown, folder: Path) -> str:
    """Return the page as HTML that needs no other file and no network. Raises FacekitError without `jinja2`.

    Its links lead from `folder` to the photos.
    """
    return render(
        "pairs.html",
        filters={"percent": _PERCENT, "points": _points, "share": _share, "area": _area},
        report=report,
        counts=report.counts,
        scores=report.scores,
        title=f"{report.embedder.name} on {Path(report.pairs).name}",
        chosen=report.scores.points[-1],
        names=_NAMES,
        charts=_charts(report, far, same),
        sheets=[
            ("One person, farthest apart", "taken for two people", _pictures(shown.root, shown.farthest, folder)),
            ("Two people, nearest", "taken for one person", _pictures(shown.root, shown.nearest, folder)),
        ],
    )


def details(report: PairsReport, output: Path) -> dict[str, Json]:
    """Return what the closing table shows: of each score its value and, as `NAME_interval`, its interval."""
    counts, scores, chosen = report.counts, report.scores, report.scores.points[-1]
    measures, fars = scores.measures, scores.fars
    nothing: Measures[Interval | None] = Measures.of([None] * len(measures.flat()), len(fars))
    between = scores.intervals or nothing
    rows: dict[str, Json] = {
        "embedder": report.embedder.name,
        "pairs_compared": counts.compared,
        "pairs_left_out": counts.left_out,
        "threshold": round(chosen.point.threshold, 4),
        "threshold_from": chosen.point.origin,
        **_row("accuracy", chosen.rates.accuracy, chosen.intervals.accuracy),
        **_row("fmr", chosen.rates.fmr, chosen.intervals.fmr),
        **_row("fnmr", chosen.rates.fnmr, chosen.intervals.fnmr),
    }
    if counts.left_out:
        rows |= _row("accuracy with those left out as rejected", chosen.rejecting.accuracy)
    rows |= _row("auc", measures.auc, between.auc) | _row("eer", measures.eer, between.eer)
    for far, share, ends in zip(fars, measures.tar, between.tar, strict=True):
        rows |= _row(f"tar at {decimal(far)}", share, ends)
    if scores.folds is not None:
        rows |= _row("accuracy, mean of folds", scores.folds.accuracy)
        rows |= _row("its standard error", scores.folds.standard_error)
    for row in scores.groups:
        name = f"accuracy of {counted(row.matched + row.mismatched, 'pair')} {row.group.name}"
        ends = None if row.intervals is None else row.intervals.points[0].accuracy
        rows |= _row(name, row.measures.points[0].accuracy, ends)
    for gap in scores.gaps:
        rows |= _row(f"gap in {gap.rate}, {gap.worse} worse", gap.gap, gap.interval)
    return {
        **rows,
        **_beside(report.beside),
        **report.weights.rows(),
        "banners": list(report.banners),
        "report": str(output / PAGE),
    }


def _beside(other: Beside | None) -> dict[str, Json]:
    if other is None:
        return {}
    rows: dict[str, Json] = {"beside": other.other.name, "auc_beside": round(other.other.measures.auc, 4)}
    rows |= _row("auc_gain", other.auc.difference, other.auc.interval)
    for far, gain in zip(other.fars, other.tar, strict=True):
        rows |= _row(f"gain in tar at {decimal(far)}", gain.difference, gain.interval)
    return {**rows, "verdict": f"{other.verdict} than {other.other.name}"}


def _row(name: str, value: float, interval: Interval | None = None) -> dict[str, Json]:
    row: dict[str, Json] = {name: round(value, 4)}
    return row if interval is None else {**row, f"{name}_interval": [round(end, 4) for end in interval]}


def _charts(report: PairsReport, far: Distances, same: Same) -> list[Chart]:
    rates = curve(far, same)
    assert rates is not None  # both kinds can be compared, or nothing is scored
    counts, points = report.counts, [(one.rates.fmr, one.rates.fnmr) for one in report.scores.points]
    thresholds = [one.point.threshold for one in report.scores.points]
    return [
        curves.roc(rates, points, counts.mismatched),
        curves.det(rates, points, counts.matched, counts.mismatched),
        curves.distances(far, same, thresholds),
    ]


def _pictures(
    root: Path, couples: Sequence[Couple], folder: Path
) -> list[tuple[Couple, list[tuple[str, str, str, Path]]]]:
    """Return each couple with the names, the pictures and the addresses of its photos, and their files."""
    return [
        (
            couple,
            [
                (_short(path), thumbnail(root / path, _SIDE), link(root / path, folder), root / path)
                for path in couple.paths
            ],
        )
        for couple in couples
    ]


def _short(path: str) -> str:
    """Leave out a folder that the file's own name repeats, as LFW's do."""
    file = Path(path)
    return file.name if file.parent.name and file.name.startswith(file.parent.name) else path


def _points(interval: Interval | None) -> str:
    """Return an interval of shares in percent."""
    return "" if interval is None else f"{100 * interval.low:.2f} to {100 * interval.high:.2f}"


def _area(auc: float) -> str:
    return "–" if isnan(auc) else f"{auc:.4f}"


def _share(far: float) -> str:
    return f"{decimal(100 * far)}%"
