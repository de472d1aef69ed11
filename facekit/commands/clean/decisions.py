"""What a person decided in the review, as it bears on this run: what is in force, and what waits for `--apply`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from facekit.base.contract import Decision, Record, Rejection, replace
from facekit.commands.clean.candidates import Seen
from facekit.dataset import REMOVED, REPEATED, Output, distinct, key
from facekit.dataset.decisions import Decisions, Key, key_of, standing


@dataclass(frozen=True)
class Decided:
    """The decisions about a folder: `now` those that are in force, `later` all that stand."""

    lines: int
    """How many lines of the folder's decisions are in force."""
    now: Mapping[Key, Decision]
    later: Mapping[Key, Decision]
    moves: Collection[tuple[Key, str]]
    """Every move that was ever in force: one that was taken back since is undone."""
    whole: bool
    """Whether the folder is complete, so that what it lacks says something."""

    @classmethod
    def of(cls, out: Output, apply: bool) -> Decided:
        """Read what was decided: with `apply` all of it is in force, else what an earlier run carried out."""
        history = Decisions(out.root).history()
        applied = out.before.applied if out.before else 0
        lines = len(history) if apply else min(applied, len(history))
        moves = {(key_of(one), one.to) for one in history[:lines] if one.to is not None}
        return cls(lines, standing(history[:lines]), standing(history), moves, out.complete)

    def waiting(self, out: Output) -> int:
        """Count the pictures about which something was decided that has not been carried out."""
        if self.now == self.later:
            return 0
        assert out.source is not None
        records = ((key_of(record), out.records.get(key(record))) for record in out.source.records)
        return sum(_what(self._about(about, there)) != _what(self.later.get(about)) for about, there in records)

    def seen(self, out: Output) -> tuple[list[Seen], list[Rejection]]:
        """Return the source's pictures as a person has placed them, and what to say of those that are not here.

        A picture that was deleted in the folder is here, unless it was decided about: its repeats go with it.
        """
        assert out.source is not None
        records, said = out.usable(check=False)
        placed = {key(record): record for record in records}
        deleted = {(gone.label, gone.id) for gone in out.removed}
        names = {record.label: record.name for record in out.source.records}
        found: dict[tuple[str, str], Seen] = {}
        for record in distinct(out.source.records)[0]:
            decision = self._about(key_of(record), out.records.get(key(record)))
            moved = self._moved(placed.get(key(record), record), decision, names)
            verdict = decision.decision if decision else None
            if (moved.label, moved.id) in found:  # it was moved to where its like stands already
                like = found[moved.label, moved.id].record
                said.append(Rejection.of(out.stage, moved, REPEATED, like.path))
            else:
                gone = key(record) in deleted and verdict is None
                found[moved.label, moved.id] = Seen(moved, removed=gone, verdict=verdict)
        settled = {key(one.record) for one in found.values() if one.verdict is not None}
        return list(found.values()), [r for r in said if r.reason != REMOVED or (r.label, r.id) not in settled]

    def _about(self, about: Key, there: Record | None) -> Decision | None:
        """Return what is in force: also what waits, where the folder agrees with it already."""
        later = self.later.get(about)
        if later is not None and self.whole and _carried_out(later, there):
            return later
        return self.now.get(about)

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


def _what(decision: Decision | None) -> tuple[str | None, str | None]:
    return (decision.decision, decision.to) if decision else (None, None)
