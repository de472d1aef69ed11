"""A folder that a stage writes: its lock, what may be deleted in it, and what a kill left there."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any

from facekit.base import files as lines
from facekit.base.contract import FacekitError, Record
from facekit.dataset.tree import DECISIONS, INFO, MANIFEST, REJECTED, SOURCES, info_bytes, place, scan

OWN = {MANIFEST, SOURCES, REJECTED, INFO, DECISIONS, "summary.csv"}
"""The files that stand beside the labels' folders."""


def check_places(output: Path, source: Path | None) -> None:
    """Refuse an output that is a file, or that lies in its own input or around it. Raises FacekitError."""
    if output.exists() and not output.is_dir():
        raise FacekitError(f"{output} is a file; choose a folder to write")
    if source is None:
        return
    inner, outer = output.resolve(), source.resolve()
    if inner == outer or inner.is_relative_to(outer) or outer.is_relative_to(inner):
        raise FacekitError(f"{output} and the input {source} lie in one another; choose a folder beside it")


def lock(root: Path) -> int:
    """Lock the folder itself, so that no file is left behind and the lock dies with its holder.

    Returns the handle whose closing gives the lock back. Raises FacekitError where another process has it.
    """
    handle = os.open(root, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise FacekitError(f"another facekit is writing {root}; wait for it, or choose another folder") from None
    return handle


def made_nothing(root: Path) -> bool:
    """Whether an earlier run was refused or left everything out: such a folder is as good as a new one."""
    with os.scandir(root) as entries:
        names = {entry.name for entry in entries if not entry.name.startswith(".")}
    manifest = root / MANIFEST
    return names <= OWN and not (manifest.exists() and manifest.stat().st_size)


def forget(root: Path) -> None:
    """Empty what says what was made; the manifest stays, because it says that facekit may write here."""
    if (root / MANIFEST).exists():
        lines.replace_file(root / MANIFEST, b"")
    for name in (SOURCES, REJECTED):
        (root / name).unlink(missing_ok=True)


def clear(root: Path, info: Mapping[str, Any]) -> None:
    """Delete what the manifest names, and the lines themselves; nothing else. Raises FacekitError without one.

    What a person decided stays: it cost hours, and it goes by the photo, not by what was made of it.
    """
    for name in (MANIFEST, INFO):
        if not (root / name).exists():
            raise FacekitError(
                f"{root} has no {name}, so what --overwrite may delete is not known; choose another folder"
            )
    kept, _ = place(lines.read_lines(root / MANIFEST, Record), scan(root))
    stale = [record.path for record in kept]
    lines.replace_file(root / INFO, info_bytes({**info, "complete": False, "stale": stale}))
    delete(root, stale)
    forget(root)


def finish_deleting(root: Path, info: Mapping[str, Any]) -> None:
    """Go on with the deletions that a kill interrupted: `dataset.json` named them before the first."""
    stale = set(info.get("stale", []))
    if stale:
        known = lines.read_lines(root / MANIFEST, Record)
        lines.replace_lines(root / MANIFEST, (r.to_json() for r in known if r.path not in stale))
        delete(root, stale)


def delete(root: Path, paths: Iterable[str]) -> None:
    """Delete pictures of a folder, and the label folders that this empties.

    Only what `scan` lists is deleted: a path that leads out of the folder is not facekit's.
    """
    paths = set(paths)
    listed = scan(root)
    for path in paths.intersection(chain.from_iterable(listed.values())):
        (root / path).unlink(missing_ok=True)
    for label in listed.keys() & {path.partition("/")[0] for path in paths}:
        with suppress(OSError):  # a folder that still holds something stays
            (root / label).rmdir()


def sweep(root: Path) -> None:
    """Delete what a kill left of files that were being written."""
    for part in (*root.glob(".*.part"), *root.glob("*/.*.part")):
        part.unlink(missing_ok=True)
