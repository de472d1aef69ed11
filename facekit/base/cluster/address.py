"""Where the workers of a cluster are found: the address of a scheduler, or a number of processes of this machine."""

from __future__ import annotations

import re
from typing import NamedTuple

from facekit.base.errors import FacekitError
from facekit.base.text import visible

FORMS = "dask://HOST:8786, tls://HOST:8786 or local:N"

PORT = 8786
"""Dask's own for a scheduler."""

MOST = 512
"""Most worker processes of `local:N`."""

_REMOTE = re.compile(r"(dask|tcp|tls)://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?/?")
_LOCAL = re.compile(r"local:(\d{1,4})")


class Address(NamedTuple):
    """The address of a scheduler, as Dask takes it, or how many processes are started here."""

    url: str = ""
    local: int = 0


def address(text: str) -> Address:
    """Read `dask://HOST:PORT`, `tls://HOST:PORT` or `local:N`. Raises FacekitError."""
    local = _LOCAL.fullmatch(text)
    if local is not None and 1 <= int(local[1]) <= MOST:
        return Address(local=int(local[1]))
    remote = _REMOTE.fullmatch(text)
    if remote is not None and int(remote[3] or PORT) in range(1, 65536):
        scheme = "tls" if remote[1] == "tls" else "tcp"
        return Address(url=f"{scheme}://{remote[2]}:{remote[3] or PORT}")
    raise FacekitError(f"--cluster is {visible(repr(text[:200]))}; give {FORMS}")
