"""Connect to a PostgreSQL server, and say in one line what it has against that."""

from __future__ import annotations

import os
import selectors
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import errors, sql
from psycopg.adapt import Buffer, Dumper
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import Format
from psycopg.types import TypeInfo

from facekit.base.contract import FacekitError
from facekit.base.text import visible
from facekit.identity.gallery.transactions import Rows
from facekit.options.galleries import Address

CONNECT_SECONDS, LOCK_SECONDS = 10, 30.0

_LONGEST_REASON = 300

_LOCKED = (errors.LockNotAvailable, errors.QueryCanceled, errors.DeadlockDetected, errors.SerializationFailure)
_REFUSED = (errors.InsufficientPrivilege, errors.ReadOnlySqlTransaction)
_CHANGED = (
    errors.UndefinedTable,
    errors.UndefinedColumn,
    errors.UndefinedObject,
    errors.InvalidSchemaName,
    errors.DatatypeMismatch,
    errors.IntegrityError,
)


class Vector(bytes):
    """An embedding as pgvector sends and takes it: the number of its dimensions, two zero bytes, big-endian floats."""


class _VectorDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: Any) -> Buffer | None:
        return bytes(obj)


class Connection:
    """A connection of psycopg that takes `?` for each value, as SQLite does, and knows pgvector's type."""

    def __init__(self, address: Address) -> None:
        """Connect. Raises FacekitError."""
        self.address = address
        self._connection = _connected(address)
        try:
            with told(address.shown):
                self._connection.execute("set synchronous_commit to on")  # acknowledged is written, whoever set it off
                self._connection.execute(sql.SQL("set lock_timeout to {}").format(int(LOCK_SECONDS * 1000)))
                self.find_tables()
        except BaseException:
            self.close()
            raise

    @property
    def closed(self) -> bool:
        """Whether it was closed, or was found to be broken."""
        return bool(self._connection.closed)

    @property
    def lost(self) -> bool:
        """Whether it is closed, or the server has said something between two transactions, usually that it goes."""
        if self.closed:
            return True
        with selectors.DefaultSelector() as waiting:
            waiting.register(self._connection.fileno(), selectors.EVENT_READ)
            return bool(waiting.select(0))

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open, or has failed and waits for its end."""
        return not self.closed and self._connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE

    def execute(self, statement: str, values: Sequence[Any] = (), /) -> Rows:
        """Run one statement. Rows come in PostgreSQL's binary form, embeddings as bytes."""
        return self._connection.execute(statement.replace("%", "%%").replace("?", "%s"), values, binary=True)

    def find_tables(self) -> bool:
        """Look where the tables and pgvector are; return whether the database has pgvector."""
        found = self.execute(
            "select nspname from pg_extension join pg_namespace on pg_namespace.oid = extnamespace"
            " where extname = 'vector'"
        ).fetchone()
        schemas = [self.address.schema, *(found or ())]
        names = sql.SQL(", ").join(map(sql.Identifier, schemas))
        self._connection.execute(sql.SQL("set search_path to {}").format(names))
        if found is None:
            return False
        info = TypeInfo.fetch(self._connection, "vector")
        if info is None:
            return False
        self._connection.adapters.register_dumper(Vector, type("_OfHere", (_VectorDumper,), {"oid": info.oid}))
        return True

    def of_schema(self, statement: str, *schemas: str) -> None:
        """Run a statement with the names of schemas in place of each `{}`."""
        self._connection.execute(sql.SQL(statement).format(*map(sql.Identifier, schemas)))

    def close(self) -> None:
        """Let go of it."""
        self._connection.close()


def _connected(address: Address) -> psycopg.Connection[Any]:
    try:
        settings = conninfo_to_dict(address.server)
        if "connect_timeout" not in settings and "PGCONNECT_TIMEOUT" not in os.environ:
            settings["connect_timeout"] = CONNECT_SECONDS
        settings.setdefault("application_name", "facekit")
        return psycopg.connect(**{**settings, "autocommit": True, "client_encoding": "utf8"})  # type: ignore[arg-type]
    except psycopg.ProgrammingError as error:
        raise FacekitError(f"{address.shown} is no address that PostgreSQL takes ({_line(error)})") from None
    except psycopg.OperationalError as error:
        why = _line(error)
        raise FacekitError(f"{address.shown} cannot be opened ({why}); {_advice(why)}") from None


def _advice(why: str) -> str:
    """Return what to do about what the server says, which may be in another language."""
    if "password" in why:
        return "set the environment variable PGPASSWORD to the user's password"
    if "database" in why and "does not exist" in why:
        return "make the database with `createdb`, or correct its name"
    if "refused" in why or "No such file" in why:
        return "start the server, or correct the address"
    return "check the address, the user, and whether the server runs"


@contextmanager
def told(shown: str) -> Iterator[None]:
    """Turn what a server raises into one line that says what to do."""
    try:
        yield
    except psycopg.Error as error:
        raise FacekitError(_sentence(shown, error)) from None


def _sentence(shown: str, error: psycopg.Error) -> str:
    why = _line(error)
    if isinstance(error, _LOCKED):
        return f"another program has {shown} locked; try again when it is done"
    if isinstance(error, errors.DiskFull):
        return f"the disk of {shown} is full; nothing of the last step was written, so make room and try again"
    if isinstance(error, _REFUSED):
        return f"{shown} cannot be written by this user ({why}); ask the owner of the database for the right to do so"
    if isinstance(error, _CHANGED):
        return f"{shown} is not what facekit writes ({why}); restore it from a copy, or enroll again"
    if isinstance(error, psycopg.OperationalError):
        return f"the connection to {shown} was lost ({why}); type the same again when the server is back"
    return f"{shown} cannot be used ({why}); restore it from a copy, or enroll again"


def _line(error: psycopg.Error) -> str:
    """Return the first line of an error, safe to show."""
    first = (error.diag.message_primary or str(error)).strip().partition("\n")[0]
    return visible(first.removeprefix("connection failed: "))[:_LONGEST_REASON]
