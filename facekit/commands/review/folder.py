"""The folder under review: its cards, by name, by photo and by path, and the files that show them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from facekit.base.contract import Decision
from facekit.base.files import version
from facekit.base.text import listed
from facekit.commands.review.cards import Card, by_doubt, read_cards
from facekit.commands.review.clean_info import info_of_clean, thresholds
from facekit.dataset import INFO, MANIFEST, REJECTED
from facekit.dataset.ancestry import Ancestry, inside
from facekit.dataset.decisions import Key
from facekit.dataset.info import Doubts

_READ = (INFO, MANIFEST, REJECTED)


class NotHere(Exception):
    """The page asks for a picture or a name that the folder does not hold: it shows an earlier state."""


class ReviewFolder:
    """What was read of a folder at one time."""

    def __init__(self, root: Path, decided: Mapping[Key, Decision]) -> None:
        """Read it. Raises FacekitError where `clean` did not make it, or has not finished."""
        self.root = root
        self.signature = signature(root)
        self.info = info_of_clean(root)
        self.keep_at, self.reject_at = thresholds(self.info)
        self.ancestry = Ancestry(root)
        cards = by_doubt(read_cards(root, decided, self.keep_at, self.info.people is not None), self.keep_at)
        self.cards = {card.id: card for card in cards}
        self.by_label: dict[str, list[Card]] = defaultdict(list)
        for card in cards:
            self.by_label[card.label].append(card)
        self.by_key = {card.key: card for card in cards}
        # A label that is not UTF-8 has no address: the page asks for it as it is written with replacement characters.
        self._labels = {_replaced(label): label for label in self.by_label}
        # By their paths in the source: that is how other lines name them, wherever a hand has moved them since.
        self._by_path: dict[str, Card | None] = {
            f"{card.key.label}/{card.about.path.rpartition('/')[2]}": card for card in cards
        }
        named = (card.record for card in cards if card.record and card.record.moved_from is None)
        self.names = {label: label for label in self.by_label} | {r.label: r.name for r in named}

    def card(self, id: str) -> Card:
        """Return a card. Raises NotHere for an id that no card has."""
        if id not in self.cards:
            raise NotHere("this picture no longer exists; reload the page")
        return self.cards[id]

    def under(self, label: str) -> list[Card]:
        """Return a name's cards, the most doubtful first. Raises NotHere for a label that is not there."""
        label = self._labels.get(label, label)
        if label not in self.by_label:
            raise NotHere(f"{label} no longer exists; reload the page")
        return self.by_label[label]

    def note(self, label: str) -> str | None:
        """Return what `clean` doubts about a name as a whole."""
        doubts = self.info.people or Doubts()
        if label in doubts.nobody:
            return "it is not clear who the person is"
        same = [[*pair[:2]] for pair in doubts.one_person if label in pair[:2]]
        others = [self.names.get(one, one) for pair in same for one in pair if one != label]
        return f"seems to be the same person as {listed(others)}" if others else None

    def file_of(self, card: Card) -> Path | None:
        """Return the file that shows a card: the folder's own, else the source's."""
        if card.here is not None:
            return inside(self.root, card.here)
        path = card.left.path if card.left else ""
        return self.ancestry.picture(card.key.label, card.about.id, path)

    def photo_of(self, card: Card) -> Path | None:
        """Return the file of the photo that a card's face was cut from."""
        return self.ancestry.photo(card.key.origin)

    def twins(self, card: Card) -> list[Card]:
        """Return the pictures that a picture repeats, or that repeat it."""
        other = self._other(card)
        mine = [one for one in self.by_label[card.label] if one is not card and self._other(one) is card]
        return ([other] if other and other is not card else []) + mine

    def _other(self, card: Card) -> Card | None:
        """Return the picture that one was left out for: its path is the value of the rejection."""
        path = card.left.value if card.left else None
        if not isinstance(path, str):
            return None
        if path not in self._by_path:
            # The files of a plain tree have names of their own there.
            label, id = self.ancestry.source.names(path) if self.ancestry.source else ("", "")
            found = (c for c in self.cards.values() if (c.key.label, c.about.id) == (label, id))
            self._by_path[path] = next(found, None)
        return self._by_path[path]


def _replaced(label: str) -> str:
    return label.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def signature(root: Path) -> tuple[str, ...]:
    """Return what changes whenever `clean` has written a folder again."""
    return tuple(version(root / name) for name in _READ)
