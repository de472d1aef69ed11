"""What was decided, and the way back: every step can be undone, also those of an earlier day."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path

from facekit.base.contract import Decision, replace
from facekit.base.files import guarded
from facekit.dataset.decisions import Decisions, Key, key_of

Change = tuple[Key, Decision | None, Decision | None]
"""A picture, and the decision that stood before and stands after; None is no decision."""

Step = list[Change]


class Ledger:
    """The decisions of a folder. A step holds what was decided with one key, and is undone as a whole.

    The lines of a step share their time. A step that takes back the one before it undoes it: so the steps
    that can be undone are read from the lines alone, and no kill loses them.
    """

    def __init__(self, root: Path) -> None:
        self._decisions = Decisions(root)
        self._lock = threading.RLock()
        self._size = -1
        self._last = datetime.min.replace(tzinfo=UTC)
        self._steps: list[Step] = []
        self._stands: dict[Key, Decision] = {}
        self.sync()
        self._began = dict(self._stands)

    @property
    def stands(self) -> dict[Key, Decision]:
        """The decisions that stand."""
        return self._stands

    @property
    def depth(self) -> int:
        """How many steps can be undone."""
        return len(self._steps)

    @property
    def changed(self) -> int:
        """On how many pictures something else stands than at the start."""
        keys = self._began.keys() | self._stands.keys()
        return sum(_bare(self._began.get(key)) != _bare(self._stands.get(key)) for key in keys)

    def sync(self) -> bool:
        """Read the lines again where another process has added some; return whether one has."""
        with self._lock:
            changed = self._size != self._on_disk()
            if changed:
                self._read()
            return changed

    def decide(self, decisions: Iterable[Decision]) -> Step:
        """Write one step; return what it changed. When this returns, neither a kill nor a power cut loses it.

        Raises FacekitError when it cannot be written.
        """
        with self._lock:
            self.sync()
            wanted = {key_of(decision): self._change(decision) for decision in decisions}
            changes = [change for change in wanted.values() if _bare(change[1]) != _bare(change[2])]
            if changes:
                self._write(changes)
                self._take(changes)
            return changes

    def undo(self, depth: int) -> Step:
        """Take back the step that is the `depth`-th; return what that changed.

        Nothing is changed where that is not the last one: whoever asks again for want of an answer undoes once.
        """
        with self._lock:
            self.sync()
            if depth != self.depth or not self._steps:
                return []
            back = _back(self._steps[-1])
            self._write(back)
            self._take(back)
            return back

    def _change(self, decision: Decision) -> Change:
        key = key_of(decision)
        return key, self._stands.get(key), decision if decision.decision else None

    def _write(self, changes: Step) -> None:
        at = max(datetime.now(UTC), self._last + timedelta(milliseconds=1))
        stamp = at.isoformat(timespec="milliseconds")
        for key, _, after in changes:
            verdict, to = (after.decision, after.to) if after else (None, None)
            self._decisions.append(Decision(key.origin, key.box, key.label, verdict, to, stamp))
        with guarded(self._decisions.path), self._decisions.path.open("rb") as file:
            os.fsync(file.fileno())
        self._last, self._size = datetime.fromisoformat(stamp), self._on_disk()

    def _take(self, changes: Step) -> None:
        """Follow a step: one that takes the last one back leaves fewer to undo."""
        for key, _, after in changes:
            if after is None:
                self._stands.pop(key, None)
            else:
                self._stands[key] = after
        if self._steps and _alike(changes, _back(self._steps[-1])):
            self._steps.pop()
        else:
            self._steps.append(changes)

    def _read(self) -> None:
        self._size = self._on_disk()
        self._steps, self._stands = [], {}
        for at, step in _steps(self._decisions.history()):
            self._take([self._change(decision) for decision in step])
            self._last = max(self._last, _time(at))

    def _on_disk(self) -> int:
        try:
            return self._decisions.path.stat().st_size
        except FileNotFoundError:
            return 0


def _steps(history: Iterable[Decision]) -> Iterator[tuple[str | None, list[Decision]]]:
    """Part the lines into steps; a line without a time is a step of its own."""
    for at, step in groupby(history, key=lambda decision: decision.at):
        if at is None:
            yield from ((None, [decision]) for decision in step)
        else:
            yield at, list(step)


def _time(at: str | None) -> datetime:
    try:
        found = datetime.fromisoformat(at or "")
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _back(step: Step) -> Step:
    return [(key, after, before) for key, before, after in reversed(step)]


def _alike(one: Step, other: Step) -> bool:
    """Whether two steps do the same to the same pictures."""
    return {key: _bare(after) for key, _, after in one} == {key: _bare(after) for key, _, after in other}


def _bare(decision: Decision | None) -> Decision | None:
    return replace(decision, at=None) if decision else None
