"""Vectors that were computed once: on disk, by picture and by what was seen of it, shared by all folders.

They are biometric data: they lie in the cache folder, which the user alone may read, and `forget` removes
those of pictures. SQLite keeps the file whole through kills and between processes. A cache that cannot be
used costs time and nothing else.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from facekit.base import weights
from facekit.base.contract import Embedder, FacekitError

Vector = NDArray[np.float32]

T = TypeVar("T")

FILE = "vectors.sqlite3"

MOST = 400_000_000
"""Bytes of the cache at which what was not used for longest is deleted: some 600,000 vectors of 128 numbers."""

_SHARE = 4
"""One part in so many goes at once, so that not every run has to delete."""

_WAIT = 30.0
_DAY = 86_400

_TABLE = """
create table if not exists vectors (picture blob, face text, vector blob, used integer, primary key (picture, face));
create index if not exists by_use on vectors (used);
"""

log = logging.getLogger(__name__)


class Kept:
    """The cache of one embedder's vectors, for all threads. `Key` is a picture's SHA-256 and what of it was seen."""

    def __init__(self, embedder: Embedder, most: int = MOST) -> None:
        """Open the cache; `most` bounds it, in bytes."""
        self._of = f"{embedder.name} {embedder.version} "
        self._most = most
        self._alone = threading.Lock()
        self._base = _opened()

    def __enter__(self) -> Kept:
        """Begin."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Delete what is too much, and close."""
        self._guarded(self._prune, None)
        if self._base is not None:
            with suppress(sqlite3.Error):
                self._base.close()

    def found(self, keys: Sequence[tuple[bytes, str]]) -> list[Vector | None]:
        """Return the vector of each key that is kept, in order."""
        return self._guarded(lambda base: [self._one(base, *key) for key in keys], [None] * len(keys))

    def add(self, vectors: Mapping[tuple[bytes, str], Vector]) -> None:
        """Keep vectors."""
        rows = [
            (picture, self._of + face, np.asarray(vector, "<f4").tobytes(), _today())
            for (picture, face), vector in vectors.items()
        ]

        def write(base: sqlite3.Connection) -> None:
            with base:
                base.executemany("insert or replace into vectors values (?, ?, ?, ?)", rows)

        self._guarded(write, None)

    def _one(self, base: sqlite3.Connection, picture: bytes, face: str) -> Vector | None:
        row = base.execute(
            "select vector, used from vectors where picture = ? and face = ?", (picture, self._of + face)
        ).fetchone()
        if row is None:
            return None
        if row[1] != _today():
            with base:
                base.execute(
                    "update vectors set used = ? where picture = ? and face = ?", (_today(), picture, self._of + face)
                )
        return np.frombuffer(row[0], "<f4").astype(np.float32)

    def _prune(self, base: sqlite3.Connection) -> None:
        pages, free, size = (_pragma(base, name) for name in ("page_count", "freelist_count", "page_size"))
        if (pages - free) * size <= self._most:
            return
        ((count,),) = base.execute("select count(*) from vectors").fetchall()
        with base:
            base.execute(
                "delete from vectors where rowid in (select rowid from vectors order by used, rowid limit ?)",
                (count // _SHARE + 1,),
            )

    def _guarded(self, act: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        with self._alone:
            if self._base is None:
                return otherwise
            try:
                return act(self._base)
            except sqlite3.Error as error:
                log.warning("the cache of faces cannot be used (%s); they are computed anew", error)
                self._base = None
                return otherwise


def forget(pictures: Iterable[str]) -> int:
    """Delete every vector of pictures, by the SHA-256 of their files; return how many there were."""
    base = _opened()
    if base is None:
        return 0
    keys = [(bytes.fromhex(picture),) for picture in pictures]
    try:
        with base:
            before = base.total_changes
            base.executemany("delete from vectors where picture = ?", keys)
            return base.total_changes - before
    except sqlite3.Error as error:
        raise FacekitError(f"the cache of faces cannot be changed ({error}); delete {weights.cache() / FILE}") from None
    finally:
        base.close()


def _opened() -> sqlite3.Connection | None:
    try:
        file = weights.cache() / FILE
        return _connected(file)
    except FacekitError as error:
        log.warning("%s; faces are computed anew each time", error)
    except sqlite3.OperationalError as error:
        log.warning("the cache of faces cannot be opened (%s); they are computed anew", error)
    except sqlite3.DatabaseError as error:
        log.warning("%s is broken (%s) and is begun anew", file, error)
        with suppress(OSError, sqlite3.Error):
            file.unlink()
            return _connected(file)
    return None


def _connected(file: Path) -> sqlite3.Connection:
    file.touch(mode=0o600)
    base = sqlite3.connect(file, timeout=_WAIT, check_same_thread=False)
    try:
        base.execute("pragma journal_mode = wal")
        base.execute("pragma synchronous = normal")  # a power cut may cost the last vectors, never the file
        base.execute("pragma secure_delete = on")
        base.executescript(_TABLE)
    except sqlite3.Error:
        base.close()
        raise
    return base


def _pragma(base: sqlite3.Connection, name: str) -> int:
    return int(base.execute(f"pragma {name}").fetchone()[0])


def _today() -> int:
    return int(time.time()) // _DAY
