"""The HTML page that shows what was left out and why, made from the folder and its source."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from facekit.base import files as lines
from facekit.base import text
from facekit.base.contract import Rejection
from facekit.commands.clean import by_person
from facekit.commands.clean.measured import measured
from facekit.dataset import REJECTED, REMOVED, REPEATED, Dataset, reasons
from facekit.dataset.ancestry import Ancestry
from facekit.dataset.info import Doubts
from facekit.dataset.records import read_rejections
from facekit.faces import confirmation
from facekit.identity import people
from facekit.options.clean import Clean
from facekit.report import html
from facekit.report.charts import Chart
from facekit.report.histogram import histogram
from facekit.report.reliability import reliability

SHEET = 48
"""Pictures shown of each reason; all are in `rejected.jsonl`."""

_SIDE = 128

_KEPT_UNSURE = "kept, though unsure"

_WHY_UNSURE = "unsure because the edge of the photo cuts it off"
"""Why a face is unsure that is as unlikely as one that is left out as the wrong person."""

_FIRST = (_KEPT_UNSURE, reasons.UNSURE, reasons.WRONG, reasons.NO_FACE, reasons.NOBODY, reasons.NO_VECTOR)
"""What a person should look at first."""

_PLAIN = (reasons.FEW, reasons.BEYOND, REMOVED, REPEATED)
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
    file: str
    """Its file's name."""
    address: str
    """Where the file is, from the page; empty where it is gone."""
    photo: str
    """Where the photo is that it was cut from; empty where it no longer exists."""
    like: str | None = None
    other: str = ""
    """The picture that it repeats, as a data URL."""
    other_address: str = ""
    other_file: str = ""
    credit: str = ""
    """Whose photo it is, and under which licence."""


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
    origin: str | None = None
    like: str | None = None
    repeats: Path | None = None
    """The picture that it repeats."""


def write(file: Path, root: Path, source: Dataset, options: Clean) -> None:
    """Write the page of a cleaned folder. Raises FacekitError without `jinja2`, or where it may not be written."""
    lines.replace_file(file, text.encode(render(root, source, options, file.parent)))


def render(root: Path, source: Dataset, options: Clean, folder: Path) -> str:
    """Return the page as HTML that needs no other file and no network. Its links lead from `folder` to the pictures."""
    kept, left = Dataset.open(root), read_rejections(root / REJECTED)
    doubts, bins = kept.info.people or Doubts(), measured(kept.info.embedder)
    waiting = by_person.Waiting.of(root, options.keep_at, kept.info.people is not None)
    found = by_person.rows(kept.records, left, waiting)
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
        columns=by_person.COLUMNS,
        people=found,
        advice=by_person.kept_by(found, options),
        histograms=list(_histograms(kept)),
        measured=sum(one.pictures for one in bins),
        reliability=reliability(bins) if bins else None,
        kept_unsure=sum(row.kept_unsure for row in found),
        every=by_person.total(found) if len(found) > 1 else None,
        sheets=_sheets(kept, left, source, _Addresses(root, folder), waiting, options.reject_at),
    )


def _histograms(kept: Dataset) -> Iterator[Chart]:
    for name, limits in _LIMITS.items():
        values = [record.quality[name] for record in kept.records if record.quality and name in record.quality]
        marks = [value for limit in limits if (value := kept.info.number(limit)) is not None]
        found = histogram(name, values, marks, "the limits" if len(marks) > 1 else "the limit")
        if found is not None:
            yield found


def _sheets(
    kept: Dataset,
    left: Sequence[Rejection],
    source: Dataset,
    addresses: _Addresses,
    waiting: by_person.Waiting,
    reject_at: float,
) -> list[Sheet]:
    """Return a sheet for each reason: those to decide on first, then by number."""
    shown: dict[str, list[_Shown]] = defaultdict(list)
    paths = {record.path for record in source.records}
    shown[_KEPT_UNSURE] += _kept_unsure(kept, waiting)
    for one, file in zip(left, _files(left, source), strict=True):
        if one.reason not in _PLAIN:
            shown[one.reason].append(
                _Shown(
                    _rank(one), file, one.label, _note(one, reject_at), one.origin, one.like, _other(one, source, paths)
                )
            )
    order = {reason: place for place, reason in enumerate(_FIRST)}
    by_need = sorted(shown, key=lambda reason: (order.get(reason, len(order)), -len(shown[reason]), reason))
    return [Sheet(reason, len(shown[reason]), _tiles(shown[reason], addresses)) for reason in by_need if shown[reason]]


def _kept_unsure(kept: Dataset, waiting: by_person.Waiting) -> Iterator[_Shown]:
    for record in filter(waiting.kept, kept.records):
        value = (record.quality or {}).get(people.PERSON)
        note = "could not be identified" if value is None else reasons.measured(reasons.UNSURE, value)
        yield _Shown(-(value or 0.0), kept.path_of(record), record.label, note, record.origin)


def _files(left: Sequence[Rejection], source: Dataset) -> Iterator[Path | None]:
    """Yield the file of each in the source, by what it is: a line's path may lead anywhere."""
    paths = {(record.label, record.id): record.path for record in source.records}
    for one in left:
        path = paths.get((one.label, one.id))
        yield source.root / path if path is not None else None


def _rank(one: Rejection) -> float:
    """Return where a picture stands in its sheet: the nearest to being kept first."""
    return -float(one.value) if isinstance(one.value, int | float) else 0.0


def _note(one: Rejection, reject_at: float) -> str:
    """Return what stands below a picture: what decided, but not the picture that it repeats, which is shown."""
    if one.reason == reasons.REPEAT:
        return ""
    note = reasons.measured(one.reason, one.value)
    if one.reason == reasons.UNSURE and isinstance(one.value, int | float) and one.value <= reject_at:
        return f"{note}; {_WHY_UNSURE}"
    return note


def _other(one: Rejection, source: Dataset, paths: Collection[str]) -> Path | None:
    """Return the picture that one repeats: its path is the value, which may lead anywhere where no record has it."""
    if one.reason != reasons.REPEAT or one.value not in paths:
        return None
    return source.root / str(one.value)


class _Addresses:
    """Where pictures and their photos are, as links from the page's folder."""

    def __init__(self, root: Path, folder: Path) -> None:
        self._ancestry, self._folder = Ancestry(root), folder

    def of(self, file: Path | None) -> str:
        return html.link(file, self._folder)

    def photo(self, shown: _Shown) -> str:
        return self.of(self._ancestry.photo(shown.origin)) if shown.origin else ""

    def credit(self, shown: _Shown) -> str:
        source = self._ancestry.source_of(shown.origin) if shown.origin else None
        return "" if source is None else source.credit


def _tiles(shown: Iterable[_Shown], addresses: _Addresses) -> list[Tile]:
    first = sorted(shown, key=lambda one: (one.rank, one.name, str(one.file)))[:SHEET]
    return [_tile(one, addresses) for one in first]


def _tile(one: _Shown, addresses: _Addresses) -> Tile:
    address, photo = addresses.of(one.file), addresses.photo(one)
    return Tile(
        html.thumbnail(one.file, _SIDE),
        one.name,
        one.note,
        one.file.name if one.file else "",
        address,
        "" if photo == address else photo,
        one.like,
        html.thumbnail(one.repeats, _SIDE),
        addresses.of(one.repeats),
        one.repeats.name if one.repeats else "",
        addresses.credit(one),
    )
