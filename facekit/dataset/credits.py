"""Whose photo is shown, and under which licence: what stands below it on a sheet."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from facekit.base import files
from facekit.base.contract import FacekitError, Source
from facekit.dataset.ancestry import Ancestry
from facekit.dataset.records import MANIFEST, SOURCES

_FOLDERS = 32
"""Folders whose lines are kept."""


def source_of(file: Path) -> Source | None:
    """Return where the photo behind a picture was found, as the folders say it that facekit made.

    A picture that is in none of them, or in one whose files are broken, has no source: it is shown without.
    """
    root = file.parent.parent
    try:
        ancestry = _ancestry(root, files.version(root / MANIFEST), files.version(root / SOURCES))
        origin = ancestry.own.origins.get(f"{file.parent.name}/{file.name}") if ancestry is not None else None
        return None if ancestry is None or origin is None else ancestry.source_of(origin)
    except FacekitError:
        return None


def credit_of(file: Path | None) -> str:
    """Return what a sheet says below a picture: its photo's creator and licence; empty where neither is known."""
    source = None if file is None else source_of(file)
    return "" if source is None else source.credit


@lru_cache(maxsize=_FOLDERS)
def _ancestry(root: Path, _manifest: str, _sources: str) -> Ancestry | None:
    ancestry = Ancestry(root)
    return ancestry if ancestry.own.made else None
