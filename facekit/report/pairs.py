"""The page that shows how well an embedder tells people apart: one HTML file with everything in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facekit.report import curves
from facekit.report.html import filled, thumbnail
from facekit.report.plots import plotted
from facekit.scores.verification import Distances, Same, curve

_SIDE = 140

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


def render(result: Mapping[str, Any], far: Distances, same: Same, shown: Shown) -> str:
    """Return the page as HTML that needs no other file and no network."""
    return filled(
        "pairs.html",
        forms={"percent": _percent, "points": _points, "share": _share, "number": "{:,}".format},
        result=result,
        title=f"{result['embedder']['name']} on {Path(result['pairs']).name}",
        point=result["points"][-1],
        names=_NAMES,
        plots=_plots(result, far, same),
        sheets=[
            ("One person, farthest apart", "taken for two people", _pictures(shown.root, shown.farthest)),
            ("Two people, nearest", "taken for one person", _pictures(shown.root, shown.nearest)),
        ],
    )


def _plots(result: Mapping[str, Any], far: Distances, same: Same) -> list[tuple[str, str]]:
    found = curve(far, same)
    assert found is not None
    counts = result["counts"]
    points = [(point["fmr"], point["fnmr"]) for point in result["points"]]
    thresholds = [point["threshold"] for point in result["points"]]
    return [
        ("ROC curve", plotted(curves.roc(found, points, counts["mismatched"]))),
        ("DET curve", plotted(curves.det(found, points, counts["matched"], counts["mismatched"]))),
        ("distances of pairs", plotted(curves.distances(far, same, thresholds))),
    ]


def _pictures(root: Path, couples: Sequence[Couple]) -> list[tuple[Couple, list[tuple[str, str]]]]:
    """Return each couple with the names and the pictures of its photos."""
    return [(couple, [(_short(path), thumbnail(root / path, _SIDE)) for path in couple.paths]) for couple in couples]


def _short(path: str) -> str:
    """Leave out a folder that the file's own name repeats, as LFW's do."""
    file = Path(path)
    return file.name if file.parent.name and file.name.startswith(file.parent.name) else path


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.2f}%"


def _points(interval: Sequence[float] | None) -> str:
    """Return an interval of shares in percent."""
    return "" if interval is None else f"{100 * interval[0]:.2f} to {100 * interval[1]:.2f}"


def _share(far: float) -> str:
    return f"{100 * far:g}%"
