"""Names to search for: read, merged where they are one person, and given a folder that every disk accepts."""

from __future__ import annotations

import hashlib
import re
import sys
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path

from facekit.base.contract import FacekitError
from facekit.base.files import MAX_TEXT, read_text
from facekit.base.opening import kind_of

MAX_BYTES = 150
"""Longest name of a folder, in bytes of UTF-8; file systems end at 255, and other tools add to it."""

_LISTS = (".txt", ".csv", ".tsv", ".lst")
_RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}
_UNSAFE = re.compile(r'[/\\<>:"|?*]')


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
            notices.append(f"{name!r} and {known!r} are one person here; they are searched for once")
    return list(first.values()), notices


def fold(name: str) -> str:
    """Return what two spellings of one person's name have in common."""
    return " ".join(unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold()).split())


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
                label = _with_hash(label, name)
            used.add(fold(label))
        found[name] = label
    return found


def safe(name: str) -> str:
    """Return a folder's name for a person's: no separators, no control characters, not too long, not hidden."""
    text = "".join(" " if _odd(c) else c for c in unicodedata.normalize("NFC", name))
    text = " ".join(_UNSAFE.sub("_", text).split())
    # A dot in front hides a folder, at the end it is lost on some systems; `.` and `..` are not names at all.
    text = re.sub(r"^\.+|\.+$", lambda dots: "_" * len(dots.group()), text) or "_"
    if text.partition(".")[0].strip().casefold() in _RESERVED:
        text = f"_{text}"
    if len(text.encode()) > MAX_BYTES:
        text = _with_hash(text, name)
    return text


def _with_hash(label: str, name: str) -> str:
    digest = hashlib.sha256(name.encode(errors="replace")).hexdigest()[:8]
    room = MAX_BYTES - len(digest) - 1
    return f"{label.encode()[:room].decode(errors='ignore').rstrip()}-{digest}"


def _odd(character: str) -> bool:
    """Return whether a character has no place in a file's name; the joiners that emoji need have."""
    kind = unicodedata.category(character)
    return kind in ("Cc", "Cs", "Zl", "Zp") or (kind == "Cf" and character not in "\u200c\u200d")


def _expand(value: str) -> list[str]:
    if value == "-":
        if sys.stdin is None:
            raise FacekitError("stdin is closed; pipe names into this, one a line, or give them as arguments")
        text = sys.stdin.read(MAX_TEXT + 1)
        if len(text) > MAX_TEXT:
            raise FacekitError(f"stdin holds more than {MAX_TEXT} characters; pipe names into this, one a line")
        return text.splitlines()
    path = Path(value)
    kind = kind_of(path)  # None also for what is too long for a path, or has a zero byte: it is a name
    if kind == "a file":
        return read_text(path).splitlines()
    if kind not in (None, "a folder"):
        raise FacekitError(f"{value} is {kind}; give a file with one name a line, or pipe the names into `-`")
    if path.suffix.lower() in _LISTS:
        raise FacekitError(f"no such file: {value}; give a file with one name a line, or names")
    return [value]
