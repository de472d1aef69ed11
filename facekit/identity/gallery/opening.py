"""Open the SQLite file of a gallery as one that a stranger may have made, for its owner alone."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from facekit.base import weights
from facekit.base.contract import FacekitError
from facekit.base.opening import guarded

FILE = "gallery.sqlite"

BUSY_SECONDS = 30.0
MOST_VALUE = 16 << 20
"""Longest value that is read out of the file, in bytes."""

CHECKED_AT_ONCE = 64 << 20
"""Bytes of a file up to which its pages are checked whenever it is opened; `gallery check` checks all."""

SCHEMA = """
create table meta (key text primary key, value text not null) without rowid;
create table people (id integer primary key, name text not null, key text not null unique);
create table faces (id text primary key, person integer not null references people (id), slot integer not null unique,
 path text not null, sha256 text not null, box text not null, origin text not null,
 source text not null, at text not null, vector blob not null);
create index faces_by_person on faces (person);
create table denials (id text primary key, person integer not null references people (id), face text not null,
 path text not null, sha256 text not null, box text not null, origin text not null, source text not null,
 at text not null, vector blob not null);
create table strangers (id text primary key, who text not null, vector blob not null);
create table crops (id text primary key, box text not null, data blob not null);
"""

FEEDBACK = (
    "create table feedback (id text primary key, correct integer not null, person integer references people (id),"
    " actual integer references people (id), similarity real, answered text not null, at text not null) without rowid"
)
"""What is made in a file where somebody says for the first time whether an answer was right."""

_UNWRITTEN = ("SQLITE_IOERR_WRITE", "SQLITE_IOERR_FSYNC", "SQLITE_IOERR_TRUNCATE", "SQLITE_IOERR_SHM")
"""What SQLite calls a disk that takes no more, where it does not say that it is full: quotas, limits, bad disks."""


def is_gallery(folder: Path) -> bool:
    """Whether a folder holds a gallery, or what was begun as one."""
    return os.path.lexists(folder / FILE)


def is_begun(folder: Path) -> bool:
    """Whether a folder holds a gallery with tables. Raises FacekitError for a file that is none."""
    if not is_gallery(folder):
        return False
    connection = open_file(folder)
    try:
        with told(folder / FILE):
            return not is_blank(connection)
    finally:
        connection.close()


def open_file(folder: Path, make: bool = False) -> sqlite3.Connection:
    """Open the file of a gallery; `make` makes one that has no tables yet, and its folder, where there is none.

    Raises FacekitError for a file that is not there, is no SQLite file, or cannot be made.
    """
    file = folder / FILE
    if make:
        _make(folder)
    for one in (file, *beside(file)):
        if one.is_symlink() or (one.exists() and not one.is_file()):
            raise FacekitError(f"{one} is not a regular file; a gallery has no links, so delete it")
    if not file.exists():
        raise FacekitError(
            f"{folder} is no gallery: it has no {FILE}; make one with `facekit enroll FACES -o {folder}`"
        )
    # Only SQLite opens the file: whoever closes it takes away all locks that this process has on it (POSIX). Another
    # process would then remove the log of changes beside it, and what a server writes after that would be lost.
    if not os.access(file, os.R_OK):
        raise FacekitError(f"{file} cannot be read; check its rights")
    for one in (file, *beside(file)):
        weights.keep_private(one)
    return _connect(file)


def _make(folder: Path) -> None:
    with guarded(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileExistsError):
            handle = os.open(folder / FILE, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            os.close(handle)
    weights.keep_private(folder)


def beside(file: Path) -> list[Path]:
    """Return the files that SQLite keeps beside its own."""
    return [file.with_name(file.name + suffix) for suffix in ("-wal", "-shm", "-journal")]


@contextmanager
def told(file: Path) -> Iterator[None]:
    """Turn what SQLite raises into one line that says what to do."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise FacekitError(_operational(file, str(error), error.sqlite_errorname or "")) from None
    except sqlite3.DataError:
        raise FacekitError(f"{file} holds a value that is too large for a gallery; restore it from a copy") from None
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorname == "SQLITE_NOTADB":
            raise FacekitError(f"{file} is no SQLite file; restore it from a copy, or enroll again") from None
        raise FacekitError(f"{file} is broken ({error}); restore it from a copy, or enroll again") from None
    except OverflowError:
        raise FacekitError(f"{file} holds a number that is too large for a gallery; restore it from a copy") from None


def _operational(file: Path, why: str, name: str) -> str:
    if "locked" in why or "busy" in why:
        return f"another program has {file} locked; try again when it is done"
    if "full" in why:
        return f"the disk of {file} is full; nothing of the last step was written, so make room and try again"
    if name.startswith(_UNWRITTEN):
        return f"{file} cannot be written ({why}); nothing of the last step was written, so make room and try again"
    if "readonly" in why or "unable to open" in why or "permission" in why:
        return f"{file} cannot be written here ({why}); check the rights of the folder {file.parent}"
    return f"{file} cannot be used ({why}); restore it from a copy, or enroll again"


def _connect(file: Path) -> sqlite3.Connection:
    with told(file):
        connection = sqlite3.connect(file, timeout=BUSY_SECONDS, check_same_thread=False, isolation_level=None)
        try:
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MOST_VALUE)
            for line in (
                "trusted_schema = off",
                "cell_size_check = on",
                "mmap_size = 0",
                "journal_mode = wal",
                "synchronous = full",  # what was acknowledged outlives a power cut as well
                "secure_delete = on",  # who is removed is not left in free pages
                "foreign_keys = on",
            ):
                connection.execute(f"pragma {line}").fetchall()
        except BaseException:
            connection.close()
            raise
        return connection


def is_blank(connection: sqlite3.Connection) -> bool:
    """Whether a file has no tables yet: it was only just made, or the program that made it was killed."""
    return not _schema(connection)


def statements() -> list[str]:
    """Return what makes the tables."""
    return [one.strip() for one in SCHEMA.split(";") if one.strip()]


def check_schema(connection: sqlite3.Connection, file: Path) -> None:
    """Refuse a file with other tables than facekit's, or with triggers or views. Raises FacekitError."""
    ours = sqlite3.connect(":memory:")
    try:
        ours.executescript(SCHEMA)
        known = [_schema(ours)]
        ours.execute(FEEDBACK)
        known.append(_schema(ours))
    finally:
        ours.close()
    if _schema(connection) not in known:
        raise FacekitError(f"{file} has tables that facekit did not make, and is not opened; enroll again")


def check_pages(connection: sqlite3.Connection, file: Path, always: bool = False) -> list[str]:
    """Return what is wrong with the pages of the file. Of a large one nothing is checked, unless `always`."""
    if not always and file.stat().st_size > CHECKED_AT_ONCE:
        return []
    kind = "integrity_check" if always else "quick_check"
    found = [str(row[0]) for row in connection.execute(f"pragma {kind}(10)").fetchall()]
    return [] if found == ["ok"] else found


def _schema(connection: sqlite3.Connection) -> list[tuple[str | None, ...]]:
    return connection.execute("select type, name, sql from sqlite_master order by type, name limit 20").fetchall()
