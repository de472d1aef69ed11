"""Connections that stay out of private networks and end on time, whatever a host does.

Nothing of the user's goes along: no cookies, no passwords from `.netrc`, and no proxy from the environment. A proxy
would look names up itself, out of sight of the check of addresses, so pictures are always fetched without one.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import certifi
from urllib3 import BaseHTTPResponse, HTTPConnectionPool, HTTPSConnectionPool, PoolManager, Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

HOSTS_KEPT = 128
"""Hosts to which connections stay open for the next picture."""

CONNECTIONS_KEPT, CONNECTIONS_KEPT_HERE = 2, 32
"""Open connections to one host: only servers on this machine are asked for more than two pictures at once."""

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_UNICAST = ipaddress.ip_network("2000::/3")
"""All of IPv6 that is given out to the public; IPv4 addresses embedded elsewhere are unwrapped first."""

_CLOSED = [ipaddress.ip_network(net) for net in ("192.0.0.0/24", "2001::/23", "2001:db8::/32", "3fff::/20")]
"""What not every version of Python knows to be kept for other ends."""


class PrivateAddress(Exception):
    """A host's name or a redirect leads into a private network. Not an OSError, so that nobody retries it."""


def is_open(address: str, loopback: bool) -> bool:
    """Return whether a picture may be fetched from this address: public ones, and loopback where it is opened."""
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


def _embedded(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address that an IPv6 one leads to."""
    if ip in _NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour


class Fetch:
    """One fetch under way: what it may reach, and when it ends."""

    def __init__(self, deadline: float, loopback: bool) -> None:
        self.deadline, self.loopback = deadline, loopback
        self.cut = False
        self.answered = False
        """Whether the host has sent a status."""
        self.connection: HTTPConnection | None = None
        self.socket: socket.socket | None = None
        """Kept beside the connection, which lets go of it where the host says that it will close."""

    def end(self) -> None:
        """Wake the thread that waits for this fetch's host."""
        self.cut = True
        sock = self.socket or (self.connection.sock if self.connection is not None else None)
        if sock is not None:
            with suppress(OSError):
                # The plain socket's method: TLS's own would wait for the host's farewell.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)


_current = threading.local()


def dial(family: socket.AddressFamily, address: Any, timeout: Any, options: Iterable[Any]) -> socket.socket:
    """Connect to an address of the system's own making, so that nothing is looked up any more. Raises OSError."""
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        for option in options:
            sock.setsockopt(*option)
        sock.settimeout(timeout)
        sock.connect(address)
    except OSError:
        sock.close()
        raise
    return sock


class _Guard(HTTPConnection):
    """Looks the host up itself and connects to an address that it has checked: no second look-up can differ."""

    def _new_conn(self) -> socket.socket:
        fetch = self._fetch()
        try:
            found = socket.getaddrinfo(self._dns_host, self.port, type=socket.SOCK_STREAM)
        except (socket.gaierror, UnicodeError) as error:
            raise NameResolutionError(self.host, self, socket.gaierror(str(error))) from error
        places = [(info[0], info[4]) for info in found]
        open_ones = [place for place in places if is_open(str(place[1][0]), fetch.loopback)]
        if not open_ones:
            raise PrivateAddress(str(places[0][1][0]) if places else self.host)
        return self._connect(open_ones, fetch)

    def _connect(self, places: list[Any], fetch: Fetch) -> socket.socket:
        failed: OSError | None = None
        for family, address in places:
            if fetch.cut:
                break
            try:
                sock = dial(family, address, self.timeout, self.socket_options or ())
            except OSError as error:
                failed = error
                continue
            if not fetch.cut:
                return sock
            sock.close()
        if isinstance(failed, TimeoutError):
            raise ConnectTimeoutError(self, f"no connection to {self.host} in {self.timeout} s") from failed
        raise NewConnectionError(self, f"no connection to {self.host}") from failed

    def request(self, *args: Any, **kwargs: Any) -> None:
        fetch = self._fetch()  # also where the connection was open already
        super().request(*args, **kwargs)
        fetch.socket = self.sock

    def _fetch(self) -> Fetch:
        fetch: Fetch = _current.fetch
        fetch.connection, fetch.socket = self, None
        if fetch.cut:
            raise ConnectionAbortedError("the fetch has been ended")
        return fetch


class _SafeGuard(_Guard, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Guard


class _SafePool(HTTPSConnectionPool):
    ConnectionCls = _SafeGuard


class Wall:
    """Connections that all threads share, and the clock that ends what takes too long or is no longer wanted."""

    def __init__(self, seconds: float, loopback: bool, headers: Mapping[str, str]) -> None:
        self.seconds, self.loopback, self.headers = seconds, loopback, headers
        self._pools = PoolManager(
            HOSTS_KEPT,
            maxsize=CONNECTIONS_KEPT_HERE if loopback else CONNECTIONS_KEPT,
            retries=False,
            # One for all: to read the authorities' certificates takes longer than to fetch most pictures.
            ssl_context=ssl.create_default_context(cafile=certifi.where()),
        )
        self._pools.pool_classes_by_scheme = {"http": _Pool, "https": _SafePool}
        self._live: set[Fetch] = set()
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._clock = threading.Thread(target=self._watch, name="facekit-wall", daemon=True)
        self._clock.start()

    @contextmanager
    def fetch(self) -> Iterator[Fetch]:
        """Be under way, in this thread, for `seconds` at most."""
        fetch = Fetch(time.monotonic() + self.seconds, self.loopback)
        _current.fetch = fetch
        with self._lock:
            fetch.cut = self._closed.is_set()
            self._live.add(fetch)
        try:
            yield fetch
        finally:
            with self._lock:
                self._live.discard(fetch)

    def get(self, url: str, headers: Mapping[str, str], connect: float, read: float) -> BaseHTTPResponse:
        """Return a host's answer, its body unread and its redirect not followed. Only within `fetch`."""
        fetch: Fetch = _current.fetch
        fetch.answered = False
        answer = self._pools.urlopen(
            "GET",
            url,
            headers={**self.headers, **headers},
            redirect=False,
            preload_content=False,
            timeout=Timeout(connect=connect, read=read),
        )
        fetch.answered = True
        return answer

    def close(self) -> None:
        """End every fetch at once."""
        self._closed.set()
        self._clock.join()
        with self._lock:
            for fetch in self._live:
                fetch.end()
        self._pools.clear()

    def _watch(self) -> None:
        while not self._closed.wait(0.1):
            now = time.monotonic()
            with self._lock:
                for fetch in self._live:
                    if now > fetch.deadline:
                        fetch.end()
