"""What became of the pictures of each person: the table on the terminal, in JSON and at the top of the report."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from facekit.base.contract import Listing, Record, Rejection, Report
from facekit.dataset import REPEATED, reasons
from facekit.faces import confirmation
from facekit.identity import people
from facekit.options.clean import Clean
from facekit.options.typed import typed

SHOWN = 20
"""People that the table on a terminal shows; the report has all."""

_NAMED = 10

_COLUMNS = ("person", "in", "kept", "wrong person", "no face", "repeats", "blurred", "unsure", "other")

_GROUPS = {
    reasons.WRONG: "wrong",
    reasons.NO_FACE: "no_face",
    reasons.REPEAT: "repeats",
    reasons.SHARED: "repeats",
    REPEATED: "repeats",
    reasons.BLURRED: "blurred",
    reasons.FEW: "dropped",
    reasons.BEYOND: "dropped",
    **dict.fromkeys(reasons.OPEN, "left_unsure"),
}


@dataclass(frozen=True)
class PersonRow:
    """What became of the pictures of one person."""

    name: str
    faces: int
    """Pictures in the input."""
    kept: int
    wrong: int
    no_face: int
    repeats: int
    blurred: int
    unsure: int
    """Faces that a person should decide on: kept so far, unless `--unsure leave`."""
    kept_unsure: int
    """How many of those are kept."""
    dropped: int
    """Good faces that are left out because the person has too few, or is beyond `--people`."""
    other: int
    """Left out for any other reason."""
    beyond: bool
    """Whether they are dropped for `--people`, not for `--min-images`."""

    @property
    def cells(self) -> tuple[str, ...]:
        """The row of a table; a person who is dropped shows with how many good faces."""
        kept = f"0 ({self.dropped} dropped)" if self.dropped else f"{self.kept}"
        numbers = (self.wrong, self.no_face, self.repeats, self.blurred, self.unsure, self.other)
        return self.name, f"{self.faces}", kept, *map(str, numbers)


def add(report: Report, kept: Sequence[Record], left: Sequence[Rejection], options: Clean) -> None:
    """Add to a report what became of each person's pictures, and how many faces wait for the review."""
    found = rows(kept, left, options.keep_at)
    report.tables = (listing(found, options),)
    report.details["by_person"] = [asdict(row) for row in found]
    report.details["unsure"] = sum(row.unsure for row in found)


def rows(kept: Sequence[Record], left: Sequence[Rejection], keep_at: float) -> list[PersonRow]:
    """Return a row for each person: those who are dropped first, then those with most to decide on."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for record in kept:
        counts[record.label]["kept"] += 1
        counts[record.label]["kept_unsure"] += is_unsure(record, keep_at)
    for one in left:
        counts[one.label][_GROUPS.get(one.reason, "other")] += 1
        counts[one.label]["beyond"] += one.reason == reasons.BEYOND
    found = [_row(name, of) for name, of in counts.items()]
    return sorted(found, key=lambda row: (-row.dropped, -row.unsure, -row.wrong, row.name))


def is_unsure(record: Record, keep_at: float) -> bool:
    """Whether a kept picture waits for the review: perhaps another person, or perhaps no face."""
    quality = record.quality or {}
    value, face = quality.get(people.PERSON), quality.get(confirmation.FACE, 1.0)
    return value is not None and (value < keep_at or face < confirmation.SURE)


def listing(found: Sequence[PersonRow], options: Clean) -> Listing:
    """Return the table for a terminal, with what to type to keep the people who are dropped.

    Columns in which nobody has a picture are left out.
    """
    shown = [row.cells for row in found[:SHOWN]]
    used = [place for place in range(len(_COLUMNS)) if place < 3 or any(cells[place] != "0" for cells in shown)]
    table = tuple(tuple(cells[place] for place in used) for cells in shown)
    notes = [f"… and {len(found) - SHOWN:,} more; --report FILE.html shows all"] if len(found) > SHOWN else []
    return Listing(tuple(_COLUMNS[place] for place in used), table, (*notes, *kept_by(found, options)))


def kept_by(found: Sequence[PersonRow], options: Clean) -> list[str]:
    """Return lines that name the people who are dropped, and say what to type to keep them."""
    few = _few(found)
    beyond = [row for row in found if row.dropped and row.beyond]
    lines = []
    if fix := keep_few(found, options):
        lines += _advice(few, f"fewer than {options.min_images} good faces (--min-images)", fix[1])
    if beyond:
        everyone = options.people + len(beyond)
        what = f"not among the {options.people} with the most faces (--people)"
        lines += _advice(beyond, what, typed(options, people=everyone, overwrite=True, dry_run=False))
    return lines


def keep_few(found: Sequence[PersonRow], options: Clean) -> tuple[str, str] | None:
    """Return who has fewer than `--min-images` faces, and the command that keeps them; None where nobody has."""
    few = _few(found)
    if not few:
        return None
    least = min(row.dropped for row in few)
    return _named(few), typed(options, min_images=least, overwrite=True, dry_run=False)


def _few(found: Sequence[PersonRow]) -> list[PersonRow]:
    return [row for row in found if row.dropped and not row.beyond]


def _advice(dropped: Sequence[PersonRow], why: str, command: str) -> list[str]:
    count = sum(row.dropped for row in dropped)
    faces = f"{count:,} good face{'s' if count > 1 else ''}"
    return [f"Dropped, as {why}: {_named(dropped)}. To keep their {faces}:", command]


def _named(dropped: Iterable[PersonRow]) -> str:
    names = [f"{row.name} ({row.dropped})" for row in dropped]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _row(name: str, of: Counter[str]) -> PersonRow:
    left = sum(of[key] for key in {*_GROUPS.values(), "other"})
    return PersonRow(
        name=name,
        faces=of["kept"] + left,
        kept=of["kept"],
        wrong=of["wrong"],
        no_face=of["no_face"],
        repeats=of["repeats"],
        blurred=of["blurred"],
        unsure=of["kept_unsure"] + of["left_unsure"],
        kept_unsure=of["kept_unsure"],
        dropped=of["dropped"],
        other=of["other"],
        beyond=of["beyond"] > 0,
    )
