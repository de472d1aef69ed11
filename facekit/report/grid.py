"""A sheet of pictures in a grid: faces under the names that a model gives them, or what was left out and why."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from pathlib import Path
from typing import Any

from facekit.base import plugins
from facekit.base.contract import Image
from facekit.base.text import counted, visible

MOST = 100
"""Faces on a sheet; more would be too small to see."""

SOFTWARE = "facekit"
"""What a sheet says that it was made by."""

RIGHT, WRONG, OPEN = "#1e8449", "#c0392b", "#777777"

_LONGEST = 21


@dataclass(frozen=True)
class Tile:
    """A picture with a name; `right` is None where the truth is not known or no name was given."""

    pixels: Image
    name: str
    probability: float | None = None
    """That the name is right."""
    right: bool | None = None
    note: str | None = None
    """What stands below it."""
    file: str = ""
    """What the photo is called."""
    photo: Path | None = None
    """The photo, where it stays where it is."""
    cut_from: Path | None = None
    """The photo that the picture was cut from, where `photo` is the picture itself."""
    credit: str = ""
    """Whose photo it is, and under which licence."""
    trained: bool = False
    """Whether the model was trained on the photo: that it is named right then says nothing about new photos."""


def of_trained(tiles: Sequence[Tile]) -> str:
    """Return what a sheet says of the pictures that the model was trained on: that of the others counts.

    Empty where there are none.
    """
    trained = sum(tile.trained for tile in tiles)
    if not trained:
        return ""
    new = [tile.right for tile in tiles if tile.right is not None and not tile.trained]
    rest = f"of the other names {sum(new):,} of {len(new):,} are right" if new else "no other has a known name"
    return f"{counted(trained, 'picture')} used in the training, which the model knows: {rest}"


def draw(tiles: Sequence[Tile]) -> bytes:
    """Return the sheet as PNG: green is right, red is wrong (with the true name), grey is not known.

    Raises FacekitError without `matplotlib`.
    """
    charts = plugins.need("matplotlib.figure", "the sheet")
    columns = min(len(tiles), max(4, ceil(sqrt(len(tiles)))))
    rows = ceil(len(tiles) / columns)
    figure = charts.Figure(figsize=(1.6 * columns, 2.05 * rows + 0.5), layout="constrained")
    places = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in places:
        axes.set_axis_off()
    for axes, tile in zip(places, tiles, strict=False):
        _draw_tile(axes, tile)
    judged = [tile.right for tile in tiles if tile.right is not None]
    if judged:
        note = of_trained(tiles)
        figure.suptitle(f"{sum(judged)} of {len(judged)} named right" + (f"\n{note}" if note else ""), fontsize=12)
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=120, metadata={"Software": SOFTWARE, "Description": described(tiles)})
    return out.getvalue()


def described(tiles: Sequence[Tile]) -> str:
    """Return what the PNG says of itself, as JSON: who is on it, and from which files; so it can be found by these."""
    files = sorted({path.name for tile in tiles for path in (tile.photo, tile.cut_from) if path})
    names = sorted({tile.name for tile in tiles} | {tile.file for tile in tiles if tile.file})
    return json.dumps({"names": names, "files": files})


def _draw_tile(axes: Any, tile: Tile) -> None:
    color = OPEN if tile.right is None else RIGHT if tile.right else WRONG
    axes.imshow(tile.pixels)
    axes.set_axis_on()
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set(color=color, linewidth=3)
    from facekit.report.fonts import fitting  # it needs matplotlib, which naming faces does not

    families, name = fitting(lines(tile.name))
    sure = "" if tile.probability is None else f"\n{tile.probability:.0%}"
    axes.set_title(f"{name}{sure}", fontsize=8, color=color, family=families, parse_math=False)
    below = [text for text in (tile.note, tile.cut_from and tile.cut_from.name, tile.credit) if text]
    if below:
        families, note = fitting("\n".join(map(lines, below)))
        axes.set_xlabel(note, fontsize=8, color=OPEN, family=families, parse_math=False)


def lines(text: str) -> str:
    """Return a text on up to two lines, which break after a space or an underscore; what is longer is cut short."""
    first, rest = "", visible(text)
    if len(rest) > _LONGEST and (ends := [end for end in range(1, _LONGEST + 1) if rest[end - 1] in " _"]):
        first, rest = f"{rest[: ends[-1]].rstrip(' ')}\n", rest[ends[-1] :]
    return first + (rest if len(rest) <= _LONGEST else rest[: _LONGEST - 1] + "…")
