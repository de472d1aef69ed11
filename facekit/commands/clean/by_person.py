"""How many pictures of each person were kept or left out: for the terminal, JSON and the report."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from facekit.base.contract import Listing, Record, Rejection, Report
from facekit.base.text import counted, listed
from facekit.dataset import REPEATED, reasons
from facekit.dataset.decisions import Decisions, Key, key_of
from facekit.identity import people
from facekit.options.clean import Clean
from facekit.options.typed import typed

SHOWN = 20
"""People that the table on a terminal shows; the report has all."""

_NAMED = 10

COLUMNS = (
    *("person", "in", "kept", "wrong person", "no face", "repeat", "blurred"),
    *("left unsure", "rejected", "too few", "other"),
)
"""Each row adds up: what is in is kept or stands in one of the columns behind."""

_GROUPS = {
    reasons.WRONG: "wrong",
    reasons.NO_FACE: "no_face",
    reasons.REPEAT: "repeats",
    reasons.SHARED: "repeats",
    REPEATED: "repeats",
    reasons.BLURRED: "blurred",
    reasons.REVIEWED: "rejected",
    reasons.FEW: "dropped",
    reasons.BEYOND: "dropped",
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
    rejected: int
    """Faces that a person rejected in the review."""
    dropped: int
    """Good faces that are left out because the person has too few, or is beyond `--people`."""
    other: int
    """Left out for any other reason."""
    beyond: bool
    """Whether they are dropped for `--people`, not for `--min-images`."""

    @property
    def cells(self) -> tuple[str, ...]:
        """The row of a table, which adds up: an unsure face is kept, which is said, or it is left out as unsure."""
        kept = f"{self.kept} ({self.kept_unsure} unsure)" if self.kept_unsure else f"{self.kept}"
        left_unsure = self.unsure - self.kept_unsure
        numbers = (self.wrong, self.no_face, self.repeats, self.blurred, left_unsure, self.rejected)
        return self.name, f"{self.faces}", kept, *map(str, (*numbers, self.dropped, self.other))


def add(report: Report, kept: Sequence[Record], left: Sequence[Rejection], options: Clean, judged: bool) -> None:
    """Add to a report what became of each person's pictures, and how many faces wait for the review.

    `judged` says whether it was judged who is on the faces.
    """
    found = rows(kept, left, Waiting.of(options.output, options.keep_at, judged))
    report.tables = (listing(found, options),)
    report.details["by_person"] = [asdict(row) for row in found]
    report.details["unsure"] = sum(row.unsure for row in found)


@dataclass(frozen=True)
class Waiting:
    """Which pictures wait for a person's decision, as `review` shows them."""

    keep_at: float
    judged: bool
    decided: Collection[Key]
    """The pictures that a person has decided about."""

    @classmethod
    def of(cls, folder: Path, keep_at: float, judged: bool) -> Waiting:
        """Read what was decided about a folder. Raises FacekitError for a line that is none."""
        return cls(keep_at, judged, Decisions(folder).read().keys())

    def kept(self, record: Record) -> bool:
        """Whether a picture waits that is kept so far."""
        unsure = people.is_unsure(record.quality, self.keep_at, self.judged)
        return unsure and key_of(record) not in self.decided

    def left(self, one: Rejection) -> bool:
        """Whether a picture waits that is left out so far."""
        return one.reason in (*reasons.OPEN, reasons.REVIEWED) and key_of(one) not in self.decided


def rows(kept: Sequence[Record], left: Sequence[Rejection], waiting: Waiting) -> list[PersonRow]:
    """Return a row for each person: those who are dropped first, then those with most to decide on."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for record in kept:
        counts[record.label]["kept"] += 1
        counts[record.label]["kept_unsure"] += waiting.kept(record)
    for one in left:
        counts[one.label]["left_unsure" if waiting.left(one) else _GROUPS.get(one.reason, "other")] += 1
        counts[one.label]["beyond"] += one.reason == reasons.BEYOND
    found = [_row(name, of) for name, of in counts.items()]
    return sorted(found, key=lambda row: (-row.dropped, -row.unsure, -row.wrong, row.name))


def listing(found: Sequence[PersonRow], options: Clean) -> Listing:
    """Return the table for a terminal, with what to type to keep the people who are dropped.

    Columns in which nobody has a picture are left out.
    """
    shown = [row.cells for row in found[:SHOWN]]
    if len(found) > 1:
        shown.append(total(found).cells)
    used = [place for place in range(len(COLUMNS)) if place < 3 or any(cells[place] != "0" for cells in shown)]
    table = tuple(tuple(cells[place] for place in used) for cells in shown)
    notes = [f"… and {len(found) - SHOWN:,} more; --report FILE.html shows all"] if len(found) > SHOWN else []
    waiting = sum(row.unsure for row in found)
    if waiting:
        notes.append(f"{counted(waiting, 'face is', 'faces are')} unsure{where(found)}: decide in `facekit review`")
    return Listing(tuple(COLUMNS[place] for place in used), table, (*notes, *kept_by(found, options)))


def where(found: Sequence[PersonRow]) -> str:
    """Return in brackets how many of the unsure faces are kept and how many are left out."""
    kept, waiting = (sum(getattr(row, name) for row in found) for name in ("kept_unsure", "unsure"))
    return f" ({kept:,} kept, {waiting - kept:,} left out)"


def total(found: Sequence[PersonRow]) -> PersonRow:
    """Return the sums over all people, as one more row."""
    sums = {field.name: sum(getattr(row, field.name) for row in found) for field in fields(PersonRow)[1:-1]}
    return PersonRow(name="all", beyond=False, **sums)


def kept_by(found: Sequence[PersonRow], options: Clean) -> list[str]:
    """Return lines that name the people who are dropped, and say what to type to keep them."""
    few = _few(found)
    beyond = [row for row in found if row.dropped and row.beyond]
    lines = []
    if fix := keep_few(found, options):
        lines += _advice(few, f"fewer than {counted(options.min_images, 'good face')} (--min-images)", fix[1])
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
    return [f"Dropped, as {why}: {_named(dropped)}. To keep their {counted(count, 'good face')}:", command]


def _named(dropped: Iterable[PersonRow]) -> str:
    return listed([f"{row.name} ({row.dropped})" for row in dropped], _NAMED)


def _row(name: str, of: Counter[str]) -> PersonRow:
    left = sum(of[key] for key in {*_GROUPS.values(), "left_unsure", "other"})
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
        rejected=of["rejected"],
        dropped=of["dropped"],
        other=of["other"],
        beyond=of["beyond"] > 0,
    )
