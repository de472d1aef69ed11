"""CSV as people and their programs write it: separators, line numbers, and paths as Windows spells them."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterator
from pathlib import Path

from facekit.base.errors import FacekitError
from facekit.base.names import find_path

_MARKS = (",", ";", "\t")
_SEPARATOR = re.compile("sep=(.)")


def numbered(file: Path, text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the line that each row of CSV text begins on, and its values; blank lines are passed over.

    What parts the values is what the first line has most of; a line `sep=;`, as spreadsheets write it, says so too.
    Raises FacekitError, which names the line, for text that is not CSV.
    """
    first, _, rest = text.partition("\n")
    said = _SEPARATOR.fullmatch(first.strip())
    mark = said[1] if said else max(_MARKS, key=(rest.partition("\n")[0] if said else first).count)
    rows = csv.reader(io.StringIO(rest if said else text, newline=""), delimiter=mark)
    skipped, begins = int(said is not None), 1
    try:
        for row in rows:
            if len(row) > 1 or "".join(row).strip():
                yield begins + skipped, row
            begins = rows.line_num + 1
    except csv.Error as error:
        raise FacekitError(f"{file}, line {begins + skipped} is not valid CSV ({error}); fix that line") from None


def slashes(path: str, root: Path) -> str:
    r"""Return a path below a folder: `new\a.jpg`, as Windows writes it, is `new/a.jpg` unless a file is called so."""
    path = path.replace("\\", "/") if "\\" in path and not os.path.lexists(root / path) else path
    return find_path(root, path)
