"""Where counts are kept: in `monitor.sqlite` beside a gallery or in a run, or in tables of a gallery's database.

Several processes may add at the same time: each adds to what is there, in one transaction. The file may come from a
stranger; what is no count is refused.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np

from facekit.base import plain
from facekit.base.contract import FacekitError
from facekit.scores.stability import Counts
from facekit.serving.monitor.measures import BY_NAME, Edges

TABLES = (
    "create table monitor_reference (measure text primary key, reference text not null)",
    "create table monitor_days (day text not null, measure text not null, bin integer not null, count bigint not null,"
    " primary key (day, measure, bin))",
)

_MOST_BINS = 64
_MOST_COUNT = 10**12

Adding = Mapping[tuple[str, str, int], int]
"""(day, measure, bin) -> how many more."""

Days = dict[str, dict[str, Counts]]
"""Day, as 2026-11-26 in UTC -> measure -> how many values lie in each bin."""


@dataclass(frozen=True, kw_only=True)
class Reference:
    """What one measure is compared with, and the limits of its bins, which never change."""

    edges: tuple[float, ...]
    counts: tuple[int, ...] = ()
    """Of the enrolled faces; empty where it is not known of them."""
    effect: float = 1.0
    """The design effect of these counts."""
    of: str = ""
    """Of which state of the gallery or run the counts are."""

    def __post_init__(self) -> None:
        """Refuse what facekit does not write. Raises ValueError."""
        ascending = all(a < b for a, b in zip(self.edges, self.edges[1:], strict=False))
        if not (0 < len(self.edges) < _MOST_BINS and ascending and np.isfinite(self.edges).all()):
            raise ValueError("the limits of its bins do not ascend")
        if self.counts and len(self.counts) != len(self.edges) + 1:
            raise ValueError("its counts do not match its bins")
        if any(not 0 <= one <= _MOST_COUNT for one in self.counts) or not 1 <= self.effect <= _MOST_COUNT:
            raise ValueError("its counts are not ones that facekit writes")


class Rows(Protocol):
    """What a statement returns."""

    def fetchall(self) -> list[Any]:
        """Return the rows that are left."""
        ...


class Sql(Protocol):
    """A connection: statements with `?` for each value."""

    def execute(self, statement: str, values: Any = ..., /) -> Rows:
        """Run one statement."""
        ...


class DayStore:
    """Counts by day. Threads may share one, and processes a place."""

    BEGIN: ClassVar[str] = "begin"

    def __init__(self, sql: Sql, shown: str) -> None:
        """Take over a connection whose tables are there."""
        self._sql, self.shown, self._lock = sql, shown, threading.RLock()

    def references(self) -> dict[str, Reference]:
        """Return measure -> what it is compared with. Raises FacekitError for what facekit does not write."""
        with self._transaction() as sql:
            found = sql.execute("select measure, reference from monitor_reference").fetchall()
        return {name: self._reference(text) for name, text in found if name in BY_NAME}

    def set_references(self, references: Mapping[str, Reference]) -> dict[str, Reference]:
        """Store references, and return what is there now: limits that another process has stored first are kept."""
        with self._transaction() as sql:
            for name, one in sorted(references.items()):
                sql.execute(
                    "insert into monitor_reference values (?, ?) on conflict (measure) do nothing",
                    (name, plain.dump_line(one)),
                )
        kept = self.references()
        same = {name: one for name, one in references.items() if kept[name].edges == one.edges}
        with self._transaction() as sql:
            for name, one in sorted(same.items()):
                statement = "update monitor_reference set reference = ? where measure = ?"
                sql.execute(statement, (plain.dump_line(one), name))
        return {**kept, **same}

    def add(self, more: Adding) -> None:
        """Add to the counts, all or none of it."""
        with self._transaction() as sql:
            for (day, measure, bin_), count in sorted(more.items()):  # in one order, so that no two wait for each other
                sql.execute(
                    "insert into monitor_days values (?, ?, ?, ?) on conflict (day, measure, bin)"
                    " do update set count = monitor_days.count + excluded.count",
                    (day, measure, bin_, count),
                )

    def days(self, since: str = "") -> Days:
        """Return the counts of each day from one on, in order. Raises FacekitError for what facekit does not write."""
        references = self.references()
        with self._transaction() as sql:
            order = "select day, measure, bin, count from monitor_days where day >= ? order by day, measure, bin"
            found = sql.execute(order, (since,)).fetchall()
        days: Days = {}
        for day, measure, bin_, count in found:
            if measure not in references:
                continue
            bins = len(references[measure].edges) + 1
            self._check(bin_, count, bins)
            days.setdefault(str(day), {}).setdefault(measure, np.zeros(bins, np.int64))[bin_] = count
        return days

    def clear(self) -> None:
        """Forget everything."""
        with self._transaction() as sql:
            for table in ("monitor_days", "monitor_reference"):
                sql.execute(f"delete from {table}")

    def close(self) -> None:
        """Let go of the database."""
        with self._lock:
            self._sql.close()  # type: ignore[attr-defined]

    @contextmanager
    def _transaction(self) -> Iterator[Sql]:
        with self._lock, self._told():
            self._ready()
            self._sql.execute(self.BEGIN)
            try:
                yield self._sql
                self._sql.execute("commit")
            except BaseException:
                with suppress(Exception):  # a connection that is lost has nothing to undo
                    self._sql.execute("rollback")
                raise

    def _ready(self) -> None:
        """Make sure, before a transaction, that the database can be talked to."""

    def _told(self) -> AbstractContextManager[None]:
        """Turn what the database raises into one line that says what to do."""
        raise NotImplementedError

    def _reference(self, text: Any) -> Reference:
        try:
            return plain.parse(text if isinstance(text, str) else "", Reference)
        except (ValueError, FacekitError) as error:
            raise self._broken(str(error)) from None

    def _check(self, bin_: Any, count: Any, bins: int) -> None:
        if not (isinstance(bin_, int) and isinstance(count, int) and 0 <= bin_ < bins and 0 <= count <= _MOST_COUNT):
            raise self._broken("a count is wrong")

    def _broken(self, why: str) -> FacekitError:
        return FacekitError(f"{self.shown} is not what facekit writes ({why}); {self._fix()}")

    def _fix(self) -> str:
        return "begin anew with `facekit monitor GALLERY --overwrite`"


def limits(references: Mapping[str, Reference]) -> dict[str, Edges]:
    """Return measure -> the limits of its bins: those of what is stored, else those that need no quantiles."""
    return {name: references[name].edges if name in references else one.edges for name, one in BY_NAME.items()}
