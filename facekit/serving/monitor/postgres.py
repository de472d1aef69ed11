"""Counts in tables of a gallery's PostgreSQL database, beside those of the gallery."""

from __future__ import annotations

from contextlib import AbstractContextManager

from facekit.identity.gallery.connecting import Connection, told
from facekit.options.galleries import Address
from facekit.serving.monitor.days import TABLES, DayStore

_LOCK = "select pg_advisory_xact_lock(hashtextextended(?, 0))"


class PostgresDays(DayStore):
    """Counts in a database, which several servers share."""

    def __init__(self, address: Address) -> None:
        """Connect, and make the tables where there are none. Raises FacekitError."""
        self._address = address
        connection = self._connection = Connection(address)
        super().__init__(connection, address.shown)
        try:
            with self._transaction() as sql:
                sql.execute(_LOCK, (f"facekit monitor {address.schema}",))
                for table in TABLES:
                    sql.execute(table.replace("create table", "create table if not exists"))
        except BaseException:
            connection.close()
            raise

    def _ready(self) -> None:
        if self._connection.lost:  # the server was started again, or the network was down
            self._connection.close()
            self._sql = self._connection = Connection(self._address)

    def _told(self) -> AbstractContextManager[None]:
        return told(self._address.shown)
