"""The cache of embeddings on disk, by picture and face, shared by all folders.

They are biometric data: they lie in the cache folder, which the user alone may read. `forget` keeps those of pictures
that it knows and that stay, and no other: of a picture that is gone nobody can tell whose face it showed. SQLite keeps
the file whole through kills and between processes. A cache that cannot be used, or that somebody else made, costs time
and nothing else: it is replaced, and nothing in it is trusted.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from facekit.base import weights
from facekit.base.contract import Embedder, FacekitError
from facekit.base.files import delete

Embedding = NDArray[np.float32]
"""One face's, shape (dimensions,)."""

Key = tuple[bytes, str]
"""The SHA-256 of a picture, and what of it was seen."""

T = TypeVar("T")

FILE = weights.EMBEDDINGS

MAX_BYTES = 400_000_000
"""Size of the cache at which the least recently used entries are deleted: some 600,000 embeddings of 128 numbers."""

MAX_VALUE_BYTES = 1 << 20
"""Longest value that is read out of the file."""

_PRUNED_SHARE = 4
"""One part in so many is deleted at once, so that not every run has to delete."""

_OTHERS = "picture not in (select picture from temp.stay)"

_BUSY_SECONDS = 30.0
_DAY = 86_400

_SCHEMA = """
create table if not exists vectors (picture blob, face text, vector blob, used integer, primary key (picture, face));
create index if not exists by_use on vectors (used);
"""

log = logging.getLogger(__name__)


class EmbeddingCache:
    """The cache of one embedder's embeddings, for all threads, as a context manager."""

    def __init__(self, embedder: Embedder, max_bytes: int = MAX_BYTES) -> None:
        """Open the cache; `max_bytes` bounds it when it is closed."""
        self._prefix = f"{embedder.name} {embedder.version} "
        self._bytes = 4 * embedder.dimensions
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._connection = _open()

    def __enter__(self) -> EmbeddingCache:
        """Begin."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Delete what is too much, and close."""
        self._try(self._prune, None)
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()

    def load(self, keys: Sequence[Key]) -> list[Embedding | None]:
        """Return the embedding of each key, in order; None for one that is not in the cache."""
        return self._try(lambda connection: [self._load(connection, *key) for key in keys], [None] * len(keys))

    def save(self, embeddings: Mapping[Key, Embedding]) -> None:
        """Keep embeddings; one that is not finite is not kept."""
        rows = [
            (picture, self._prefix + face, np.asarray(embedding, "<f4").tobytes(), _today())
            for (picture, face), embedding in embeddings.items()
            if np.isfinite(embedding).all()
        ]

        def write(connection: sqlite3.Connection) -> None:
            with connection:
                connection.executemany("insert or replace into vectors values (?, ?, ?, ?)", rows)

        self._try(write, None)

    def _load(self, connection: sqlite3.Connection, picture: bytes, face: str) -> Embedding | None:
        row = connection.execute(
            "select vector, used from vectors where picture = ? and face = ?", (picture, self._prefix + face)
        ).fetchone()
        embedding = self._parse(row[0]) if row else None
        if embedding is not None and row[1] != _today():
            with connection:
                connection.execute(
                    "update vectors set used = ? where picture = ? and face = ?",
                    (_today(), picture, self._prefix + face),
                )
        return embedding

    def _parse(self, data: bytes | str | float | None) -> Embedding | None:
        """Return the embedding that bytes hold; None for any other value: SQLite's columns have no fixed type."""
        if not isinstance(data, bytes) or len(data) != self._bytes:
            return None
        embedding = np.frombuffer(data, "<f4").astype(np.float32)
        return embedding if np.isfinite(embedding).all() else None

    def _prune(self, connection: sqlite3.Connection) -> None:
        pages, free, size = (_pragma(connection, name) for name in ("page_count", "freelist_count", "page_size"))
        if (pages - free) * size <= self._max_bytes:
            return
        ((count,),) = connection.execute("select count(*) from vectors").fetchall()
        with connection:
            connection.execute(
                "delete from vectors where rowid in (select rowid from vectors order by used, rowid limit ?)",
                (count // _PRUNED_SHARE + 1,),
            )

    def _try(self, act: Callable[[sqlite3.Connection], T], default: T) -> T:
        with self._lock:
            if self._connection is None:
                return default
            try:
                return act(self._connection)
            except sqlite3.Error as error:
                log.warning("the cache of embeddings cannot be used (%s); they are computed again", error)
                self._connection = None
                return default


def keep_only(pictures: Iterable[str]) -> int:
    """Delete every embedding but those of some pictures, by the SHA-256 of their files; return how many there were."""
    connection = _open()
    if connection is None:
        return 0
    try:
        with connection:
            _note(connection, pictures)
            count = connection.execute(f"delete from vectors where {_OTHERS}").rowcount
        # What was deleted is neither in free pages nor in the log.
        connection.execute("vacuum")
        connection.execute("pragma wal_checkpoint(truncate)")
        return count
    except sqlite3.Error as error:
        raise FacekitError(
            f"the cache of embeddings cannot be changed ({error}); delete {weights.cache() / FILE}"
        ) from None
    finally:
        connection.close()


def others(pictures: Iterable[str]) -> int:
    """Return how many embeddings `keep_only` would delete; nothing is made."""
    file = weights.where() / FILE
    if not file.exists():
        return 0
    with _using(file) as connection:
        _note(connection, pictures)
        ((count,),) = connection.execute(f"select count(*) from vectors where {_OTHERS}").fetchall()  # noqa: S608
        return int(count)


def _note(connection: sqlite3.Connection, pictures: Iterable[str]) -> None:
    """Write down for this connection alone which pictures stay."""
    connection.execute("pragma temp_store = memory")
    connection.execute("create temp table stay (picture blob primary key)")
    connection.executemany("insert or ignore into stay values (?)", ((bytes.fromhex(one),) for one in pictures))


@dataclass(frozen=True)
class Summary:
    """How much the cache holds."""

    embeddings: int = 0
    oldest: float | None = None
    """Seconds since the day on which the one was used that was not used for the longest time."""


def summary(root: Path) -> Summary:
    """Return how much the cache in a folder holds; nothing is made where there is none. Raises FacekitError."""
    file = root / FILE
    if not file.exists():
        return Summary()
    with _using(file) as connection:
        ((count, first),) = connection.execute("select count(*), min(used) from vectors").fetchall()
    used = first if isinstance(first, int) else None
    return Summary(int(count), None if used is None else max(0.0, time.time() - used * _DAY))


def size(root: Path) -> int:
    """Return the bytes that the cache in a folder takes, whether it can be used or not."""
    return sum(one.stat().st_size for one in _files(root / FILE) if one.exists())


def clear(root: Path, age: int | None = None) -> None:
    """Delete the cache in a folder, or the embeddings that were not used for `age` seconds. Raises FacekitError."""
    file = root / FILE
    if age is None:
        for one in _files(file):
            delete(one)
    elif file.exists():
        with _using(file) as connection:
            with connection:
                connection.execute("delete from vectors where (used + 1) * ? <= ?", (_DAY, int(time.time()) - age))
            # What was deleted is neither in free pages nor in the log.
            connection.execute("vacuum")
            connection.execute("pragma wal_checkpoint(truncate)")


@contextmanager
def _using(file: Path) -> Iterator[sqlite3.Connection]:
    try:
        connection = _connect(file)
        try:
            yield connection
        finally:
            connection.close()
    except (sqlite3.Error, OSError) as error:
        raise FacekitError(
            f"{file} cannot be used ({error}); delete it with `facekit cache --kind embeddings --clear`"
        ) from None


def _files(file: Path) -> list[Path]:
    """Return the file, and those that SQLite keeps beside it."""
    return [file.with_name(file.name + suffix) for suffix in ("", "-wal", "-shm")]


def _open() -> sqlite3.Connection | None:
    try:
        file = weights.cache() / FILE
        return _connect(file)
    except FacekitError as error:
        log.warning("%s; embeddings are computed again each time", error)
    except (sqlite3.OperationalError, OSError) as error:
        log.warning("the cache of embeddings cannot be opened (%s); they are computed again", error)
    except sqlite3.DatabaseError as error:
        log.warning("%s is broken (%s) and is replaced", file, error)
        with suppress(OSError, sqlite3.Error):
            for one in _files(file):
                one.unlink(missing_ok=True)
            return _connect(file)
    return None


def _connect(file: Path) -> sqlite3.Connection:
    if file.is_symlink() or (file.exists() and not file.is_file()):
        raise FacekitError(f"{file} is not a regular file; delete it")
    file.touch(mode=0o600)
    for one in _files(file):
        weights.keep_private(one)
    connection = sqlite3.connect(file, timeout=_BUSY_SECONDS, check_same_thread=False)
    try:
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)
        connection.execute("pragma trusted_schema = off")
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = normal")  # a power cut may cost the last rows, never the file
        connection.execute("pragma secure_delete = on")
        connection.executescript(_SCHEMA)
        _check_schema(connection)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _check_schema(connection: sqlite3.Connection) -> None:
    """Refuse a file with triggers, views or other columns, which would run whatever its maker wrote."""
    with sqlite3.connect(":memory:") as ours:
        ours.executescript(_SCHEMA)
        if _schema(connection) != _schema(ours):
            raise sqlite3.DatabaseError("facekit did not make its tables")
    ours.close()


def _schema(connection: sqlite3.Connection) -> list[tuple[str | None, ...]]:
    return connection.execute("select type, name, sql from sqlite_master order by type, name limit 10").fetchall()


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"pragma {name}").fetchone()[0])


def _today() -> int:
    return int(time.time()) // _DAY
