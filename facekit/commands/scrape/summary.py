"""How each name fared: for the closing table, for `--json`, and for `summary.csv` beside the pictures."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from facekit.base.contract import FacekitError, Rejection
from facekit.base.files import write_csv
from facekit.base.plain import Json
from facekit.commands.scrape.state import BLOCKED, Keyword
from facekit.dataset import REMOVED

FILE = "summary.csv"

REASONS = 4
"""Reasons that a line for a person gives; the file has all."""


class Fared(NamedTuple):
    """One name's line."""

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


def fared(rejections: Iterable[Rejection], names: Iterable[Keyword], per_name: int) -> list[Fared]:
    """Return a line for each name."""
    refused: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for rejection in rejections:
        refused[rejection.label][rejection.reason] += 1
    return [_fared(keyword, refused[keyword.label], per_name) for keyword in names]


def write(root: Path, rows: Iterable[Fared]) -> None:
    """Write `summary.csv`: a line a name, nothing in it that another run of the same would write otherwise."""
    header = ("name", "folder", "state", "found", "kept", "short", "refused", "reasons", "searches")
    write_csv(root / FILE, header, map(_cells, rows))


def _cells(row: Fared) -> tuple[str | int, ...]:
    reasons = "; ".join(f"{count} {reason}" for reason, count in sorted(row.refused.items()))
    searches = "; ".join(f"{engine}: {state}" for engine, state in row.searches.items())
    numbers = (row.found, row.kept, row.short, sum(row.refused.values()))
    return (row.name, row.folder, row.state, *numbers, reasons, searches)


def details(rows: Iterable[Fared]) -> dict[str, Json]:
    """Return what the closing report has to say of each name."""
    rows = list(rows)
    short = sorted((row for row in rows if row.short), key=lambda row: -row.short)
    return {
        "names": {row.name: _plain(row) for row in rows},
        "shortfalls": [{"name": row.name, "kept": row.kept, "short": row.short, "why": row.why} for row in short],
    }


def check(rows: list[Fared], engines: Iterable[str]) -> None:
    """Raise FacekitError where no name has any picture, with the reason."""
    if any(row.kept or row.removed for row in rows):
        return
    if all(row.state == BLOCKED for row in rows):
        raise FacekitError(
            f"{' and '.join(engines)} blocked every search; wait some hours, then go on with fewer --bots "
            "or a longer --search-interval"
        )
    searches = Counter(state for row in rows for state in row.searches.values())
    left: Counter[str] = sum((Counter(row.refused) for row in rows), Counter())
    said = ", ".join(f"{count} {what}" for what, count in [*searches.most_common(3), *left.most_common(3)])
    raise FacekitError(
        f"no picture was found for any of {len(rows)} names ({said}); try other names or another --engine"
    )


def _plain(row: Fared) -> dict[str, Any]:
    values = row._asdict()
    del values["name"]
    return values


def _fared(keyword: Keyword, refused: Counter[str], per_name: int) -> Fared:
    removed = refused.pop(REMOVED, 0)
    return Fared(
        keyword.name,
        keyword.label,
        keyword.state,
        keyword.found,
        len(keyword.kept) - removed,
        max(0, per_name - len(keyword.kept)),
        removed,
        refused,
        {engine: found.state for engine, found in sorted(keyword.searches.items())},
    )
