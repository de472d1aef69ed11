"""Names to search for: read, merged where they are one person, and given a folder that every disk accepts."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path

from facekit.base.contract import FacekitError
from facekit.base.files import MAX_TEXT, read_text
from facekit.base.foldernames import safe, with_hash
from facekit.base.names import fold
from facekit.base.opening import kind_of
from facekit.base.text import lines

_LISTS = (".txt", ".csv", ".tsv", ".lst")


def read_names(given: Iterable[str]) -> list[str]:
    """Return the names as asked: arguments, the lines of a file for each that is one, stdin for `-`.

    Raises FacekitError for a missing or unreadable list and where no name is left.
    """
    names = [name.strip() for value in given for name in _expand(value)]
    names = [name for name in names if name]
    if not names:
        raise FacekitError("no names to search for; give names, a file with one a line, or `-` and names on stdin")
    return names


def merge(names: Iterable[str]) -> tuple[list[str], list[str]]:
    """Keep the first of the names that are one person (NFC and case-folded alike); return them and a notice each."""
    first: dict[str, str] = {}
    notices = []
    for name in names:
        known = first.setdefault(fold(name), name)
        if known != name:
            notices.append(f"{name!r} and {known!r} count as one name; it is searched for once")
    return list(first.values()), notices


def words(name: str, query: str) -> str:
    """Return what to search for: the query with the name in it, on one line."""
    return " ".join(query.replace("{name}", unicodedata.normalize("NFC", name)).split())


def labels(names: Iterable[str], taken: Mapping[str, str]) -> dict[str, str]:
    """Return name -> folder. `taken` holds folded name -> folder of earlier runs, which keep theirs.

    Where two names would share a folder, the later one's gets a suffix from its hash.
    """
    used = {fold(label) for label in taken.values()}
    found = {}
    for name in names:
        label = taken.get(fold(name))
        if label is None:
            label = safe(name)
            if fold(label) in used:
                label = with_hash(label, name)
            used.add(fold(label))
        found[name] = label
    return found


def _expand(value: str) -> list[str]:
    if value == "-":
        if sys.stdin is None:
            raise FacekitError("stdin is closed; pipe names into this, one a line, or give them as arguments")
        text = sys.stdin.read(MAX_TEXT + 1)
        if len(text) > MAX_TEXT:
            raise FacekitError(f"stdin holds more than {MAX_TEXT} characters; pipe names into this, one a line")
        return [line for _, line in lines(text)]
    path = Path(value)
    kind = kind_of(path)  # None also for what is too long for a path, or has a zero byte: it is a name
    if kind == "a file":
        return [line for _, line in lines(read_text(path))]
    if kind not in (None, "a folder"):
        raise FacekitError(f"{value} is {kind}; give a file with one name a line, or pipe the names into `-`")
    if path.suffix.lower() in _LISTS:
        raise FacekitError(f"no such file: {value}; give a file with one name a line, or names")
    return [value]
