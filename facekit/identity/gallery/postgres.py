"""A gallery in a schema of a PostgreSQL database with pgvector, which several servers share."""

from __future__ import annotations

import shlex
import struct
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray

from facekit.base.contract import FacekitError
from facekit.identity.gallery.changes import Changes
from facekit.identity.gallery.connecting import Connection, Vector, told
from facekit.identity.gallery.rowvalues import Bad, Reader
from facekit.identity.gallery.values import About
from facekit.options.galleries import Address

TABLES = """
create table meta (key text collate "C" primary key, value text not null);
create table people (id bigint generated always as identity primary key, name text not null,
 key text collate "C" not null unique);
create table faces (id text collate "C" primary key, person bigint not null references people (id),
 slot bigint not null unique, path text not null, sha256 text not null, box text not null, origin text not null,
 source text not null, at text not null, vector vector not null);
create index faces_by_person on faces (person);
create table denials (id text collate "C" primary key, person bigint not null references people (id),
 face text not null, path text not null, sha256 text not null, box text not null, origin text not null,
 source text not null, at text collate "C" not null, vector vector not null);
create table strangers (id text collate "C" primary key, who text collate "C" not null, vector vector not null);
create table crops (id text collate "C" primary key, box text not null, data bytea not null);
"""

FEEDBACK = """
create table feedback (id text collate "C" primary key, correct bigint not null,
 person bigint references people (id), actual bigint references people (id), similarity double precision,
 answered text not null, at text not null);
"""

VERSIONS: tuple[str, ...] = (TABLES, FEEDBACK)
"""What makes the tables: those of the first version, and what each later one changes. `meta` says how far it is."""

_TABLES = {"meta", "people", "faces", "denials", "strangers", "crops"}

_HEAD = struct.Struct(">HH")
"""What stands before the numbers of an embedding."""

_LOCK = "select pg_advisory_xact_lock(hashtextextended(?, 0))"


class PostgresStore(Changes):
    """The store of a database. Several threads may share one, and any number of servers one gallery."""

    READING = "begin isolation level repeatable read read only"
    CHANGING = ("begin", "select value from meta where key = 'generation' for update")

    def __init__(self, address: Address, about: About | None = None) -> None:
        """Open the gallery of an address; with `about`, make it where there is none.

        Raises FacekitError for a server that cannot be reached or has no pgvector, and where there is no gallery.
        """
        super().__init__()
        self.address = address
        self.shown = self.named = address.shown
        self._sql = self._connection = Connection(address)
        try:
            with self._faults_told():
                if about is not None and not _has_tables(self._connection):
                    self._make(about)
                self._update()
                self.about = self._stored_about()
        except BaseException:
            self.close()
            raise
        self._read = Reader(self.about.embedder.dimensions)

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._connection.close()

    def _make(self, about: About) -> None:
        """Make the tables in one transaction; another process that makes them too is waited for."""
        with self._transaction(("begin",), "commit"):
            self._sql.execute(_LOCK, (f"facekit {self.address.schema}",))
            self._connection.of_schema("create schema if not exists {}", self.address.schema)
            _add_pgvector(self._connection)
            if not _has_tables(self._connection):
                self._change_tables(0)
                self._begin_gallery(about)

    def _update(self) -> None:
        """Bring the tables of an earlier facekit to this one's, all changes or none."""
        if not _has_tables(self._connection):
            raise FacekitError(
                f"{self.shown} holds no gallery; make one with `facekit enroll FACES -o {shlex.quote(self.shown)}`"
            )
        if self._version() == len(VERSIONS):
            return
        with self._transaction(self.CHANGING, "commit"):
            self._change_tables(self._version())  # another process may have done it meanwhile

    def _version(self) -> int:
        found = self._number("schema")
        if found > len(VERSIONS):
            raise FacekitError(
                f"{self.shown} has tables of version {found}, and this facekit knows {len(VERSIONS)}; update facekit"
            )
        return found

    def _change_tables(self, version: int) -> None:
        for change in VERSIONS[version:]:
            for statement in filter(str.strip, change.split(";")):
                self._sql.execute(statement)
        self._set("schema", str(len(VERSIONS)))

    def _has_feedback(self) -> bool:
        return True

    def _make_feedback(self) -> None:
        """Do nothing: the table is made with the others."""

    def _purging(self) -> Sequence[str]:
        return [f"vacuum full {table}" for table in sorted({*_TABLES, "feedback"})]

    def _ready(self) -> None:
        if self._connection.lost:  # the server was started again, or the network was down
            self._connection.close()
            self._sql = self._connection = Connection(self.address)

    def _told(self) -> AbstractContextManager[None]:
        return told(self.shown)

    def _in_transaction(self) -> bool:
        return self._connection.in_transaction

    def _faults(self) -> list[str]:
        return []  # the server keeps its own checksums, and every reference is a constraint

    @staticmethod
    def _encoded(vector: NDArray[np.float32]) -> Vector:
        return Vector(_HEAD.pack(len(vector), 0) + vector.astype(">f4").tobytes())

    def _vectors(self, columns: Sequence[Any]) -> NDArray[np.float32]:
        size = self.about.embedder.dimensions
        head = _HEAD.pack(size, 0)
        if any(len(one) != len(head) + 4 * size or one[: len(head)] != head for one in columns):
            raise Bad("the size of an embedding")
        found = np.frombuffer(b"".join(one[len(head) :] for one in columns), ">f4")
        return self._read.within(found.reshape(len(columns), size).astype(np.float32))


def is_begun(address: Address) -> bool:
    """Whether an address holds a gallery. Raises FacekitError for a server that cannot be reached."""
    connection = Connection(address)
    try:
        with told(address.shown):
            return _has_tables(connection)
    finally:
        connection.close()


def rename(address: Address, to: Address) -> None:
    """Give the schema of a gallery another name. Raises FacekitError for one that is taken."""
    _run(address, "alter schema {} rename to {}", address.schema, to.schema)


def remove(address: Address) -> None:
    """Remove a gallery with its schema; nothing happens where there is none."""
    if is_begun(address):
        _run(address, "drop schema {} cascade", address.schema)


def _run(address: Address, statement: str, *schemas: str) -> None:
    connection = Connection(address)
    try:
        with told(address.shown):
            connection.of_schema(statement, *schemas)
    finally:
        connection.close()


def _has_tables(connection: Connection) -> bool:
    """Whether the schema holds a gallery. Raises FacekitError for one that holds something else."""
    found = connection.execute(
        "select relname from pg_class where relnamespace = to_regnamespace(quote_ident(?)) and relkind = 'r'",
        (connection.address.schema,),
    ).fetchall()
    if found and _TABLES - {name for (name,) in found}:
        raise FacekitError(
            f"{connection.address.shown} has other tables than a gallery's; choose another schema with `?schema=NAME`"
        )
    return bool(found)


def _add_pgvector(connection: Connection) -> None:
    if connection.find_tables():
        return
    if connection.execute("select from pg_available_extensions where name = 'vector'").fetchone() is None:
        raise FacekitError(
            f"the server of {connection.address.shown} lacks pgvector; install it there "
            "(https://github.com/pgvector/pgvector#installation) and type the same again"
        )
    try:  # not in the gallery's own schema, with which it would be removed
        connection.execute("create extension vector schema public")
    except psycopg.errors.InsufficientPrivilege:
        raise FacekitError(
            f"the database of {connection.address.shown} lacks pgvector, which this user may not add; let its "
            "administrator type `create extension vector` there"
        ) from None
    connection.find_tables()
