"""The pictures to decide on: what `clean` kept and what it left out, with its reasons, as one list."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from facekit.base import files as lines
from facekit.base.contract import Decision, Record, Rejection
from facekit.dataset import MANIFEST, REJECTED, REMOVED, REPEATED
from facekit.dataset.decisions import Key, key_of
from facekit.dataset.tree import place, scan
from facekit.identity.people import OPEN, UNSURE, WRONG

Standing = Literal["keep", "reject", "unsure"]

PERSON = "person"
"""The quality under which `clean` writes the probability that a face is the folder's person."""

REVIEWED = "rejected in review"
"""The reason that `clean` gives for a decision which it has carried out."""

_BY_CHANCE = (UNSURE, WRONG)
"""The reasons whose number is that probability, and not a sharpness or a count."""


@dataclass(slots=True)
class Card:
    """One picture to decide on."""

    id: str
    """What the page knows it by: nothing that could name a file."""
    key: Key
    label: str
    """The name that it is shown under."""
    standing: Standing
    """What becomes of it as `clean` left it."""
    record: Record | None = None
    """Its line in the manifest, where it has one."""
    left: Rejection | None = None
    """Its line in `rejected.jsonl`, where it has one."""
    here: str | None = None
    """Where its file is in the folder now; None where it is not."""

    @property
    def about(self) -> Record | Rejection:
        """Whichever line says what the picture is."""
        line = self.record or self.left
        assert line is not None
        return line

    @property
    def chance(self) -> float | None:
        """The probability that this is the folder's person, where `clean` gave one."""
        if self.left is not None:
            return float(self.left.value or 0) if self.left.reason in _BY_CHANCE else None
        return self.quality.get(PERSON)

    @property
    def quality(self) -> Mapping[str, float]:
        """What was measured of the picture; nothing where it was left out."""
        return (self.record.quality if self.record else None) or {}

    @property
    def reason(self) -> str | None:
        """Why `clean` left it out; None where it did not."""
        return self.left.reason if self.left else None


def read_cards(root: Path, decided: Mapping[Key, Decision], keep_at: float, judged: bool) -> list[Card]:
    """Return a card for each picture that `clean` wrote or left out. Raises FacekitError for broken lines.

    Where faces were told apart (`judged`), one without a probability is one that `clean` could say nothing of.
    """
    kept, gone = place(lines.read_lines(root / MANIFEST, Record), scan(root))
    rejected = lines.read_lines(root / REJECTED, Rejection)
    # The same bytes a second time are the same picture, which has a card by its other line.
    left = {(r.label, r.id): r for r in rejected if r.reason != REPEATED}
    cards = []
    for record, here in [(r, r.path) for r in kept] + [(r, None) for r in gone]:
        # Left out and there all the same: a decision has been carried out.
        why = left.pop((record.moved_from or record.label, record.id), None)
        key = key_of(record)
        if why is None and here is None and key not in decided:
            why = Rejection.of("clean", record, REMOVED)
        cards.append(_card(key, record.label, record, why, here, keep_at, judged))
    cards += [_card(key_of(why), why.label, None, why, None, keep_at, judged) for why in left.values()]
    return cards


def by_doubt(cards: Iterable[Card], keep_at: float) -> list[Card]:
    """Return the cards in the order in which a person looks at them: the nearest to the threshold first."""

    def rank(card: Card) -> tuple[int, bool, float, str, str]:
        place = {"unsure": 0, "keep": 1, "reject": 1 if card.chance is not None else 2}[card.standing]
        doubt = 0.0 if card.chance is None else abs(card.chance - keep_at)
        return place, card.chance is None, doubt, card.reason or "", card.id

    return sorted(cards, key=rank)


def _card(
    key: Key, label: str, record: Record | None, left: Rejection | None, here: str | None, keep_at: float, judged: bool
) -> Card:
    id = record.id if record else left.id if left else ""
    digest = hashlib.sha256(f"{key.label}\0{id}".encode(errors="surrogateescape")).hexdigest()[:16]
    card = Card(digest, key, label, "keep", record, left, here)
    if left is not None:
        # What was rejected here once stands open again when that is taken back.
        card.standing = "unsure" if left.reason in (*OPEN, REVIEWED) else "reject"
    elif card.chance is None:
        card.standing = "unsure" if judged else "keep"
    elif card.chance < keep_at:
        card.standing = "unsure"
    return card
