"""The decisions of a folder, and undo: every step can be undone, even those of earlier sessions."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from facekit.base.contract import Decision, replace
from facekit.base.files import guarded
from facekit.dataset.decisions import Decisions, Key, key_of


class Change(NamedTuple):
    """A picture, and the decisions about it before and after a step; None is no decision."""

    key: Key
    before: Decision | None
    after: Decision | None


Step = list[Change]

_NEVER = datetime.min.replace(tzinfo=UTC)


class History:
    """The decisions of a folder. A step holds what was decided with one key, and is undone as a whole.

    The lines of a step share their time. A step that takes back the one before it undoes it: so the steps
    that can be undone are read from the lines alone, and no kill loses them.
    """

    def __init__(self, root: Path) -> None:
        """Read the decisions. Raises FacekitError for a broken line."""
        self._decisions = Decisions(root)
        self._lock = threading.RLock()
        self._size = -1
        self._last = _NEVER
        self._steps: list[Step] = []
        self._current: dict[Key, Decision] = {}
        self.sync()
        self._at_start = dict(self._current)

    @property
    def current(self) -> dict[Key, Decision]:
        """The last decision about each picture."""
        return self._current

    @property
    def depth(self) -> int:
        """How many steps can be undone."""
        return len(self._steps)

    @property
    def changed(self) -> int:
        """For how many pictures the decision is another one than at the start."""
        keys = self._at_start.keys() | self._current.keys()
        return sum(_undated(self._at_start.get(key)) != _undated(self._current.get(key)) for key in keys)

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
            changes = [change for change in wanted.values() if _undated(change.before) != _undated(change.after)]
            if changes:
                self._write(changes)
                self._add(changes)
            return changes

    def undo(self, depth: int) -> Step:
        """Take back the step that is the `depth`-th; return what that changed.

        Nothing is changed where that is not the last one: a request that is sent twice undoes one step.
        """
        with self._lock:
            self.sync()
            if depth != self.depth or not self._steps:
                return []
            back = _reversed(self._steps[-1])
            self._write(back)
            self._add(back)
            return back

    def _change(self, decision: Decision) -> Change:
        key = key_of(decision)
        return Change(key, self._current.get(key), decision if decision.decision else None)

    def _write(self, changes: Step) -> None:
        at = max(datetime.now(UTC), self._last + timedelta(milliseconds=1))
        stamp = at.isoformat(timespec="milliseconds")
        for key, _, after in changes:
            verdict, to = (after.decision, after.to) if after else (None, None)
            self._decisions.append(Decision(key.origin, key.box, key.label, verdict, to, stamp))
        with guarded(self._decisions.path), self._decisions.path.open("rb") as file:
            os.fsync(file.fileno())
        self._last, self._size = datetime.fromisoformat(stamp), self._on_disk()

    def _add(self, changes: Step) -> None:
        """Apply a step: one that takes the last one back leaves fewer to undo."""
        for key, _, after in changes:
            if after is None:
                self._current.pop(key, None)
            else:
                self._current[key] = after
        if self._steps and _same(changes, _reversed(self._steps[-1])):
            self._steps.pop()
        else:
            self._steps.append(changes)

    def _read(self) -> None:
        self._size = self._on_disk()
        self._steps, self._current = [], {}
        for at, step in _steps(self._decisions.history()):
            self._add([self._change(decision) for decision in step])
            self._last = max(self._last, _time(at))

    def _on_disk(self) -> int:
        try:
            return self._decisions.path.stat().st_size
        except FileNotFoundError:
            return 0


def _steps(history: Iterable[Decision]) -> Iterator[tuple[str | None, list[Decision]]]:
    """Split the lines into steps; a line without a time is a step of its own."""
    for at, step in groupby(history, key=lambda decision: decision.at):
        if at is None:
            yield from ((None, [decision]) for decision in step)
        else:
            yield at, list(step)


def _time(at: str | None) -> datetime:
    """Return a line's time, not later than now: one from the year 9999 would leave no later one for new lines."""
    try:
        read = datetime.fromisoformat(at or "")
        return min(read if read.tzinfo else read.replace(tzinfo=UTC), datetime.now(UTC))
    except (ValueError, OverflowError):
        return _NEVER


def _reversed(step: Step) -> Step:
    return [Change(key, after, before) for key, before, after in reversed(step)]


def _same(one: Step, other: Step) -> bool:
    """Whether two steps do the same to the same pictures."""
    return {key: _undated(after) for key, _, after in one} == {key: _undated(after) for key, _, after in other}


def _undated(decision: Decision | None) -> Decision | None:
    return replace(decision, at=None) if decision else None
