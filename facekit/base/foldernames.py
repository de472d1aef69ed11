"""Turn a person's name into a folder name that every file system accepts."""

from __future__ import annotations

import hashlib
import re
import unicodedata

MAX_BYTES = 150
"""Longest name of a folder, in bytes of UTF-8; file systems end at 255, and other tools add to it."""

_RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}
_UNSAFE = re.compile(r'[/\\<>:"|?*]')


def safe(name: str) -> str:
    """Return a folder's name for a person's: no separators, no control characters, not too long, not hidden."""
    text = "".join(" " if _odd(c) else c for c in unicodedata.normalize("NFC", name))
    text = " ".join(_UNSAFE.sub("_", text).split())
    # A dot in front hides a folder, at the end it is lost on some systems; `.` and `..` are not names at all.
    text = re.sub(r"^\.+|\.+$", lambda dots: "_" * len(dots.group()), text) or "_"
    if text.partition(".")[0].strip().casefold() in _RESERVED:
        text = f"_{text}"
    if len(text.encode()) > MAX_BYTES:
        text = with_hash(text, name)
    return text


def with_hash(label: str, name: str) -> str:
    """Return a folder's name that no other name has: with a digest of the name, and not too long."""
    digest = hashlib.sha256(name.encode(errors="replace")).hexdigest()[:8]
    room = MAX_BYTES - len(digest) - 1
    return f"{label.encode()[:room].decode(errors='ignore').rstrip()}-{digest}"


def _odd(character: str) -> bool:
    """Return whether a character has no place in a file's name; the joiners that emoji need have."""
    kind = unicodedata.category(character)
    return kind in ("Cc", "Cs", "Zl", "Zp") or (kind == "Cf" and character not in "\u200c\u200d")
