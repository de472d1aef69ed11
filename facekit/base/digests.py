"""The SHA-256 of pictures' files, each read once: a command asks for it several times, and files may lie far away.

What was found of a file holds as long as the system says that nobody has touched it. Of a file that was written just
now it is not kept: a second change might fall into the same tick of the clock.
"""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import NamedTuple

from facekit.base import images

FRESH = 2.0
"""Seconds after a change in which nothing is kept of a file; some file systems count time in steps of two."""

_MOST = 200_000
"""Files of which something is kept: about 100 MB."""


class Stamp(NamedTuple):
    """What changes when a file does."""

    device: int
    inode: int
    size: int
    written: int
    changed: int


_found: dict[str, tuple[Stamp, str]] = {}


def known(file: Path) -> str | None:
    """Return the SHA-256 of a file as it is now, in hexadecimal digits; None where it must be read for that."""
    kept = _found.get(str(file.absolute()))
    return kept[1] if kept is not None and kept[0] == stamp(file) else None


def of(file: Path) -> str:
    """Return the SHA-256 of a picture's file. Raises BadImage as `images.load` does, where it has to be read."""
    return known(file) or load(file)[1]


def load(file: Path) -> tuple[bytes, str]:
    """Return a picture's bytes and their SHA-256, which is kept. Raises BadImage as `images.load` does."""
    before = stamp(file)
    data = images.load(file)
    digest = hashlib.sha256(data).hexdigest()
    keep(file, before, digest)
    return data, digest


def keep(file: Path, before: Stamp | None, digest: str) -> None:
    """Keep what was found of a file that had a stamp before it was read."""
    if before is None or before != stamp(file) or time.time() - before.changed / 1e9 < FRESH:
        return
    if len(_found) >= _MOST:
        _found.clear()
    _found[str(file.absolute())] = before, digest


def stamp(file: Path) -> Stamp | None:
    """Return what changes when a file does; None where it cannot be had."""
    try:
        found = file.stat()
    except OSError:
        return None
    return Stamp(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
