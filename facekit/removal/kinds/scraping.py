"""What `scrape` keeps beside the pictures: which searches it made, pages that could not be read, the table of names."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from facekit.base import files
from facekit.removal.kinds.texts import mentions
from facekit.removal.targets import Targets

STATE, PAGES, TABLE = ".scrape.jsonl", ".scrape", "summary.csv"
"""The files; a test compares the names with those that `scrape` uses."""

_MOST = 64 << 20
"""Bytes of a kept page."""


def plan(place: Path, targets: Targets) -> dict[str, int]:
    """Return what goes: what -> how many."""
    lines = _state(place / STATE)
    changed = sum(_cleaned(line, targets) != line for line in lines)
    rows = _rows(place / TABLE)
    named = sum(targets.has_name(*row[:2]) for row in rows)
    return {"searches": changed, "kept pages": len(_kept(place, targets)), "rows of a table": named}


def addresses(place: Path, targets: Targets) -> Iterator[str]:
    """Yield the addresses at which pictures that go were found: one that stands under two names has several."""
    for line in _state(place / STATE):
        kept = line.get("keeps")
        if isinstance(kept, dict) and targets.has_id(kept.get("origin")):
            yield from (one for one in (kept.get("url"), kept.get("final_url")) if isinstance(one, str))
        for id, about in (line.get("pictures") or {}).items():
            if targets.has_id(id) and isinstance(about, list) and len(about) > 1 and isinstance(about[1], str):
                yield about[1]


def remove(place: Path, targets: Targets) -> None:
    """Remove what goes."""
    for file in _kept(place, targets):
        files.delete(file)
    with suppress(OSError):  # not there, or it holds something else
        (place / PAGES).rmdir()
    lines = _state(place / STATE)
    if lines:
        stay = [line for line in (_cleaned(line, targets) for line in lines) if line is not None]
        if stay != lines:
            files.replace_lines(place / STATE, (json.dumps(line, ensure_ascii=False) for line in stay))
    rows = _rows(place / TABLE)
    if any(targets.has_name(*row[:2]) for row in rows):
        head, *rest = rows
        files.write_csv(place / TABLE, head, [row for row in rest if not targets.has_name(*row[:2])])


def _state(file: Path) -> list[Any]:
    """Return the lines of what `scrape` notes, a torn last one left out. Raises FacekitError for a broken one."""
    if file.is_symlink():
        return []
    return list(files.iterate_lines(file, dict[str, Any], limit=_MOST))


def _cleaned(line: dict[str, Any], targets: Targets) -> dict[str, Any] | None:
    """Return a line without what goes; None for one of which nothing is left.

    Pictures stand in it by id, and links by their address: found, about to be kept, failed, to be tried again.
    """
    if targets.has_name(line.get("label"), line.get("name")):
        return None
    kept = line.get("keeps")
    if isinstance(kept, dict) and (targets.has_id(kept.get("origin")) or _is_url(kept.get("url"), targets)):
        return None
    if _is_url(line.get("tried"), targets):
        return None
    new = dict(line)
    for name in ("candidates", "again"):
        if name in new:
            new[name] = [one for one in new[name] if not _is_url(one.get("url"), targets)]
    for name in ("ranks", "pictures"):
        if name in new:
            new[name] = {id: one for id, one in new[name].items() if not targets.has_id(id)}
    return new


def _is_url(url: Any, targets: Targets) -> bool:
    return isinstance(url, str) and (url in targets.urls or url in targets.pages)


def _kept(place: Path, targets: Targets) -> list[Path]:
    """Return the kept pages of somebody who goes, and those that mention such a one: a page shows many pictures."""
    folder = place / PAGES
    if folder.is_symlink() or not folder.is_dir():
        return []
    going = set()
    for file in sorted(folder.iterdir()):
        label = file.stem.rpartition("-")[0]
        if file.is_symlink() or not file.is_file():
            continue
        if targets.has_name(label) or (file.stat().st_size <= _MOST and mentions(file.read_bytes(), targets)):
            going.add(file.stem)
    return [file for file in sorted(folder.iterdir()) if file.stem in going and not file.is_symlink()]


def _rows(file: Path) -> list[list[str]]:
    if file.is_symlink() or not file.is_file():
        return []
    return list(csv.reader(io.StringIO(files.read_text(file), newline="")))
