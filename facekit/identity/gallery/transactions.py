"""Transactions of a gallery that is kept in SQL, whatever database speaks it."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, ClassVar, Protocol

from facekit.base import plain
from facekit.base.contract import FacekitError
from facekit.identity.gallery.rowvalues import Bad, Reader
from facekit.identity.gallery.values import About


class Rows(Protocol):
    """What a statement returns: rows as tuples."""

    @property
    def rowcount(self) -> int:
        """How many rows it changed."""
        ...

    def fetchone(self) -> Any:
        """Return the next row; None at the end."""
        ...

    def fetchall(self) -> list[Any]:
        """Return the rows that are left."""
        ...

    def __iter__(self) -> Iterator[Any]:
        """Yield the rows that are left."""
        ...


class Sql(Protocol):
    """A connection: statements with `?` for each value."""

    def execute(self, statement: str, values: Sequence[Any] = ..., /) -> Rows:
        """Run one statement."""
        ...


class Transactions(ABC):
    """A database that is read and changed in transactions. Several threads may share one."""

    about: About
    shown: str
    """The gallery as messages and commands name it."""
    named: str
    """What is at fault where a value is wrong: the file, or the gallery."""

    _sql: Sql
    _read: Reader

    READING: ClassVar[str] = "begin"
    """Begins a transaction that sees one state of the gallery."""
    CHANGING: ClassVar[tuple[str, ...]] = ("begin",)
    """Begins a transaction that no other process changes the gallery in."""

    def __init__(self) -> None:
        """Begin without a connection; the subclass makes one."""
        self._lock = threading.RLock()

    @property
    def generation(self) -> int:
        """How often the gallery has changed."""
        with self._reading():
            return self._number("generation")

    @abstractmethod
    def _told(self) -> AbstractContextManager[None]:
        """Turn what the database raises into one line that says what to do."""

    @abstractmethod
    def _in_transaction(self) -> bool:
        """Whether a transaction is open."""

    def _ready(self) -> None:  # noqa: B027 - only some databases have to do something
        """Make sure, before a transaction, that the database can be talked to."""

    @contextmanager
    def _reading(self) -> Iterator[Sql]:
        """Read in one transaction, or within the one that is open."""
        with self._lock, self._faults_told():
            if self._in_transaction():
                yield self._sql
                return
            self._ready()
            with self._transaction((self.READING,), "rollback"):
                yield self._sql

    @contextmanager
    def _changing(self, counts: bool = True) -> Iterator[Sql]:
        """Write in one transaction, which raises the generation where it `counts`."""
        with self._lock, self._faults_told():
            self._ready()
            with self._transaction(self.CHANGING, "commit"):
                yield self._sql
                if counts:
                    self._set("generation", str(self._number("generation") + 1))

    @contextmanager
    def _transaction(self, first: Sequence[str], last: str) -> Iterator[None]:
        try:
            for statement in first:
                self._sql.execute(statement)
            yield
            self._sql.execute(last)
        except BaseException:
            if self._in_transaction():
                self._sql.execute("rollback")
            raise

    @contextmanager
    def _faults_told(self) -> Iterator[None]:
        try:
            with self._told():
                yield
        except Bad as error:
            raise FacekitError(
                f"{self.named} is not what facekit writes: {error} is wrong; restore it from a copy, or enroll again"
            ) from None

    def _stored_about(self) -> About:
        """Return what the gallery says of itself. Raises FacekitError for what facekit does not write."""
        row = self._sql.execute("select value from meta where key = 'about'").fetchone()
        try:
            return plain.parse(row[0] if row and isinstance(row[0], str) else "", About)
        except (ValueError, FacekitError) as error:
            raise FacekitError(f"{self.named} is not what facekit writes ({error}); restore it from a copy") from None

    def _empty(self) -> FacekitError:
        return FacekitError(
            f"{self.shown} is an empty gallery; enroll people with `facekit enroll FACES -o {self.shown}`"
        )

    def _number(self, key: str) -> int:
        row = self._sql.execute("select value from meta where key = ?", (key,)).fetchone()
        value = row[0] if row is not None else None
        if not (isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 18):
            raise Bad(key)
        return int(value)

    def _set(self, key: str, value: str) -> None:
        self._sql.execute(
            "insert into meta values (?, ?) on conflict (key) do update set value = excluded.value", (key, value)
        )

    def _begin_gallery(self, about: About) -> None:
        """Fill the tables of a new gallery with what each has."""
        for key, value in (("about", plain.dump(about)), ("generation", "0"), ("next_slot", "0")):
            self._set(key, value)
