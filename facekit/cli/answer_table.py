"""Show answers on a terminal: as a table, or, if that is too narrow, as a paragraph per photo."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from facekit.base.text import visible
from facekit.cli.bars import cell

Rows = Sequence[Mapping[str, str]]
"""Answers, each column -> text. The first column is a path."""

_GAP = 3
"""Characters between two columns."""


def show(rows: Rows, width: int) -> RenderableType:
    """Return what shows the answers, none of whose texts is cut: `width` is that of the terminal, in characters.

    What all paths share is said once, so that they can be told apart.
    """
    first = next(iter(rows[0]))
    folder = _shared([row[first] for row in rows])
    short = [{**row, first: row[first][len(folder) :]} for row in rows]
    above = [cell(f"{first}s below {folder}")] if folder else []
    needed = sum(max(len(visible(text)) for text in (name, *(row[name] for row in short))) for name in short[0])
    fits = needed + _GAP * len(short[0]) <= width
    return Group(*above, _table(short) if fits else Group(*_paragraphs(short, first, width)))


def _shared(paths: Sequence[str]) -> str:
    """Return the folder that all paths lie in, with the slash behind it; nothing for one path, none, and for URLs."""
    if any("://" in path for path in paths):
        return ""
    folders = {path.rpartition("/")[0] for path in paths}
    if len(set(paths)) < 2 or "" in folders or len({path.startswith("/") for path in paths}) > 1:
        return ""
    common = os.path.commonpath(folders)
    return f"{common.rstrip('/')}/" if common and all(path.startswith(common) for path in paths) else ""


def _table(rows: Rows) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in rows[0]:
        table.add_column(cell(name), no_wrap=True)
    for row in rows:
        table.add_row(*map(cell, row.values()))
    return table


def _paragraphs(rows: Rows, first: str, width: int) -> Iterator[RenderableType]:
    """Yield each path, and below it a line for each of its faces; a longer one is broken between two of its texts."""
    for path, faces in groupby(rows, lambda row: row[first]):
        yield Text(visible(path), "bold", overflow="fold")
        for face in faces:
            said = [_said(name, text) for name, text in face.items() if text and name != first]
            for line in _lines(said, width - 4):
                yield Padding(cell(line), (0, 0, 0, 4))


def _lines(texts: Sequence[str], width: int) -> Iterator[str]:
    """Yield lines of texts, as many in each as there is space for."""
    line = ""
    for text in texts:
        longer = f"{line}  {text}" if line else text
        if line and len(visible(longer)) > width:
            yield line
            longer = text
        line = longer
    if line:
        yield line


def _said(name: str, text: str) -> str:
    """Return a text with the name of its column where it would say nothing without: a number."""
    return f"{name} {text}" if text.lstrip("-").replace(".", "", 1).isdigit() else text
