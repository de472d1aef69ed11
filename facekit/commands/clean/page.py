"""The page that shows what was left out and why: one HTML file, made from what the folder and its source hold."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facekit.base import files as lines
from facekit.base.contract import Record, Rejection
from facekit.commands.clean.reasons import BEYOND, FEW, REPEAT
from facekit.dataset import REJECTED, REMOVED, REPEATED, Dataset
from facekit.faces import quality
from facekit.identity import people
from facekit.report.html import embedded, filled, thumbnail

SHEET = 48
"""Pictures shown of each reason; all are in `rejected.jsonl`."""

_SIDE = 128

_KEPT_UNSURE = "kept, though unsure"

_FIRST = (_KEPT_UNSURE, people.UNSURE, people.WRONG, people.NOBODY, people.NO_VECTOR)
"""What a person should look at first."""

_PLAIN = (FEW, BEYOND, REMOVED, REPEATED, REPEAT)
"""Reasons that say nothing of what the picture shows."""

_LIMITS = {
    "sharpness": ("min_sharpness",),
    "brightness": ("min_brightness", "max_brightness"),
    "contrast": ("min_contrast",),
    "clipped": ("max_clipped",),
    "size": ("min_side",),
    people.PERSON: ("reject_at", "keep_at"),
    "yaw": (),
    "roll": (),
}


@dataclass(frozen=True)
class Tile:
    """One picture of a sheet, as a data URL; empty where it cannot be read."""

    picture: str
    name: str
    note: str
    like: str | None = None


def write(file: Path, root: Path, source: Dataset) -> None:
    """Write the page of a cleaned folder. Raises FacekitError without `jinja2`, or where it may not be written."""
    lines.replace_file(file, render(root, source).encode(errors="replace"))


def render(root: Path, source: Dataset) -> str:
    """Return the page as HTML that needs no other file and no network."""
    kept, left = Dataset.open(root), lines.read_lines(root / REJECTED, Rejection)
    about = kept.info.get("people", {})
    return filled(
        "clean.html",
        "--report",
        title=root.resolve().name,
        kept=len(kept.records),
        left=Counter(one.reason for one in left).most_common(),
        embedder=kept.info.get("embedder"),
        drawn=bool(kept.info.get("drawn")),
        nobody=about.get("nobody", []),
        twins=about.get("one_person", []),
        names=_names(kept.records, left),
        plots=_plots(kept),
        sheets=_sheets(kept, left, source),
        most=SHEET,
    )


def _names(kept: Sequence[Record], left: Sequence[Rejection]) -> list[dict[str, Any]]:
    """Return a row for each name: those with most to settle first."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for record in kept:
        counts[record.label]["kept"] += 1
    for one in left:
        counts[one.label][one.reason if one.reason == people.WRONG else _group(one.reason)] += 1
    rows = [
        {"name": name, **{key: found[key] for key in ("kept", people.WRONG, "unsure", "other")}}
        for name, found in counts.items()
    ]
    return sorted(rows, key=lambda row: (-row["unsure"], -row[people.WRONG], row["name"]))


def _group(reason: str) -> str:
    return "unsure" if reason in people.OPEN else "other"


def _plots(kept: Dataset) -> list[tuple[str, str]]:
    options: Mapping[str, Any] = kept.info.get("options", {})
    plots = []
    for name, limits in _LIMITS.items():
        values = [record.quality[name] for record in kept.records if record.quality and name in record.quality]
        if values:
            marks = [float(options[limit]) for limit in limits if limit in options]
            plots.append((name, embedded("png", quality.histogram(values, name, *marks[:2]))))
    return plots


def _sheets(kept: Dataset, left: Sequence[Rejection], source: Dataset) -> list[tuple[str, int, list[Tile]]]:
    """Return reason, number and tiles of each sheet: what is to be settled first, then by number."""
    keep_at = float(kept.info.get("options", {}).get("keep_at", 0))
    found: dict[str, list[tuple[float, Path, str, str, str | None]]] = defaultdict(list)
    for record in kept.records:
        value = (record.quality or {}).get(people.PERSON)
        if value is not None and value < keep_at:
            found[_KEPT_UNSURE].append((-value, kept.path_of(record), record.label, f"{value:.0%}", None))
    for one in left:
        if one.reason not in _PLAIN:
            found[one.reason].append((_rank(one), source.root / one.path, one.label, _note(one), one.like))
    order = sorted(
        found,
        key=lambda reason: (_FIRST.index(reason) if reason in _FIRST else len(_FIRST), -len(found[reason]), reason),
    )
    return [(reason, len(found[reason]), _tiles(found[reason])) for reason in order]


def _rank(one: Rejection) -> float:
    """Return where a picture stands in its sheet: the nearest to being kept first."""
    return -float(one.value) if isinstance(one.value, int | float) else 0.0


def _note(one: Rejection) -> str:
    if one.value is None:
        return ""
    if isinstance(one.value, str):
        return one.value
    return f"{one.value:.1%}" if one.reason in (people.WRONG, people.UNSURE) else f"{one.value:g}"


def _tiles(found: Iterable[tuple[float, Path, str, str, str | None]]) -> list[Tile]:
    ordered = sorted(found, key=lambda row: (row[0], row[2], str(row[1])))[:SHEET]
    return [Tile(thumbnail(file, _SIDE), name, note, like) for _, file, name, note, like in ordered]
