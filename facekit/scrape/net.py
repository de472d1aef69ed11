"""Connections that stay out of private networks and end on time, whatever a host does."""

from __future__ import annotations

import http.cookiejar
import ipaddress
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import NameResolutionError
from urllib3.util.connection import create_connection

_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class PrivateAddress(Exception):
    """A host's name or a redirect leads into a private network. Not an OSError, so that nobody retries it."""


def is_open(address: str, loopback: bool) -> bool:
    """Return whether a picture may be fetched from this address: public ones, and loopback where it is opened."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            ip = ip.ipv4_mapped
        elif ip in _NAT64:
            ip = ipaddress.ip_address(int(ip) & 0xFFFFFFFF)
    if ip.is_loopback:
        return loopback
    return ip.is_global and not ip.is_multicast


class Fetch:
    """One fetch under way: what it may reach, and when it ends."""

    def __init__(self, deadline: float, loopback: bool) -> None:
        self.deadline, self.loopback = deadline, loopback
        self.connection: HTTPConnection | None = None
        self.cut = False

    def end(self) -> None:
        """Wake the thread that waits for this fetch's host."""
        self.cut = True
        sock = self.connection.sock if self.connection is not None else None
        if sock is not None:
            with suppress(OSError):
                # The plain socket's method: TLS's own would wait for the host's farewell.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)


_current = threading.local()


class _Guard(HTTPConnection):
    """Looks the host up itself and connects to an address that it has checked: no second look-up can differ."""

    def _new_conn(self) -> socket.socket:
        fetch = self._fetch()
        try:
            found = socket.getaddrinfo(self._dns_host, self.port, type=socket.SOCK_STREAM)
        except (socket.gaierror, UnicodeError) as error:
            raise NameResolutionError(self.host, self, socket.gaierror(str(error))) from error
        open_ones = [info for info in found if is_open(str(info[4][0]), fetch.loopback)]
        if not open_ones:
            raise PrivateAddress(str(found[0][4][0]) if found else self.host)
        return self._connect(open_ones)

    def _connect(self, found: list[Any]) -> socket.socket:
        for info in found[:-1]:
            with suppress(OSError):
                return self._open(str(info[4][0]))
        return self._open(str(found[-1][4][0]))

    def _open(self, address: str) -> socket.socket:
        return create_connection((address, self.port or 0), self.timeout, socket_options=self.socket_options)

    def request(self, *args: Any, **kwargs: Any) -> None:
        self._fetch()  # also where the connection was open already
        super().request(*args, **kwargs)

    def _fetch(self) -> Fetch:
        fetch: Fetch = _current.fetch
        fetch.connection = self
        if fetch.cut:
            raise ConnectionAbortedError("the fetch has been ended")
        return fetch


class _SafeGuard(_Guard, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Guard


class _SafePool(HTTPSConnectionPool):
    ConnectionCls = _SafeGuard


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SafePool}


class Wall:
    """Sessions, one a thread, and the clock that ends what takes too long or is no longer wanted."""

    def __init__(self, seconds: float, loopback: bool, headers: dict[str, str]) -> None:
        self.seconds, self.loopback, self.headers = seconds, loopback, headers
        self._live: set[Fetch] = set()
        self._lock = threading.Lock()
        self._local = threading.local()
        self._sessions: list[requests.Session] = []
        self._closed = threading.Event()
        self._clock = threading.Thread(target=self._watch, name="facekit-wall", daemon=True)
        self._clock.start()

    @contextmanager
    def fetch(self) -> Iterator[Fetch]:
        """Be under way, in this thread, for `seconds` at most."""
        fetch = Fetch(time.monotonic() + self.seconds, self.loopback)
        _current.fetch = fetch
        fetch.cut = self._closed.is_set()
        with self._lock:
            self._live.add(fetch)
        try:
            yield fetch
        finally:
            with self._lock:
                self._live.discard(fetch)

    def session(self) -> requests.Session:
        """Return this thread's session: no proxy, no cookies, no passwords of the user's."""
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = requests.Session()
            session.trust_env = False
            session.headers.update(self.headers)
            session.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
            for scheme in ("http://", "https://"):
                session.mount(scheme, _Adapter(pool_connections=8, pool_maxsize=2))
            with self._lock:
                self._sessions.append(session)
        return session

    def close(self) -> None:
        """End every fetch at once."""
        self._closed.set()
        self._clock.join()
        with self._lock:
            for fetch in self._live:
                fetch.end()
            for session in self._sessions:
                session.close()

    def _watch(self) -> None:
        while not self._closed.wait(0.1):
            now = time.monotonic()
            with self._lock:
                late = [fetch for fetch in self._live if now > fetch.deadline]
            for fetch in late:
                fetch.end()
