"""Reports, pages, sheets and tables: what shows or names somebody who goes is deleted."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

from PIL import Image

from facekit.base import files
from facekit.base.contract import FacekitError
from facekit.dataset.made_from import FILE as MADE_FROM
from facekit.removal.kinds.base import Doing, Gone, Kind, Part
from facekit.removal.kinds.texts import mentions, says
from facekit.removal.targets import Targets
from facekit.report import audit, grid, inspect, tuning
from facekit.report.receipt import MARK
from facekit.runs.reports import PAGE, SCORES
from facekit.video import summary

MOST = 1 << 30
"""Bytes of a page that is read."""

_AGAIN = "deleted; the command that wrote it makes it again"

_FOOTER = re.compile(rb"<footer>Made by facekit [^<]{1,40}\.</footer>")

COMPARISON = ("compare.md", "compare.csv", "compare.html")
"""What `compare` writes; a test compares the names."""

_BESIDE: dict[str, tuple[str, ...]] = {
    PAGE: (SCORES, MADE_FROM, inspect.FACTS, audit.TABLE, audit.DROP, tuning.TABLE, "[0-9][0-9]-*.png"),
    COMPARISON[2]: COMPARISON[:2],
    summary.PAGE: (summary.JSON, summary.CSV, "*.vtt"),
}
"""Page -> what belongs to it, in the same folder."""


class Pages(Kind):
    """Pages in HTML, each with the files that belong to it."""

    name = "report"
    written_by: ClassVar = (
        *("facekit.report.scores", "facekit.report.pairs", "facekit.report.inspect", "facekit.report.audit"),
        *("facekit.report.tuning", "facekit.report.sheet", "facekit.report.html", "facekit.dataset.made_from"),
        *("facekit.video.summary", "facekit.commands.clean.page", "facekit.commands.inspect.stage"),
        *("facekit.commands.compare.stage", "facekit.commands.monitor"),
    )
    order = 6

    def places(self, folder: Path, entries: Collection[str]) -> Iterator[Path]:
        """Each page that facekit made."""
        for entry in sorted(entries):
            if entry.lower().endswith((".html", ".htm")) and _is_ours(folder / entry):
                yield folder / entry

    def plan(self, place: Path, doing: Doing) -> Part | None:
        """Return the page, with what belongs to it, where any of these shows or names somebody who goes."""
        group = _group(place)
        if not any(mentions(file.read_bytes(), doing.targets) for file in group if _is_text(file)):
            return None
        return Part(self.name, str(place), {"files": len(group)}, [_gone(file) for file in group], _AGAIN)

    def remove(self, place: Path, doing: Doing) -> None:
        """Delete the page last: until then it says what belongs to it."""
        group = _group(place)
        if any(mentions(file.read_bytes(), doing.targets) for file in group if _is_text(file)):
            # Pictures first: after a kill, the texts say still whom they show.
            for file in sorted(group[1:], key=_is_text):
                files.delete(file)
            files.delete(place)
            with suppress(OSError):  # something else is in it
                place.parent.rmdir()


class Sheets(Kind):
    """Sheets of pictures in PNG, which say of themselves whom they show."""

    name = "sheet of pictures"
    written_by: ClassVar = ("facekit.report.grid",)
    order = 6

    def places(self, folder: Path, entries: Collection[str]) -> Iterator[Path]:
        """Each PNG that says that facekit made it."""
        for entry in sorted(entries):
            if entry.lower().endswith(".png") and _said(folder / entry) is not None:
                yield folder / entry

    def plan(self, place: Path, doing: Doing) -> Part | None:
        """Return the sheet where it shows somebody who goes."""
        if not _named(_said(place) or "", doing.targets):
            return None
        return Part(self.name, str(place), {"files": 1}, [_gone(place)], _AGAIN)

    def remove(self, place: Path, doing: Doing) -> None:
        """Delete it."""
        if place.exists() and _named(_said(place) or "", doing.targets):
            files.delete(place)


class Tables(Kind):
    """Tables of answers, which `identify --csv` writes: a row for each face."""

    name = "table of answers"
    written_by: ClassVar = ("facekit.commands.identify",)
    order = 6

    def places(self, folder: Path, entries: Collection[str]) -> Iterator[Path]:
        """Each CSV that begins as such a table does."""
        for entry in sorted(entries):
            if entry.lower().endswith(".csv") and _is_table(folder / entry):
                yield folder / entry

    def plan(self, place: Path, doing: Doing) -> Part | None:
        """Return how many rows go."""
        head, rows = _rows(place)
        going = sum(_row_goes(row, doing.targets) for row in rows)
        return Part(self.name, str(place), {"rows": going}) if going else None

    def remove(self, place: Path, doing: Doing) -> None:
        """Write the table again without them."""
        if place.exists():
            head, rows = _rows(place)
            stay = [row for row in rows if not _row_goes(row, doing.targets)]
            if len(stay) < len(rows):
                files.write_csv(place, head, stay)


class Logs(Kind):
    """What `--log-file` wrote: a line for each thing that was said."""

    name = "log"
    written_by: ClassVar = ("facekit.cli.logs",)
    order = 6

    _LINE = re.compile(rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} [A-Z]+ facekit[\w.]*: ")

    def places(self, folder: Path, entries: Collection[str]) -> Iterator[Path]:
        """Each file that begins as such a log does."""
        for entry in sorted(entries):
            if entry.lower().endswith((".log", ".txt")) and self._LINE.match(_start(folder / entry)):
                yield folder / entry

    def plan(self, place: Path, doing: Doing) -> Part | None:
        """Return how many lines go."""
        going = sum(says(line, doing.targets) for line in _text(place))
        return Part(self.name, str(place), {"lines": going}) if going else None

    def remove(self, place: Path, doing: Doing) -> None:
        """Write the log again without them."""
        if place.exists():
            lines = _text(place)
            stay = [line for line in lines if not says(line, doing.targets)]
            if len(stay) < len(lines):
                files.replace_file(place, "".join(stay).encode(errors="surrogateescape"))


HEAD = ("picture", "face", "x", "y", "w", "h")
"""How a table of answers begins; a test compares it with what `identify` writes."""


def _group(page: Path) -> list[Path]:
    """Return a page and the files that belong to it, those that are there, the page first."""
    beside = [file for name in _BESIDE.get(page.name, ()) for file in sorted(page.parent.glob(name))]
    return [file for file in (page, *beside) if file.is_file() and not file.is_symlink()]


def _is_text(file: Path) -> bool:
    return file.suffix.lower() != ".png" and file.stat().st_size <= MOST


def _is_ours(file: Path) -> bool:
    """Whether a page ends as all of facekit's do, before its script; receipts of removals are none of these."""
    if file.is_symlink() or not file.is_file() or file.stat().st_size > MOST:
        return False
    data = file.read_bytes()
    return _FOOTER.search(data) is not None and MARK.encode() not in data


def _said(file: Path) -> str | None:
    """Return what a PNG says that facekit wrote; None of any other."""
    if file.is_symlink() or not file.is_file():
        return None
    try:
        with Image.open(file, formats=["PNG"]) as picture:
            said = dict(picture.info)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    return str(said.get("Description", "")) if said.get("Software") == grid.SOFTWARE else None


def _named(said: str, targets: Targets) -> bool:
    return says(said.encode().decode("unicode_escape", errors="replace"), targets) or says(said, targets)


def _is_table(file: Path) -> bool:
    return _start(file).decode(errors="replace").lstrip("\ufeff").startswith(",".join(HEAD) + ",")


def _rows(file: Path) -> tuple[list[str], list[list[str]]]:
    head, *rows = csv.reader(io.StringIO(files.read_text(file), newline=""))
    return head, rows


def _row_goes(row: list[str], targets: Targets) -> bool:
    if targets.has_name(*row) or any(map(targets.has_place, row[:1])):
        return True
    return any(one in targets.urls or one in targets.pages for one in row)


def _text(file: Path) -> list[str]:
    """Return the lines of a text, with their ends."""
    return file.read_bytes().decode(errors="surrogateescape").splitlines(keepends=True)


def _start(file: Path) -> bytes:
    if file.is_symlink() or not file.is_file():
        return b""
    with file.open("rb") as read:
        return read.read(200)


def _gone(file: Path) -> Gone:
    with suppress(OSError, FacekitError):
        return Gone(file.name, files.sha256_of(file))
    return Gone(file.name)
