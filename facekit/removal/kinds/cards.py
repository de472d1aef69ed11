"""Cards of data sets, models and galleries: one that names somebody who goes is deleted, and written again."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import ClassVar

from facekit.base import files
from facekit.removal.kinds.base import Doing, Gone, Kind, Part
from facekit.removal.kinds.texts import mentions

CARD, FOR_MACHINES = "README.md", "croissant.json"
"""What `facekit card` writes."""

MARK = b"<!-- Written by `facekit card`."
"""How its README says so."""

_MOST = 16 << 20


class Cards(Kind):
    """What `facekit card` writes into the folder that it describes."""

    name = "card"
    written_by: ClassVar = ("facekit.commands.card.stage",)
    order = 6

    def places(self, folder: Path, entries: Collection[str]) -> Iterator[Path]:
        """A README that says that facekit wrote it."""
        if CARD in entries and _group(folder / CARD):
            yield folder / CARD

    def plan(self, place: Path, doing: Doing) -> Part | None:
        """Return the card where it names somebody who goes."""
        group = _group(place)
        if not any(mentions(file.read_bytes(), doing.targets) for file in group):
            return None
        gone = [Gone(file.name, files.sha256_of(file)) for file in group]
        return Part(self.name, str(place), {"files": len(group)}, gone, "deleted; `facekit card` writes it again")

    def remove(self, place: Path, doing: Doing) -> None:
        """Delete it, the README last: it says that both are facekit's."""
        group = _group(place)
        if any(mentions(file.read_bytes(), doing.targets) for file in group):
            for file in reversed(group):
                files.delete(file)


def _group(card: Path) -> list[Path]:
    """Return the files of a card, the README first; none where somebody else wrote it."""
    if card.is_symlink() or not card.is_file() or card.stat().st_size > _MOST or MARK not in card.read_bytes():
        return []
    other = card.with_name(FOR_MACHINES)
    return [card, *([other] if other.is_file() and not other.is_symlink() else [])]
