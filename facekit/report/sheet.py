"""A sheet of pictures: as a PNG, or as a page that can be searched, with a link from each picture to its file."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from facekit.base import plugins
from facekit.base.contract import FacekitError
from facekit.base.files import guarded, replace_file
from facekit.base.text import counted
from facekit.report import grid, html
from facekit.report.grid import Tile

MOST = 500
"""Pictures on a page."""

_SIDE = 120

log = logging.getLogger(__name__)


def check_file(flag: str, file: Path) -> None:
    """Refuse a place where no sheet can be written. Raises FacekitError that names the option."""
    if file.suffix.lower() != ".png" and not _is_page(file):
        raise FacekitError(f"{flag} is {file}; give a name that ends in .png or .html")
    if not file.parent.is_dir() or file.is_dir():
        raise FacekitError(f"{flag} is {file}, which cannot be a file; give a name in a folder that exists")
    plugins.need("jinja2" if _is_page(file) else "matplotlib", flag)


def most(file: Path) -> int:
    """Return how many pictures a sheet shows."""
    return MOST if _is_page(file) else grid.MOST


def write(file: Path, tiles: Sequence[Tile], of: int, why_none: str, what: str = "picture") -> None:
    """Write a sheet of the first pictures of `of`; without tiles none, and `why_none` is said. `what` is the noun.

    Raises FacekitError where it cannot be written."""
    if not tiles:
        log.warning("%s is not drawn: %s", file, why_none)
        return
    shown = _shown(len(tiles), of, what)
    with guarded(file):
        replace_file(file, page(file.stem, tiles, shown, file.parent).encode() if _is_page(file) else grid.draw(tiles))
    log.info("%s shows %s", file, "; ".join(filter(None, [shown, grid.of_trained(tiles)])))


def _shown(shown: int, of: int, what: str) -> str:
    """Return how many pictures a sheet shows, and of how many where it is a part."""
    pictures = counted(of, what)
    return pictures if shown >= of else f"the first {shown:,} of {pictures}"


def page(title: str, tiles: Sequence[Tile], shown: str, folder: Path) -> str:
    """Return the page as HTML that needs no other file and no network. Its links lead from `folder` to the photos.

    Raises FacekitError without `jinja2`.
    """
    judged = [tile.right for tile in tiles if tile.right is not None]
    return html.render(
        "sheet.html",
        "the sheet",
        title=title,
        tiles=[_placed(tile, folder) for tile in tiles],
        right=sum(judged),
        judged=len(judged),
        trained=grid.of_trained(tiles),
        shown=shown,
    )


def _placed(tile: Tile, folder: Path) -> tuple[Tile, str, str, str]:
    """Return a tile, its picture, and the links to its file and to the photo that it was cut from."""
    return tile, html.shrunk(tile.pixels, _SIDE), html.link(tile.photo, folder), html.link(tile.cut_from, folder)


def _is_page(file: Path) -> bool:
    return file.suffix.lower() in (".html", ".htm")
