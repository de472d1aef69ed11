"""The test sheet as a page: faces that can be searched by name and file, each with a link to its photo."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from facekit.base import images
from facekit.base.contract import Image
from facekit.report import html
from facekit.report.grid import Tile

MOST = 500
"""Faces on a page."""

_SIDE = 120


def page(title: str, tiles: Sequence[Tile], folder: Path) -> str:
    """Return the page as HTML that needs no other file and no network. Its links lead from `folder` to the photos.

    Raises FacekitError without `jinja2`.
    """
    judged = [tile.right for tile in tiles if tile.right is not None]
    return html.render(
        "sheet.html",
        "--grid",
        title=title,
        tiles=[(tile, _picture(tile.pixels), html.link(tile.photo, folder)) for tile in tiles],
        right=sum(judged),
        judged=len(judged),
        most=MOST,
    )


def _picture(pixels: Image) -> str:
    small, _ = images.shrink(pixels, _SIDE)
    return html.embedded("jpeg", images.encode(small, quality=85))
