"""Counts in a SQLite file beside a gallery, or in a run: for its owner alone, and opened as one from a stranger."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from facekit.base import weights
from facekit.base.contract import FacekitError
from facekit.base.opening import guarded
from facekit.serving.monitor.days import TABLES, DayStore

FILE = "monitor.sqlite"

_BUSY_SECONDS = 30.0


class SqliteDays(DayStore):
    """Counts in a SQLite file."""

    BEGIN = "begin immediate"

    def __init__(self, file: Path) -> None:
        """Open the file, which is made where there is none. Raises FacekitError."""
        self._file = file
        with _told(file):
            connection = _connected(file)
            try:
                self._make(connection)
            except BaseException:
                connection.close()
                raise
        super().__init__(connection, str(file))

    def _make(self, connection: sqlite3.Connection) -> None:
        connection.execute("begin immediate")
        if not _schema(connection):
            for table in TABLES:
                connection.execute(table)
        connection.execute("commit")
        ours = sqlite3.connect(":memory:")
        try:
            for table in TABLES:
                ours.execute(table)
            if _schema(ours) != _schema(connection):
                raise FacekitError(f"{self._file} has tables that facekit did not make; {self._fix()}")
        finally:
            ours.close()

    def _told(self) -> AbstractContextManager[None]:
        return _told(self._file)

    def _fix(self) -> str:
        return "delete the file, which begins anew"


def in_folder(folder: Path) -> SqliteDays:
    """Return the counts that are kept in a folder. Raises FacekitError."""
    return SqliteDays(folder / FILE)


def _connected(file: Path) -> sqlite3.Connection:
    for one in (file, *(file.with_name(file.name + end) for end in ("-wal", "-shm", "-journal"))):
        if one.is_symlink() or (one.exists() and not one.is_file()):
            raise FacekitError(f"{one} is not a regular file; delete it")
    with guarded(file), suppress(FileExistsError):
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
    weights.keep_private(file)
    connection = sqlite3.connect(file, timeout=_BUSY_SECONDS, check_same_thread=False, isolation_level=None)
    try:
        for line in ("trusted_schema = off", "cell_size_check = on", "journal_mode = wal", "synchronous = normal"):
            connection.execute(f"pragma {line}").fetchall()
    except BaseException:
        connection.close()
        raise
    return connection


def _schema(connection: sqlite3.Connection) -> list[tuple[str | None, ...]]:
    return connection.execute("select type, name, sql from sqlite_master order by type, name limit 20").fetchall()


@contextmanager
def _told(file: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        why = str(error)
        if "locked" in why or "busy" in why:
            raise FacekitError(f"another program has {file} locked; try again when it is done") from None
        raise FacekitError(f"{file} cannot be written ({why}); check the disk and the rights of its folder") from None
    except sqlite3.DatabaseError as error:
        raise FacekitError(f"{file} is broken ({error}); delete it, which begins anew") from None
    except OverflowError:
        raise FacekitError(f"{file} holds a number that facekit does not write; delete it, which begins anew") from None
