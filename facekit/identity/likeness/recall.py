"""How often edited pictures are found again, as `benchmarks/edits_recall.py --write` measured it on real photos."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from facekit.base.files import read_json

Shares = tuple[float, float, float]
"""Of the pictures that were edited at one strength, those that were found: mild, medium, strong."""

FILE = Path(__file__).with_name("recall.json")


@dataclass(frozen=True)
class EditRecall:
    """What was found of one kind of edit."""

    edit: str
    whole: Shares
    faces: Shares


@dataclass(frozen=True)
class Recall:
    """What was measured, of which matcher, on how many photos."""

    matcher: str
    photos: int
    edits: tuple[EditRecall, ...]
    whole: Shares
    """Over all kinds."""
    faces: Shares


@lru_cache(maxsize=1)
def measured() -> Recall:
    """Return what was measured. The file is written by the benchmark alone."""
    return read_json(FILE, Recall)
