"""Review decisions: those that apply in this run, and those that wait for `--apply`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from facekit.base.contract import Decision, Record, Rejection, replace
from facekit.commands.clean.candidates import Candidate
from facekit.dataset import REMOVED, REPEATED, Output, distinct, key
from facekit.dataset.decisions import Decisions, Key, key_of, standing


@dataclass(frozen=True)
class ReviewDecisions:
    """The decisions about a folder: those `in_force` in this run, and the `latest` about each picture."""

    lines: int
    """How many lines of the folder's decisions are in force."""
    in_force: Mapping[Key, Decision]
    latest: Mapping[Key, Decision]
    moves: Collection[tuple[Key, str]]
    """Every move that was ever in force: one that was taken back since is undone."""
    complete: bool
    """Whether the folder is complete, so that a picture it lacks was left out or deleted."""

    @classmethod
    def read(cls, out: Output, apply: bool) -> ReviewDecisions:
        """Read what was decided: with `apply` all of it is in force, else what an earlier run carried out."""
        history = Decisions(out.root).history()
        applied = out.before.applied if out.before else 0
        lines = len(history) if apply else min(applied, len(history))
        moves = {(key_of(one), one.to) for one in history[:lines] if one.to is not None}
        return cls(lines, standing(history[:lines]), standing(history), moves, out.complete)

    def waiting(self, out: Output) -> int:
        """Count the pictures about which something was decided that has not been carried out."""
        if self.in_force == self.latest:
            return 0
        assert out.source is not None
        records = ((key_of(record), out.records.get(key(record))) for record in out.source.records)
        return sum(_outcome(self._find(about, there)) != _outcome(self.latest.get(about)) for about, there in records)

    def candidates(self, out: Output) -> tuple[list[Candidate], list[Rejection]]:
        """Return the source's pictures as a person has placed them, and the rejections of those that are left out.

        A picture that was deleted from the folder is among them, unless it was decided about: its repeats are left
        out with it.
        """
        assert out.source is not None
        records, rejections = out.usable(check=False)
        placed = {key(record): record for record in records}
        deleted = {(gone.label, gone.id) for gone in out.removed}
        names = {record.label: record.name for record in out.source.records}
        candidates: dict[tuple[str, str], Candidate] = {}
        for record in distinct(out.source.records)[0]:
            decision = self._find(key_of(record), out.records.get(key(record)))
            moved = self._moved(placed.get(key(record), record), decision, names)
            verdict = decision.decision if decision else None
            if (moved.label, moved.id) in candidates:  # it was moved to a name that has the same picture
                same = candidates[moved.label, moved.id].record
                rejections.append(Rejection.of(out.stage, moved, REPEATED, same.path))
            else:
                removed = key(record) in deleted and verdict is None
                candidates[moved.label, moved.id] = Candidate(moved, removed=removed, verdict=verdict)
        decided = {key(one.record) for one in candidates.values() if one.verdict is not None}
        left = [r for r in rejections if r.reason != REMOVED or (r.label, r.id) not in decided]
        return list(candidates.values()), left

    def _find(self, about: Key, there: Record | None) -> Decision | None:
        """Return the decision in force: also one that waits, where the folder agrees with it already."""
        latest = self.latest.get(about)
        if latest is not None and self.complete and _carried_out(latest, there):
            return latest
        return self.in_force.get(about)

    def _moved(self, record: Record, decision: Decision | None, names: Mapping[str, str]) -> Record:
        about = key_of(record)
        to = record.label
        if decision is not None and decision.to is not None:
            to = decision.to
        elif (about, record.label) in self.moves:
            to = about.label
        if to == record.label:
            return record
        return replace(record, label=to, name=names.get(to, to), moved_from=None if to == about.label else about.label)


def _carried_out(decision: Decision, there: Record | None) -> bool:
    if decision.decision == "reject":
        return there is None
    return there is not None and there.label == (decision.to or decision.label)


def _outcome(decision: Decision | None) -> tuple[str | None, str | None]:
    return (decision.decision, decision.to) if decision else (None, None)
