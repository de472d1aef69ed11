"""The hosts that train together: `--hosts HOST:PORT,…`, or what a scheduler says."""

from __future__ import annotations

from typing import Annotated, NamedTuple

from facekit.base.errors import FacekitError
from facekit.options.base import Aside, Limits, Reads, Section, shown

AUTO = "auto"
"""Says that the scheduler's environment names the hosts."""

_EXAMPLE = "give them like --hosts one.lan:7000,two.lan:7000"


class Host(NamedTuple):
    """One of the hosts."""

    name: str
    port: int

    def __str__(self) -> str:
        """Return it as it is typed."""
        return f"[{self.name}]:{self.port}" if ":" in self.name else f"{self.name}:{self.port}"


def hosts_of(text: str) -> tuple[Host, ...]:
    """Read `one:7000,two:7000`; none where a scheduler is to say it. Raises FacekitError."""
    if text == AUTO:
        return ()
    hosts = tuple(_host(part.strip(), text) for part in text.split(","))
    if len(hosts) < 2:
        raise FacekitError(f"--hosts is {shown(text)}, which is one host; {_EXAMPLE}, or remove --hosts")
    if len(set(hosts)) < len(hosts):
        raise FacekitError(f"--hosts is {shown(text)}, which names one twice; {_EXAMPLE}")
    return hosts


def _host(part: str, text: str) -> Host:
    name, _, port = part.rpartition(":")
    name = name.removeprefix("[").removesuffix("]")
    if not name or not (port.isascii() and port.isdigit()) or not 0 < int(port) < 65536:
        raise FacekitError(f"--hosts is {shown(text)}, and {shown(part)} is not HOST:PORT; {_EXAMPLE}")
    return Host(name, int(port))


HOSTS = Section("Several hosts")

Hosts = Annotated[
    str | None,
    "Train on several hosts together: type the same command on each, with HOST:PORT of all, the one that writes the "
    f"output first; or `{AUTO}` under SLURM, Open MPI or Kubernetes. Needs JAX (`KERAS_BACKEND=jax`).",
    Reads(hosts_of),
    Aside(),
    HOSTS,
]
HostNumber = Annotated[
    int | None,
    "Place of this host in --hosts, counted from 0; needed only where its addresses do not tell.",
    Limits(0, 4095),
    Aside(),
    HOSTS,
]


def check_hosts(hosts: str | None, number: int | None, only_network: bool) -> None:
    """Refuse what does not go with several hosts. Raises FacekitError."""
    if hosts is None:
        if number is not None:
            raise FacekitError("--host-number is the place of this host in --hosts; give --hosts as well")
        return
    if not only_network:
        raise FacekitError(
            "--hosts trains a network that names people; --backbone and --objective train in minutes on one host: "
            "remove --hosts"
        )
    listed = hosts_of(hosts)
    if number is not None and number >= (len(listed) or 1):
        wrong = f"and --hosts has {len(listed)} of them" if listed else f"and --hosts is {AUTO}"
        raise FacekitError(f"--host-number is {number}, {wrong}; remove it, or give the place of this host")
