"""The SQLite file of a gallery, opened, and its transactions."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from facekit.base import plain
from facekit.base.contract import FacekitError
from facekit.base.text import visible
from facekit.identity.gallery import opening
from facekit.identity.gallery.opening import told
from facekit.identity.gallery.rowvalues import Bad, Reader
from facekit.identity.gallery.values import About


class Transactions:
    """The file of a folder. Several threads may share one, and several processes one folder."""

    def __init__(self, folder: Path, about: About | None = None) -> None:
        """Open the gallery of a folder; with `about`, make it where there is none.

        Raises FacekitError for a folder that holds none, and a file that is broken or of another kind.
        """
        self.folder, self.file = folder, folder / opening.FILE
        self._lock = threading.RLock()
        self._connection = opening.open_file(folder, make=about is not None)
        try:
            self.about = self._begin(about)
        except BaseException:
            self.close()
            raise
        self._read = Reader(self.about.embedder.dimensions)

    @property
    def generation(self) -> int:
        """How often the gallery has changed."""
        with self._reading():
            return self._number("generation")

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._connection.close()

    def _begin(self, about: About | None) -> About:
        with told(self.file):
            self._connection.execute("begin immediate" if about is not None else "begin")
            try:
                found = self._opened(about)
                self._connection.execute("commit")
            except BaseException:
                self._connection.execute("rollback")
                raise
        return found

    def _opened(self, about: About | None) -> About:
        if opening.is_blank(self._connection):
            if about is None:
                raise FacekitError(
                    f"{self.folder} is an empty gallery; enroll people with `facekit enroll FACES -o {self.folder}`"
                )
            for line in opening.statements():
                self._connection.execute(line)
            for key, value in (("about", plain.dump(about)), ("generation", "0"), ("next_slot", "0")):
                self._set(key, value)
        opening.check_schema(self._connection, self.file)
        faults = opening.check_pages(self._connection, self.file)
        if faults:
            raise FacekitError(f"{self.file} is broken ({visible(faults[0])}); restore it from a copy, or enroll again")
        row = self._connection.execute("select value from meta where key = 'about'").fetchone()
        try:
            return plain.parse(row[0] if row and isinstance(row[0], str) else "", About)
        except (ValueError, FacekitError) as error:
            raise FacekitError(f"{self.file} is not what facekit writes ({error}); restore it from a copy") from None

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """Read in one transaction, or within the one that is open."""
        with self._lock, self._told():
            if self._connection.in_transaction:
                yield self._connection
                return
            self._connection.execute("begin")
            try:
                yield self._connection
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("rollback")

    @contextmanager
    def _changing(self, counts: bool = True) -> Iterator[sqlite3.Connection]:
        """Write in one transaction, which raises the generation where it `counts`."""
        with self._lock, self._told():
            self._connection.execute("begin immediate")
            try:
                yield self._connection
                if counts:
                    self._set("generation", str(self._number("generation") + 1))
                self._connection.execute("commit")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("rollback")
                raise

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            with told(self.file):
                yield
        except Bad as error:
            raise FacekitError(
                f"{self.file} is not what facekit writes: {error} is wrong; restore it from a copy, or enroll again"
            ) from None

    def _number(self, key: str) -> int:
        row = self._connection.execute("select value from meta where key = ?", (key,)).fetchone()
        if (
            row is None
            or not isinstance(row[0], str)
            or not row[0].isascii()
            or not row[0].isdigit()
            or len(row[0]) > 18
        ):
            raise Bad(key)
        return int(row[0])

    def _set(self, key: str, value: str) -> None:
        self._connection.execute("insert or replace into meta values (?, ?)", (key, value))
