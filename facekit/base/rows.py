"""Read CSV as people and programs write it: various separators, line numbers, and Windows paths."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterator
from pathlib import Path

from facekit.base.errors import FacekitError
from facekit.base.files import MAX_LINE
from facekit.base.names import find_path

_MARKS = (",", ";", "\t")
_MOST_BLANK = 100_000
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_SEPARATOR = re.compile("sep=(.)")


class Row(dict[str, str]):
    """The values of a row, column -> value. A column that the row says nothing of is empty, and takes no memory."""

    def __missing__(self, column: str) -> str:
        """Return the value of a column that the row does not have."""
        return ""


def numbered(file: Path, text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the line that each row of CSV text begins on, and its values; blank lines are passed over.

    What parts the values is what the first line has most of; a line `sep=;`, as spreadsheets write it, says so too.
    Raises FacekitError, which names the line, for text that is not CSV.
    """
    first, _, rest = text.partition("\n")
    said = _SEPARATOR.fullmatch(first.strip())
    mark = said[1] if said else max(_MARKS, key=(rest.partition("\n")[0] if said else first).count)
    lines = _Lines(rest if said else text)
    rows = csv.reader(lines, delimiter=mark)
    skipped, begins = int(said is not None), 1
    try:
        for row in rows:
            if len(row) > 1 or "".join(row).strip():
                yield begins + skipped, row
            else:
                lines.check_blank()
            begins = rows.line_num + 1
            lines.size = 0
    except csv.Error as error:
        raise FacekitError(f"{file}, line {begins + skipped} is not valid CSV ({error}); fix that line") from None


class _Lines:
    """The lines of a text for `csv.reader`, which would hold a row of any length in memory."""

    def __init__(self, text: str) -> None:
        self._lines = _LINE.finditer(text)  # io.StringIO takes four bytes for each character
        self.size = 0
        """Characters of the row that is being read; the count begins again with each row."""
        self._blank = 0

    def check_blank(self) -> None:
        """Count a row that holds nothing. Raises csv.Error for more of them than any program leaves."""
        self._blank += 1
        if self._blank > _MOST_BLANK:
            raise csv.Error(f"more than {_MOST_BLANK:,} blank lines")

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = next(self._lines)[0]
        self.size += len(line)
        if self.size > MAX_LINE:
            raise csv.Error(f"a row of more than {MAX_LINE} characters")
        return line


def slashes(path: str, root: Path) -> str:
    r"""Return a path below a folder: `new\a.jpg`, as Windows writes it, is `new/a.jpg` unless a file is called so."""
    path = path.replace("\\", "/") if "\\" in path and not os.path.lexists(root / path) else path
    return find_path(root, path)
