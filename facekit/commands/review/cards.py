"""The pictures to decide on: what `clean` kept and what it left out, and why, as one list."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from facekit.base.contract import Decision, Record, Rejection
from facekit.commands.review.answers import Standing
from facekit.dataset import REJECTED, REMOVED, REPEATED
from facekit.dataset.decisions import Key, key_of
from facekit.dataset.listing import read_manifest
from facekit.dataset.reasons import NO_FACE, OPEN, REVIEWED, UNSURE, WRONG
from facekit.dataset.records import read_rejections
from facekit.identity.people import PERSON, is_unsure

_BY_PROBABILITY = (UNSURE, WRONG)
"""The reasons whose value is the probability that a face is the folder's person."""


@dataclass(slots=True)
class Card:
    """One picture to decide on."""

    id: str
    """How the page names it: nothing that could name a file."""
    key: Key
    label: str
    """The name that it is shown under."""
    standing: Standing
    """What `clean` made of it."""
    record: Record | None = None
    """Its line in the manifest, where it has one."""
    left: Rejection | None = None
    """Its line in `rejected.jsonl`, where it has one."""
    here: str | None = None
    """Where its file is in the folder now; None where it is not."""

    @property
    def about(self) -> Record | Rejection:
        """The line that says what the picture is."""
        line = self.record or self.left
        assert line is not None
        return line

    @property
    def probability(self) -> float | None:
        """That this is the folder's person, where `clean` gave a probability."""
        if self.left is None:
            return self.quality.get(PERSON)
        value = self.left.value if self.left.reason in _BY_PROBABILITY else None
        return value if isinstance(value, int | float) else None

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

    Where `clean` judged who is on the faces (`judged`), one without a probability is one that it could not judge.
    """
    held, rejected = read_manifest(root), read_rejections(root / REJECTED)
    # The same bytes a second time are the same picture, which has a card by its other line.
    left = {(r.label, r.id): r for r in rejected if r.reason != REPEATED}
    cards = []
    for record, here in [(r, r.path) for r in held.records] + [(r, None) for r in held.gone]:
        # Left out, and there nevertheless: a decision has been carried out.
        why = left.pop((record.moved_from or record.label, record.id), None)
        key = key_of(record)
        if why is None and here is None and key not in decided:
            why = Rejection.of("clean", record, REMOVED)
        cards.append(_card(key, record.label, record, why, here, keep_at, judged))
    cards += [_card(key_of(why), why.label, None, why, None, keep_at, judged) for why in left.values()]
    return cards


def by_doubt(cards: Iterable[Card], keep_at: float) -> list[Card]:
    """Return the cards in the order in which a person looks at them: the most doubtful first.

    First what is left to a person, then what `clean` decided by a probability, the nearest to the threshold first, in
    odds: a face rejected at 4% is more doubtful than one kept at 99%. Then what holds no face, the most facelike first.
    """

    def rank(card: Card) -> tuple[int, bool, float, str, str]:
        place = {"unsure": 0, "keep": 1, "reject": 1 if card.probability is not None else 2}[card.standing]
        return place, card.probability is None, _doubt(card, keep_at), card.reason or "", card.id

    return sorted(cards, key=rank)


def _doubt(card: Card, keep_at: float) -> float:
    """Return how little there is to doubt: the distance to the threshold in odds, or to a face in score."""
    if card.probability is not None:
        return abs(_log_odds(card.probability) - _log_odds(keep_at))
    score = card.left.value if card.left and card.left.reason == NO_FACE else None
    return -score if isinstance(score, int | float) else 0.0


def _log_odds(probability: float) -> float:
    inside = min(max(probability, 1e-6), 1 - 1e-6)
    return math.log(inside / (1 - inside))


def _card(
    key: Key, label: str, record: Record | None, left: Rejection | None, here: str | None, keep_at: float, judged: bool
) -> Card:
    id = record.id if record else left.id if left else ""
    digest = hashlib.sha256(f"{key.label}\0{id}".encode(errors="surrogateescape")).hexdigest()[:16]
    card = Card(digest, key, label, "keep", record, left, here)
    if left is not None:
        # What was rejected in a review is open again when that is taken back.
        card.standing = "unsure" if left.reason in (*OPEN, REVIEWED) else "reject"
    elif is_unsure(card.quality, keep_at, judged):
        card.standing = "unsure"
    return card
