"""What an audit writes: every pair as a table, the worst side by side as a page, and what to leave out of training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from facekit.base.files import check_ours, guarded, replace_file, write_csv
from facekit.commands.audit.pairs import KINDS, Found, Pair, Shown
from facekit.report import audit as page

TABLE, PAGE, DROP = "audit.csv", "report.html", "drop.txt"

COLUMNS = ("first", "first_part", "first_label", "second", "second_part", "second_label", "kind")


def check(folder: Path) -> None:
    """Refuse a folder of other things. Raises FacekitError."""
    check_ours(folder, "audit", (folder / TABLE).is_file())


def write(
    folder: Path,
    title: str,
    found: Found,
    rows: Mapping[tuple[str, str], Mapping[str, Any]],
    pairs: Sequence[Pair],
    drop: Sequence[str],
) -> None:
    """Write `audit.csv`, `report.html` and `drop.txt`, worst pairs first: other labels, then the surest."""
    worst = sorted(pairs, key=lambda pair: (not found.conflict(pair), KINDS.index(pair.kind), pair.first, pair.second))
    with guarded(folder):
        folder.mkdir(parents=True, exist_ok=True)
    # Names of files need not be UTF-8; they are written as the disk has them.
    write_csv(folder / TABLE, COLUMNS, _rows(found, worst))
    replace_file(folder / DROP, "".join(f"{path}\n" for path in drop).encode(errors="surrogateescape"))
    sides = [
        page.Twins(_side(found.shown[pair.first]), _side(found.shown[pair.second]), pair.kind, found.conflict(pair))
        for pair in worst
    ]
    html = page.render(title, list(rows.values()), sides, len(drop), found.left)
    replace_file(folder / PAGE, html.encode(errors="replace"))


def _rows(found: Found, pairs: Sequence[Pair]) -> Iterator[list[str | None]]:
    for pair in pairs:
        one, other = found.shown[pair.first], found.shown[pair.second]
        yield [one.picture.path, one.part, one.label, other.picture.path, other.part, other.label, pair.kind]


def _side(shown: Shown) -> page.Side:
    return page.Side(shown.file, shown.picture.path, shown.part, shown.label)
