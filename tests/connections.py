"""Who connects: of what a trap catches, only what comes of the test itself counts."""

from __future__ import annotations

import os
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psutil

_TIME_WAIT = "06"  # the state of a connection that has ended, for a minute afterwards


class Row(NamedTuple):
    """A socket of this machine, as Linux lists them."""

    local: str
    remote: str
    state: str
    inode: str


def rows(kind: str) -> Iterator[Row]:
    """Yield the sockets of `tcp` or `udp`; none where there is no such list."""
    with suppress(OSError):
        for line in Path("/proc/net", kind).read_text().splitlines()[1:]:
            fields = line.split()
            yield Row(fields[1], fields[2], fields[3], fields[9])


def is_foreign(inode: str) -> bool:
    """Whether a socket belongs to a process that is none of this test's; one without a process may be of the test.

    What a test starts has its temporary folder: see `leftovers.own_place`.
    """
    owners = list(_owners(inode))
    return bool(owners) and not any(map(_is_ours, owners))


def is_foreign_peer(kind: str, port: int) -> bool:
    """Whether what sends from a port of this machine is none of this test's."""
    inodes = [row.inode for row in rows(kind) if int(row.local.rpartition(":")[2], 16) == port]
    return bool(inodes) and all(map(is_foreign, inodes))


def _owners(inode: str) -> Iterator[int]:
    if inode == "0":
        return
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if any(os.readlink(handle) == f"socket:[{inode}]" for handle in (process / "fd").iterdir()):  # noqa: PTH115
                yield int(process.name)


def _is_ours(pid: int) -> bool:
    if pid == os.getpid():
        return True
    try:
        return psutil.Process(pid).environ().get("TMPDIR", "").startswith(tempfile.gettempdir())
    except (psutil.Error, OSError):
        return True


class Lookout:
    """Looks every few milliseconds whether a process of the test connects to an address, on Linux."""

    def __init__(self, address: str) -> None:
        self.seen: set[Row] = set()
        number = socket.inet_aton(address)
        self._raw = (number[::-1] if sys.byteorder == "little" else number).hex().upper()
        self._foreign: set[str] = set()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Lookout:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._end.wait(0.03):
            for row in rows("tcp"):
                if row.remote.startswith(self._raw) and row.state != _TIME_WAIT and row.inode not in self._foreign:
                    if is_foreign(row.inode):
                        self._foreign.add(row.inode)
                    else:
                        self.seen.add(row)
