"""The page that shows side by side what stands in two parts: one HTML file with everything in it."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facekit import __version__, images, plugins
from facekit.contract import BadImage

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
    jinja2 = plugins.need("jinja2", "the report")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=jinja2.StrictUndefined
    )
    page: str = environment.get_template("audit.html").render(
        title=title,
        rows=rows,
        plain=len(rows) == 1 and rows[0]["first"] == rows[0]["second"],
        conflicts=sum(one.conflict for one in twins),
        pairs=len(twins),
        shown=[(one, _picture(one.first.file), _picture(one.second.file)) for one in twins[:MOST]],
        drop=drop,
        left=left,
        version=__version__,
    )
    return page


def _picture(file: Path) -> str:
    try:
        small, _ = images.shrink(images.read(file), _THUMBNAIL)
    except BadImage:  # gone since it was looked at
        return ""
    return f"data:image/jpeg;base64,{base64.b64encode(images.encode(small, quality=85)).decode()}"
