"""A gallery in one SQLite file."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from facekit.base.contract import FacekitError
from facekit.base.text import visible
from facekit.identity.gallery import opening
from facekit.identity.gallery.changes import Changes
from facekit.identity.gallery.rowvalues import Reader
from facekit.identity.gallery.transactions import Rows
from facekit.identity.gallery.values import About


class SqliteStore(Changes):
    """The store of a folder. Several threads may share one, and several processes one folder."""

    READING = "begin"
    CHANGING = ("begin immediate",)

    def __init__(self, folder: Path, about: About | None = None) -> None:
        """Open the gallery of a folder; with `about`, make it where there is none.

        Raises FacekitError for a folder that holds none, and a file that is broken or of another kind.
        """
        super().__init__()
        self.folder, self.file = folder, folder / opening.FILE
        self.shown, self.named = str(folder), str(self.file)
        self._sql = self._connection = opening.open_file(folder, make=about is not None)
        try:
            with self._told(), self._transaction((self.READING,) if about is None else self.CHANGING, "commit"):
                self.about = self._opened(about)
        except BaseException:
            self.close()
            raise
        self._read = Reader(self.about.embedder.dimensions)

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._connection.close()

    def _opened(self, about: About | None) -> About:
        if opening.is_blank(self._connection):
            if about is None:
                raise self._empty()
            for line in opening.statements():
                self._connection.execute(line)
            self._begin_gallery(about)
        opening.check_schema(self._connection, self.file)
        faults = opening.check_pages(self._connection, self.file)
        if faults:
            raise FacekitError(f"{self.file} is broken ({visible(faults[0])}); restore it from a copy, or enroll again")
        return self._stored_about()

    def _has_feedback(self) -> bool:
        found = self._sql.execute("select 1 from sqlite_master where type = 'table' and name = 'feedback'")
        return found.fetchone() is not None

    def _make_feedback(self) -> None:
        self._sql.execute(opening.FEEDBACK)

    def _purging(self) -> Sequence[str]:
        return "vacuum", "pragma wal_checkpoint(truncate)"

    def _check_purged(self, statement: str, found: Rows) -> None:
        row = found.fetchone() if statement.startswith("pragma") else None
        if row is not None and row[0]:
            raise FacekitError(
                f"another program reads {self.file}, so its log cannot be emptied; close that program, and type the "
                "same again"
            )

    def _told(self) -> AbstractContextManager[None]:
        return opening.told(self.file)

    def _in_transaction(self) -> bool:
        return self._connection.in_transaction

    def _faults(self) -> list[str]:
        found = opening.check_pages(self._connection, self.file, always=True)
        strays: list[tuple[str, int]] = self._connection.execute("pragma foreign_key_check").fetchall()
        return [*found, *(f"row {row[1]} of {row[0]} names nobody" for row in strays)]
