"""The result for each name: for the closing table, `--json`, and `summary.csv` beside the pictures."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from facekit.base import files
from facekit.base.contract import FacekitError, Rejection
from facekit.base.plain import Json, to_plain
from facekit.base.text import counted
from facekit.commands.scrape.keyword import Keyword, Progress
from facekit.dataset import REMOVED
from facekit.sources.optouts import by_signal

FILE = "summary.csv"

REASONS = 4
"""Reasons in the line for a person; the file has all."""

HEADER = ("name", "folder", "state", "found", "kept", "short", "refused", "reasons", "searches")


@dataclass(frozen=True)
class Row:
    """One name's row."""

    name: str
    folder: str
    state: str
    found: int
    kept: int
    short: int
    removed: int
    refused: Mapping[str, int]
    """Reason -> links that gave no picture."""
    searches: Mapping[str, str]
    """Engine -> how its search ended."""

    @property
    def why(self) -> str:
        """Why it is short, for a person."""
        most = [f"{count} {reason}" for reason, count in Counter(self.refused).most_common(REASONS)]
        searches = [f"{engine}: {state}" for engine, state in self.searches.items()]
        return "; ".join([*searches, ", ".join([f"{self.found} found", *most])])


def summarise(rejections: Iterable[Rejection], names: Iterable[Keyword], per_name: int) -> list[Row]:
    """Return a row for each name."""
    refused: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for rejection in rejections:
        refused[rejection.label][rejection.reason] += 1
    return [_row(keyword, refused[keyword.label], per_name) for keyword in names]


def write(root: Path, rows: Iterable[Row]) -> None:
    """Write `summary.csv`: a line per name. Another run of the same result writes the same."""
    files.write_csv(root / FILE, HEADER, map(_cells, rows))


def details(rows: Iterable[Row]) -> dict[str, Json]:
    """Return what the closing report says of each name."""
    rows = list(rows)
    short = sorted((row for row in rows if row.short), key=lambda row: -row.short)
    refused: Counter[str] = sum((Counter(row.refused) for row in rows), Counter())
    return {
        "opted_out": by_signal(refused.elements()),
        "names": {row.name: _about(row) for row in rows},
        "shortfalls": [{"name": row.name, "kept": row.kept, "short": row.short, "why": row.why} for row in short],
    }


def check(rows: list[Row], engines: Iterable[str]) -> None:
    """Raise FacekitError where no name has any picture, with the reason."""
    if any(row.kept or row.removed for row in rows):
        return
    if all(row.state == Progress.BLOCKED for row in rows):
        raise FacekitError(
            f"{' and '.join(engines)} blocked every search; wait some hours, then go on with fewer --bots "
            "or a longer --search-interval"
        )
    searches = Counter(state for row in rows for state in row.searches.values())
    left: Counter[str] = sum((Counter(row.refused) for row in rows), Counter())
    said = ", ".join(f"{count} {what}" for what, count in [*searches.most_common(3), *left.most_common(3)])
    raise FacekitError(
        f"no picture was found for any of {counted(len(rows), 'name')} ({said}); try other names or another --engine"
    )


def _about(row: Row) -> Json:
    values = to_plain(row)
    assert isinstance(values, dict)
    return {key: value for key, value in values.items() if key != "name"}


def _cells(row: Row) -> tuple[files.Cell, ...]:
    reasons = "; ".join(f"{count} {reason}" for reason, count in sorted(row.refused.items()))
    searches = "; ".join(f"{engine}: {state}" for engine, state in row.searches.items())
    return row.name, row.folder, row.state, row.found, row.kept, row.short, sum(row.refused.values()), reasons, searches


def _row(keyword: Keyword, refused: Counter[str], per_name: int) -> Row:
    removed = refused.pop(REMOVED, 0)
    return Row(
        keyword.name,
        keyword.label,
        keyword.state,
        keyword.found,
        len(keyword.kept) - removed,
        max(0, per_name - len(keyword.kept)),
        removed,
        refused,
        {engine: search.state for engine, search in sorted(keyword.searches.items())},
    )
