"""Joining the processes of the other hosts, before Keras is imported: then JAX has looked for its devices already.

`jax.distributed.initialize` and not Keras' own function, which passes neither a time after which a silent host counts
as gone (JAX's 100 seconds are too long), nor an address to listen on: JAX would listen on all of them.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from typing import Any

from facekit.base import plugins
from facekit.base.contract import FacekitError
from facekit.options.hosts import AUTO, Host, hosts_of

_SILENT = 20
"""Seconds of silence after which a host counts as gone."""


def join(hosts: str, number: int | None, wait: int) -> None:
    """Join the processes of the other hosts, or wait for them, at most so many seconds.

    JAX ends this process where they do not come. Raises FacekitError for a place that no address tells, a scheduler
    that is none, and a port that is taken.
    """
    jax = plugins.need("jax", "--hosts")
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    common = {"initialization_timeout": wait, "heartbeat_timeout_seconds": _SILENT}
    listed = hosts_of(hosts)
    if not listed:
        _by_scheduler(jax, common)
        return
    place = number if number is not None else _place(listed)
    first = listed[0]
    if place == 0:
        _check_port(first)
    jax.distributed.initialize(
        str(first), len(listed), place, local_device_ids=_cards(), coordinator_bind_address=str(first), **common
    )


def _by_scheduler(jax: Any, common: dict[str, int]) -> None:
    try:
        jax.distributed.initialize(**common)
    except ValueError as error:  # some value is not defined
        raise FacekitError(
            f"--hosts is {AUTO}, and no scheduler says here which hosts there are ({error}); start it by srun, mpirun "
            "or Kubernetes, or give --hosts HOST:PORT,…"
        ) from None


def _cards() -> list[int] | None:
    """Return the GPUs that JAX's own variable leaves to this process; None is all."""
    given = os.environ.get("JAX_LOCAL_DEVICE_IDS")
    return [int(one) for one in given.split(",")] if given else None


def _place(hosts: Sequence[Host]) -> int:
    """Return the place of this host among others, which its addresses tell."""
    ours = [place for place, host in enumerate(hosts) if _is_here(host.name)]
    if len(ours) == 1:
        return ours[0]
    found = "none of them is" if not ours else f"{len(ours)} of them are"
    raise FacekitError(
        f"--hosts names {', '.join(map(str, hosts))}, and {found} this host; give --host-number, the place of this "
        "host counted from 0"
    )


def _is_here(name: str) -> bool:
    """Whether a host's name is of an address of this one: only on its own can a process listen."""
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return any(_listens(family, address[0], 0) for family, _, _, _, address in found)


def _listens(family: int, address: str | int, port: int) -> bool:
    try:
        with socket.socket(family) as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.bind((address, port))
    except OSError:
        return False
    return True


def _check_port(host: Host) -> None:
    try:
        found = socket.getaddrinfo(host.name, host.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise FacekitError(f"--hosts names {host}, which cannot be found ({error.strerror}); check the name") from None
    if not any(_listens(family, address[0], host.port) for family, _, _, _, address in found):
        raise FacekitError(f"this host cannot listen on {host}, the first of --hosts; give another port or address")
