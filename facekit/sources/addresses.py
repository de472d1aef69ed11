"""Web addresses: which are equal, which are private, and which may be connected to."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import NamedTuple
from urllib.parse import urldefrag, urlsplit, urlunsplit

LONGEST_URL = 4096
"""Characters of an address that is worth keeping; browsers and servers refuse longer ones too."""

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_UNICAST = ipaddress.ip_network("2000::/3")
"""All of IPv6 that is assigned to the public; IPv4 addresses embedded elsewhere are unwrapped first."""

_CLOSED = [ipaddress.ip_network(net) for net in ("192.0.0.0/24", "2001::/23", "2001:db8::/32", "3fff::/20")]
"""Reserved networks that not every version of Python knows."""


class PrivateAddress(Exception):
    """A host's name or a redirect leads into a private network. Not an OSError, so that nobody retries it."""


class ForeignHost(PrivateAddress):
    """A host or port that is not among those that may be connected to at all."""


SocketAddress = tuple[str, int] | tuple[str, int, int, int]
"""What `socket.connect` takes: IPv4, or IPv6 with flow and scope."""


class Place(NamedTuple):
    """A checked address to connect to: nothing is looked up any more."""

    family: socket.AddressFamily
    address: SocketAddress


class Own(NamedTuple):
    """A server that the user named: trusted at this port, at the addresses that it had when the run began."""

    host: str
    port: int
    addresses: frozenset[str]


@dataclass(frozen=True)
class Gate:
    """Who may be connected to: hosts by pattern, at public addresses, and the server that the user named."""

    hosts: tuple[str, ...] = ("*",)
    """Patterns such as `*.bing.com`."""
    ports: frozenset[int] | None = None
    """None for all."""
    loopback: bool = False
    own: Own | None = None

    def places(self, host: str, port: int) -> list[Place]:
        """Return where to connect to for a host. It is looked up once, so that a second answer cannot differ.

        Raises PrivateAddress where nothing may be connected to, OSError or UnicodeError where there is no such host.
        """
        host = host.lower().rstrip(".")
        own = self.own if self.own and self.own[:2] == (host, port) else None
        if own is None and not self._admits(host, port):
            raise ForeignHost(f"{host}:{port}")
        found = look_up(host, port)
        places = [place for place in found if self._is_open(place.address[0], own)]
        if not places:
            raise PrivateAddress(found[0].address[0] if found else host)
        return places

    def _admits(self, host: str, port: int) -> bool:
        is_port = self.ports is None or port in self.ports
        return is_port and any(fnmatchcase(host, pattern) for pattern in self.hosts)

    def _is_open(self, address: str, own: Own | None) -> bool:
        return (own is not None and address in own.addresses) or is_open(address, self.loopback)


def own_server(url: str | None) -> Own | None:
    """Return the server at a URL that the user typed, looked up now; None without one, and for an unknown host."""
    if url is None:
        return None
    parts = urlsplit(url)
    host, port = (parts.hostname or "").rstrip("."), parts.port or (443 if parts.scheme == "https" else 80)
    try:
        return Own(host, port, frozenset(place.address[0] for place in look_up(host, port)))
    except (OSError, UnicodeError):
        return None


def canonical(url: str) -> str:
    """Return a URL by which two links to one picture are known as one: host in lower case, no fragment."""
    parts = urlsplit(urldefrag(url).url)
    return urlunsplit((parts.scheme.lower(), parts.netloc.lower(), parts.path or "/", parts.query, ""))


def is_web(url: str | None) -> bool:
    """Return whether an absolute http or https URL is given, of at most `LONGEST_URL` characters."""
    if not isinstance(url, str) or len(url) > LONGEST_URL:
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


def is_loopback(url: str) -> bool:
    """Return whether a URL names this very machine by a loopback address."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_open(address: str, loopback: bool) -> bool:
    """Return whether an IP address may be connected to: public ones, and loopback where it is opened."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        embedded = _embedded(ip)
        if embedded is not None:
            ip = embedded
        elif not ip.is_loopback and ip not in _UNICAST:
            return False
    if ip.is_loopback:
        return loopback
    return ip.is_global and not ip.is_multicast and not any(ip in net for net in _CLOSED)


def look_up(host: str, port: int) -> list[Place]:
    """Return all addresses of a host. Raises OSError where it has none, UnicodeError for a name that is none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    # Only a Python without IPv6 gives addresses of bytes.
    return [Place(info[0], info[4]) for info in found if isinstance(info[4][0], str)]


def _embedded(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address that an IPv6 one leads to."""
    if ip in _NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour
