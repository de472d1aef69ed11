"""The page that shows side by side what stands in two parts: one HTML file with everything in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facekit.report import html

MOST = 200
"""Pairs shown; all are in the table beside the page."""

_THUMBNAIL = 120


@dataclass(frozen=True)
class Side:
    """One picture of a pair: its file, what to call it, and where it stands."""

    file: Path
    path: str
    part: str
    label: str


@dataclass(frozen=True)
class Twins:
    """Two pictures of one photo."""

    first: Side
    second: Side
    kind: str
    conflict: bool


def render(
    title: str, rows: Sequence[Mapping[str, Any]], twins: Sequence[Twins], drop: int, left: Mapping[str, int]
) -> str:
    """Return the page as HTML that needs no other file and no network: the first of `twins` with their pictures.

    `rows` say of two parts what both show. Raises FacekitError without `jinja2`.
    """
    return html.render(
        "audit.html",
        title=title,
        rows=rows,
        plain=len(rows) == 1 and rows[0]["first"] == rows[0]["second"],
        conflicts=sum(one.conflict for one in twins),
        pairs=len(twins),
        shown=[
            (one, *(html.thumbnail(side.file, _THUMBNAIL) for side in (one.first, one.second))) for one in twins[:MOST]
        ],
        drop=drop,
        left=left,
    )
