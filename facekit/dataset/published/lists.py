"""The text files that come with public data sets: lists of pictures or people, found below the folder and read."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from facekit.base.errors import FacekitError
from facekit.base.files import read_text
from facekit.base.opening import is_there
from facekit.base.text import counted, lines
from facekit.dataset.entries import is_dir, is_file, list_entries
from facekit.dataset.pictures import is_picture
from facekit.dataset.records import shown

log = logging.getLogger(__name__)


def find(root: Path, names: Sequence[str], folders: Sequence[str] = ("",)) -> Path | None:
    """Return the first file with one of the names in one of the folders below `root`; None where there is none."""
    places = (root / folder / name for name in names for folder in folders)
    return next((place for place in places if is_there(place)), None)


def folders_in(root: Path) -> list[str]:
    """Return the names of the folders in a folder, sorted; hidden ones and those of systems are passed over."""
    return [entry.name for entry in list_entries(root, Counter()) if is_dir(entry)]


def pictures_in(root: Path, folder: str) -> list[str]:
    """Return the paths below `root` of a folder's pictures, sorted by name."""
    held = list_entries(root / folder, Counter())
    return [f"{folder}/{one.name}".lstrip("/") for one in held if is_file(one) and is_picture(Path(one.path))]


def rows(file: Path, skip: int, read: Callable[[list[str]], bool], form: str) -> None:
    """Hand the values of each line of a list to `read`, which says whether it understands them.

    Values are parted by commas in a CSV, by tabs where there are any, and else by spaces. The first `skip` lines are
    the list's heading. A line that is not understood is passed over; the log says how many were. Raises FacekitError
    where none is understood: `form` is what a line should look like.
    """
    good, bad = 0, []
    for number, line in _lines(file, skip):
        if read(values(file, line)):
            good += 1
        else:
            bad.append((number, line))
    if not good:
        raise FacekitError(f"{file} has no line of the form `{form}`; download it again")
    if bad:
        what = counted(len(bad), "line is", "lines are")
        log.warning(
            "%s: %s not of the form `%s` and ignored (the first: line %d, %s)",
            *(file, what, form, bad[0][0], shown(bad[0][1])),
        )


def heading(file: Path, line: int) -> list[str]:
    """Return the values of a line, counted from 1, of those that are not blank."""
    for number, (_, text) in enumerate(lines(read_text(file)), 1):
        if number == line:
            return values(file, text)
    return []


def values(file: Path, line: str) -> list[str]:
    """Return the values of one line."""
    if file.suffix.lower() == ".csv":
        return [value.strip() for value in line.split(",")]
    return [value.strip() for value in line.split("\t")] if "\t" in line else line.split()


def _lines(file: Path, skip: int) -> Iterator[tuple[int, str]]:
    for place, (number, line) in enumerate(lines(read_text(file))):
        if place >= skip:
            yield number, line
