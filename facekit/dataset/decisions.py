"""A person's decisions about pictures: stored beside them, and never deleted by a new run or `--overwrite`.

A decision goes by the photo, the box in it and the label that the picture was found under, so that it still
holds when the picture has been made again, or moved. The last line about a picture counts; taking a decision
back adds a line too, so that nothing is ever lost.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from facekit.base import files as lines
from facekit.base.clock import now
from facekit.base.contract import Box, Decision, FacekitError, Record, Rejection, replace
from facekit.dataset.records import DECISIONS, read_decisions


class Key(NamedTuple):
    """What a decision goes by: the photo, the box in it (None is all of it), and the label as found."""

    origin: str
    box: Box | None
    label: str


class Decisions:
    """The decisions about a folder of pictures that are in force."""

    def __init__(self, root: Path) -> None:
        self.path = root / DECISIONS

    def history(self) -> list[Decision]:
        """Return every decision, oldest first. Raises FacekitError for a line that is none, and for a symbolic link."""
        if self.path.is_symlink():
            raise FacekitError(f"{self.path} is a symbolic link; replace it with the file itself")
        return read_decisions(self.path)

    def read(self) -> dict[Key, Decision]:
        """Return the decisions in force. Raises FacekitError for a line that is none."""
        return standing(self.history())

    def append(self, decision: Decision) -> Decision:
        """Add one decision; return it with its time. When this returns, a kill cannot lose it.

        Raises FacekitError when it cannot be written.
        """
        dated = replace(decision, at=decision.at or now("milliseconds"))
        # Not the folder's lock: `clean` may be writing pictures while a person decides.
        lines.append_line(self.path, dated.to_json(), alone=True)
        return dated


def standing(history: Iterable[Decision]) -> dict[Key, Decision]:
    """Return the last decision about each picture, without those that were taken back."""
    last = {key_of(decision): decision for decision in history}
    return {key: decision for key, decision in last.items() if decision.decision is not None}


def key_of(about: Record | Rejection | Decision) -> Key:
    """Return what decisions about this picture go by."""
    if isinstance(about, Rejection):
        return Key(about.origin or about.id, about.box, about.label)
    label = about.label if isinstance(about, Decision) else about.moved_from or about.label
    return Key(about.origin, about.box, label)
