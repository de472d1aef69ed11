"""One review: what was decided about a folder's pictures, and what the page shows of it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from msgspec.structs import asdict

from facekit.base.contract import Decision, FacekitError, Verdict
from facekit.base.files import version
from facekit.commands.review.answers import Change, Counts, Detail, Face, Overview, State, StepResult, Twin
from facekit.commands.review.cards import Card
from facekit.commands.review.clean_info import command, info_of_clean
from facekit.commands.review.folder import NotHere, ReviewFolder, signature
from facekit.commands.review.history import History, Step
from facekit.commands.review.writer import FolderWriter, Task
from facekit.dataset import read_info


class Session:
    """What the page shows and decides. One lock: each call is quick, and two pages may be open."""

    def __init__(self, root: Path, live: bool = False) -> None:
        """Read the folder. Raises FacekitError where `clean` did not make it, or has not finished."""
        self.root, self.live = root, live
        self._lock = threading.RLock()
        info_of_clean(root)  # first: any other folder has no decisions either, and this error says more
        self._history = History(root)
        self.second_round = self._history.depth > 0
        self._pending: dict[str, Decision | None] = {}
        self._read()
        if live:
            self._catch_up()

    @property
    def decided(self) -> int:
        """For how many faces the decision is another one than at the start."""
        return self._history.changed

    @property
    def undecided(self) -> int:
        """How many faces neither a person nor `clean` has decided about."""
        return sum(counts["unsure"] for counts in self._counts.values())

    @property
    def command(self) -> str:
        """The command that carries out what was decided."""
        source = self.folder.ancestry.source
        return command(self.root, source.root if source else None, self.folder.info)

    # What the page shows

    def refresh(self) -> None:
        """Read again where `clean` has rewritten the folder, or another process has decided."""
        with self._lock:
            info = read_info(self.root)
            if signature(self.root) != self.folder.signature and info is not None and info.complete:
                self._history.sync()
                self._read()
            elif self._history.sync():
                self._count()

    def overview(self) -> Overview:
        """Return the names with their counts, and what holds for all of them."""
        with self._lock:
            return Overview(
                folder=self.root.resolve().name,
                live=self.live,
                again=self.command,
                keep_at=self.folder.keep_at,
                reject_at=self.folder.reject_at,
                second_round=self.second_round,
                depth=self._history.depth,
                names=[self.counts(label) for label in sorted(self.folder.by_label, key=str.casefold)],
            )

    def counts(self, label: str) -> Counts:
        """Return how many faces of a name are in each state."""
        counted = self._counts[label]
        return Counts(
            label=label,
            name=self.folder.names[label],
            note=self.folder.note(label),
            keep=counted["keep"],
            reject=counted["reject"],
            unsure=counted["unsure"],
            unsure_kept=self._kept_unsure(label),
            move=counted["move"],
        )

    def _kept_unsure(self, label: str) -> int:
        """Return how many undecided faces `clean` kept all the same: its table counts them as kept."""
        return sum(self._states[card.id] == "unsure" and card.left is None for card in self.folder.by_label[label])

    def faces(self, label: str) -> list[Face]:
        """Return the faces of a name, the most doubtful first. Raises NotHere for a label that is not there."""
        with self._lock:
            return [self._face(card) for card in self.folder.under(label)]

    def detail(self, card: Card) -> Detail:
        """Return what is known of one face: where it comes from, and what it repeats or is repeated by."""
        with self._lock:
            return Detail(
                **asdict(self._face(card)),
                label=card.label,
                value=card.left.value if card.left else None,
                quality=dict(card.quality),
                box=card.key.box,
                photo=version(self.folder.photo_of(card)) or None,
                source=self.folder.ancestry.source_of(card.key.origin),
                twins=[Twin(**asdict(self._face(twin)), label=twin.label) for twin in self.folder.twins(card)],
            )

    def _face(self, card: Card) -> Face:
        probability = card.probability
        decision = self._history.current.get(card.key)
        return Face(
            id=card.id,
            state=self._state(card),
            mine=decision is not None,
            was=card.standing,
            version=version(self.folder.file_of(card)) or None,
            probability=None if probability is None else round(probability, 4),
            why=card.reason,
            like=card.left.like if card.left else None,
            to=decision.to if decision else None,
        )

    def _state(self, card: Card) -> State:
        """Return what becomes of a face: unsure where neither a person nor `clean` has decided."""
        decision = self._history.current.get(card.key)
        if decision is None or decision.decision is None:
            return card.standing
        # Moved here, and that has been carried out: it is where it was sent.
        return "keep" if decision.to == card.label else decision.decision

    # What the page decides

    def decide(self, wanted: Iterable[tuple[str, Verdict | None, str | None]]) -> StepResult:
        """Save decisions as one step: of each the card's id, the verdict, and the label that it is moved to.

        Raises NotHere for an id or a label that is not there, FacekitError when it cannot be saved.
        """
        with self._lock:
            self.refresh()
            decisions = [self._decision(self.folder.card(id), verdict, to) for id, verdict, to in wanted]
            return self._result(self._history.decide(decisions))

    def undo(self, depth: int) -> StepResult:
        """Take back the step that is the `depth`-th, where that is the last one."""
        with self._lock:
            self.refresh()
            return self._result(self._history.undo(depth))

    def _decision(self, card: Card, verdict: Verdict | None, to: str | None) -> Decision:
        if verdict == "move":
            self.folder.under(to or "")
        if verdict == "move" and to == card.key.label == card.label:
            verdict = "keep"
        key = card.key
        return Decision(key.origin, key.box, key.label, verdict, to if verdict == "move" else None)

    def _result(self, step: Step) -> StepResult:
        tasks = [
            Task(card, before, after)
            for key, before, after in step
            if (card := self.folder.by_key.get(key)) is not None
        ]
        cards = [task.card for task in tasks]
        for card in cards:
            self._counts[card.label][self._states[card.id]] -= 1
            self._states[card.id] = self._state(card)
            self._counts[card.label][self._states[card.id]] += 1
        trouble = self._carry_out(tasks) if self.live else None
        return StepResult(
            depth=self._history.depth,
            changes=[self._change(card) for card in cards],
            counts=[self.counts(label) for label in sorted({card.label for card in cards})],
            trouble=trouble,
        )

    def _change(self, card: Card) -> Change:
        decision = self._history.current.get(card.key)
        to = decision.to if decision else None
        return Change(id=card.id, label=card.label, state=self._state(card), mine=decision is not None, to=to)

    # What the folder holds

    def _read(self) -> None:
        self.folder = ReviewFolder(self.root, self._history.current)
        self._writer = FolderWriter(self.root, self.folder.ancestry, self.folder.names)
        self._count()

    def _count(self) -> None:
        """Count the states of all faces; after that each decision changes the counts by what it changed."""
        self._states: dict[str, State] = {card.id: self._state(card) for card in self.folder.cards.values()}
        by_label = self.folder.by_label
        self._counts = {label: Counter(self._states[card.id] for card in by_label[label]) for label in by_label}

    # Carrying decisions out at once

    def _catch_up(self) -> None:
        """Carry out what was decided in a review that was not live."""
        current = self._history.current
        cards = [card for card in self.folder.cards.values() if card.key in current]
        self._carry_out([Task(card, None, current[card.key]) for card in cards])

    def _carry_out(self, tasks: list[Task]) -> str | None:
        """Let the files follow; return what prevented that, which is tried again with the next decision."""
        late = [(self.folder.cards[id], before) for id, before in self._pending.items() if id in self.folder.cards]
        pending = [Task(card, before, self._history.current.get(card.key)) for card, before in late]
        trouble = None
        try:
            self._writer.follow([*pending, *tasks])
            self._pending = {}
        except FacekitError as error:
            trouble = str(error)
            self._pending |= {task.card.id: task.before for task in tasks}
        self.folder.signature = signature(self.root)
        return trouble


__all__ = ["NotHere", "Session"]
