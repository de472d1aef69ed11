"""One review: what was decided about a folder's pictures, and what the page is told."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from facekit.base.contract import Decision, FacekitError, Verdict
from facekit.commands.review.cards import Card
from facekit.commands.review.clean_info import command, info_of_clean
from facekit.commands.review.folder import NotHere, Pile, signature
from facekit.commands.review.history import Ledger, Step
from facekit.commands.review.pictures import version
from facekit.commands.review.writer import Live
from facekit.dataset import read_info

STATES = ("keep", "reject", "unsure", "move")
"""What becomes of a picture."""


class Desk:
    """What the page asks and tells. One lock: what it does is quick, and two pages may be open."""

    def __init__(self, root: Path, live: bool = False) -> None:
        """Read the folder. Raises FacekitError where `clean` did not make it, or has not finished."""
        self.root, self.live = root, live
        self._lock = threading.RLock()
        info_of_clean(root)  # first: a folder that is none has no decisions either, and a better error
        self._ledger = Ledger(root)
        self.second_round = self._ledger.depth > 0
        self._owed: dict[str, Decision | None] = {}
        self._read()
        if live:
            self._catch_up()

    @property
    def decided(self) -> int:
        """On how many faces something else has been decided since the start."""
        return self._ledger.changed

    @property
    def command(self) -> str:
        """The command that carries out what was decided."""
        source = self.pile.origins.source
        return command(self.root, source.root if source else None, self.pile.info)

    # What the page is told

    def refresh(self) -> None:
        """Read again where `clean` has written the folder anew, or another page's facekit has decided."""
        with self._lock:
            info = read_info(self.root)
            if signature(self.root) != self.pile.signature and info is not None and info.complete:
                self._ledger.sync()
                self._read()
            elif self._ledger.sync():
                self._tally()

    def overview(self) -> dict[str, Any]:
        """Return the names with their counts, and what holds for all of them."""
        with self._lock:
            return {
                "folder": self.root.resolve().name,
                "live": self.live,
                "again": self.command,
                "keep_at": self.pile.keep_at,
                "reject_at": self.pile.reject_at,
                "second_round": self.second_round,
                "depth": self._ledger.depth,
                "names": [self.counts(label) for label in sorted(self.pile.by_label, key=str.casefold)],
            }

    def counts(self, label: str) -> dict[str, Any]:
        """Return how many faces of a name are in each of `STATES`."""
        found = self._counts[label]
        about = {"label": label, "name": self.pile.names[label], "note": self.pile.note(label)}
        return {**about, **{state: found[state] for state in STATES}}

    def faces(self, label: str) -> list[dict[str, Any]]:
        """Return the faces of a name in the order of doubt. Raises NotHere for a label that is not there."""
        with self._lock:
            return [self._brief(card) for card in self.pile.under(label)]

    def detail(self, card: Card) -> dict[str, Any]:
        """Return what is known of one face: where it comes from, and what it repeats or is repeated by."""
        with self._lock:
            source = self.pile.origins.source_of(card.key.origin)
            return {
                **self._brief(card),
                "label": card.label,
                "value": card.left.value if card.left else None,
                "quality": dict(card.quality),
                "box": list(card.key.box) if card.key.box else None,
                "photo": version(self.pile.photo_of(card)) or None,
                "source": {name: value for name, value in asdict(source).items() if value} if source else None,
                "twins": [{**self._brief(twin), "label": twin.label} for twin in self.pile.twins(card)],
            }

    def _brief(self, card: Card) -> dict[str, Any]:
        """Return what the grid shows of a face. What is None is left out: there may be ten thousand."""
        chance = card.chance
        values = {
            "id": card.id,
            "v": version(self.pile.file_of(card)) or None,
            "p": None if chance is None else round(chance, 4),
            "was": card.standing,
            "why": card.reason,
            "like": card.left.like if card.left else None,
            **self._decision(card),
        }
        return {name: value for name, value in values.items() if value is not None}

    def _decision(self, card: Card) -> dict[str, Any]:
        decision = self._ledger.stands.get(card.key)
        return {"state": self._state(card), "mine": decision is not None, "to": decision.to if decision else None}

    def _state(self, card: Card) -> str:
        """Return one of `STATES`: unsure where neither a person nor `clean` has decided."""
        decision = self._ledger.stands.get(card.key)
        if decision is None or decision.decision is None:
            return card.standing
        # Moved here, and that has been carried out: it is where it was sent.
        return "keep" if decision.to == card.label else decision.decision

    # What the page tells

    def decide(self, wanted: Iterable[tuple[str, Verdict | None, str | None]]) -> dict[str, Any]:
        """Save what was decided, as one step: card, verdict, and the label that it is moved to.

        Raises NotHere for an id or a label that is not there, FacekitError when it cannot be saved.
        """
        with self._lock:
            self.refresh()
            decisions = [self._checked(self.pile.card(id), verdict, to) for id, verdict, to in wanted]
            step = self._ledger.decide(decisions)
            return self._answer(step)

    def undo(self, depth: int) -> dict[str, Any]:
        """Take back the step that is the `depth`-th, where that is the last one."""
        with self._lock:
            self.refresh()
            step = self._ledger.undo(depth)
            return self._answer(step)

    def _checked(self, card: Card, verdict: Verdict | None, to: str | None) -> Decision:
        if verdict == "move":
            self.pile.under(to or "")
        if verdict == "move" and to == card.key.label == card.label:
            verdict = "keep"
        key = card.key
        return Decision(key.origin, key.box, key.label, verdict, to if verdict == "move" else None)

    def _answer(self, step: Step) -> dict[str, Any]:
        here = [(self.pile.by_key.get(key), before, after) for key, before, after in step]
        changed = [(card, before, after) for card, before, after in here if card is not None]
        for card, _, _ in changed:
            self._counts[card.label][self._states[card.id]] -= 1
            self._states[card.id] = self._state(card)
            self._counts[card.label][self._states[card.id]] += 1
        trouble = self._carry_out(changed) if self.live else None
        return {
            "depth": self._ledger.depth,
            "changes": [{"id": card.id, "label": card.label, **self._decision(card)} for card, _, _ in changed],
            "counts": [self.counts(label) for label in sorted({card.label for card, _, _ in changed})],
            "trouble": trouble,
        }

    # What stands

    def _read(self) -> None:
        self.pile = Pile(self.root, self._ledger.stands)
        self._live = Live(self.root, self.pile.origins, self.pile.names)
        self._tally()

    def _tally(self) -> None:
        """Count the states of all faces; after that each decision changes the counts by what it changed."""
        self._states = {card.id: self._state(card) for card in self.pile.cards.values()}
        by_label = self.pile.by_label
        self._counts = {label: Counter(self._states[card.id] for card in by_label[label]) for label in by_label}

    # Carrying it out at once

    def _catch_up(self) -> None:
        """Carry out what was decided while nobody did."""
        stands = self._ledger.stands
        self._carry_out([(card, None, stands[card.key]) for card in self.pile.cards.values() if card.key in stands])

    def _carry_out(self, changed: list[tuple[Card, Decision | None, Decision | None]]) -> str | None:
        """Let the files follow; return what hindered that, which is tried again with the next decision."""
        late = [(self.pile.cards[id], before) for id, before in self._owed.items() if id in self.pile.cards]
        owed = [(card, before, self._ledger.stands.get(card.key)) for card, before in late]
        trouble = None
        try:
            self._live.follow([*owed, *changed])
            self._owed = {}
        except FacekitError as error:
            trouble = str(error)
            self._owed |= {card.id: before for card, before, _ in changed}
        self.pile.signature = signature(self.root)
        return trouble


__all__ = ["STATES", "Desk", "NotHere"]
