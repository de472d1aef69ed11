"""The page that shows what was left out and why: one HTML file, made from what the folder and its source hold."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from facekit.base import files as lines
from facekit.base import text
from facekit.base.contract import Rejection
from facekit.commands.clean import by_person
from facekit.commands.clean.measured import measured
from facekit.dataset import REJECTED, REMOVED, REPEATED, Dataset, reasons
from facekit.dataset.info import Doubts
from facekit.dataset.records import read_rejections
from facekit.faces import confirmation
from facekit.identity import people
from facekit.options.clean import Clean
from facekit.report import html
from facekit.report.histogram import Histogram, histogram

SHEET = 48
"""Pictures shown of each reason; all are in `rejected.jsonl`."""

_SIDE = 128

_KEPT_UNSURE = "kept, though unsure"

_FIRST = (_KEPT_UNSURE, reasons.UNSURE, reasons.WRONG, reasons.NO_FACE, reasons.NOBODY, reasons.NO_VECTOR)
"""What a person should look at first."""

_PLAIN = (reasons.FEW, reasons.BEYOND, REMOVED, REPEATED, reasons.REPEAT)
"""Reasons that do not depend on what the picture shows."""

_LIMITS = {
    "sharpness": ("min_sharpness",),
    "brightness": ("min_brightness", "max_brightness"),
    "contrast": ("min_contrast",),
    "clipped": ("max_clipped",),
    "size": ("min_side",),
    people.PERSON: ("reject_at", "keep_at"),
    confirmation.FACE: (),
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


@dataclass(frozen=True)
class Sheet:
    """The pictures of one reason: how many there are, and tiles of the first."""

    reason: str
    count: int
    tiles: Sequence[Tile]


@dataclass(frozen=True)
class _Shown:
    """A picture that may stand on a sheet, and its place there."""

    rank: float
    file: Path | None
    name: str
    note: str
    like: str | None = None


def write(file: Path, root: Path, source: Dataset, options: Clean) -> None:
    """Write the page of a cleaned folder. Raises FacekitError without `jinja2`, or where it may not be written."""
    lines.replace_file(file, text.encode(render(root, source, options)))


def render(root: Path, source: Dataset, options: Clean) -> str:
    """Return the page as HTML that needs no other file and no network."""
    kept, left = Dataset.open(root), read_rejections(root / REJECTED)
    doubts = kept.info.people or Doubts()
    found = by_person.rows(kept.records, left, options.keep_at)
    return html.render(
        "clean.html",
        "--report",
        title=root.resolve().name,
        kept=len(kept.records),
        left=Counter(one.reason for one in left).most_common(),
        embedder=kept.info.embedder,
        drawn=kept.info.drawn,
        nobody=doubts.nobody,
        twins=doubts.one_person,
        people=found,
        advice=by_person.kept_by(found, options),
        histograms=list(_histograms(kept)),
        reliability=measured(kept.info.embedder),
        sheets=_sheets(kept, left, source),
    )


def _histograms(kept: Dataset) -> Iterator[Histogram]:
    for name, limits in _LIMITS.items():
        values = [record.quality[name] for record in kept.records if record.quality and name in record.quality]
        marks = [value for limit in limits if (value := kept.info.number(limit)) is not None]
        found = histogram(name, values, marks)
        if found is not None:
            yield found


def _sheets(kept: Dataset, left: Sequence[Rejection], source: Dataset) -> list[Sheet]:
    """Return a sheet for each reason: those to decide on first, then by number."""
    shown: dict[str, list[_Shown]] = defaultdict(list)
    shown[_KEPT_UNSURE] += _kept_unsure(kept)
    for one, file in zip(left, _files(left, source), strict=True):
        if one.reason not in _PLAIN:
            shown[one.reason].append(_Shown(_rank(one), file, one.label, _note(one), one.like))
    order = {reason: place for place, reason in enumerate(_FIRST)}
    by_need = sorted(shown, key=lambda reason: (order.get(reason, len(order)), -len(shown[reason]), reason))
    return [Sheet(reason, len(shown[reason]), _tiles(shown[reason])) for reason in by_need if shown[reason]]


def _kept_unsure(kept: Dataset) -> Iterator[_Shown]:
    keep_at = kept.info.number("keep_at") or 0.0
    for record in kept.records:
        if by_person.is_unsure(record, keep_at):
            value = (record.quality or {})[people.PERSON]
            yield _Shown(-value, kept.path_of(record), record.label, f"{value:.0%}")


def _files(left: Sequence[Rejection], source: Dataset) -> Iterator[Path | None]:
    """Yield the file of each in the source, by what it is: a line's path may lead anywhere."""
    paths = {(record.label, record.id): record.path for record in source.records}
    for one in left:
        path = paths.get((one.label, one.id))
        yield source.root / path if path is not None else None


def _rank(one: Rejection) -> float:
    """Return where a picture stands in its sheet: the nearest to being kept first."""
    return -float(one.value) if isinstance(one.value, int | float) else 0.0


def _note(one: Rejection) -> str:
    if one.value is None:
        return ""
    if isinstance(one.value, str):
        return one.value
    return f"{one.value:.1%}" if one.reason in (reasons.WRONG, reasons.UNSURE) else f"{one.value:g}"


def _tiles(shown: Iterable[_Shown]) -> list[Tile]:
    first = sorted(shown, key=lambda one: (one.rank, one.name, str(one.file)))[:SHEET]
    return [Tile(html.thumbnail(one.file, _SIDE) if one.file else "", one.name, one.note, one.like) for one in first]
