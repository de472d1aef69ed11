"""Connections that never reach private networks and end on time, whatever a host does.

Nothing of the user's goes along: no cookies, no passwords from `.netrc`, and no proxy from the environment. A proxy
would look names up itself, out of sight of the check of addresses, so pictures are always fetched without one.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import BaseHTTPResponse, HTTPConnectionPool, HTTPSConnectionPool, PoolManager, Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NameResolutionError, NewConnectionError
from urllib3.util.retry import Retry

from facekit.base.trust import authorities
from facekit.sources.addresses import Gate, Place, PrivateAddress

HOSTS_KEPT = 128
"""Hosts to which connections stay open for the next picture."""

CONNECTIONS_KEPT, CONNECTIONS_KEPT_HERE = 2, 32
"""Open connections to one host: only servers on this machine are asked for more than two pictures at once."""

API_SECONDS = (5.0, 30.0)
"""Seconds to connect to an API, and to wait for its answer, where an engine sets no limit of its own."""

_WAITS = Retry(retry_after_max=86_400)

SocketOption = tuple[int, int, int | bytes]
Timeouts = float | tuple[float, float] | tuple[float, None] | None


def retry_after(header: str) -> float | None:
    """Return the seconds that a `Retry-After` asks for, a day at most; None for one that cannot be read."""
    try:
        return float(_WAITS.parse_retry_after(header) or 0)
    except (HTTPError, ValueError, OverflowError):
        return None


class Fetch:
    """One fetch under way: whom it may reach, and when it ends."""

    def __init__(self, deadline: float, gate: Gate) -> None:
        self.deadline, self.gate = deadline, gate
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


def dial(place: Place, timeout: float | None, options: Iterable[SocketOption]) -> socket.socket:
    """Connect to a checked address. Raises OSError."""
    sock = socket.socket(place.family, socket.SOCK_STREAM)
    try:
        for option in options:
            sock.setsockopt(*option)
        sock.settimeout(timeout)
        sock.connect(place.address)
    except OSError:
        sock.close()
        raise
    return sock


class _Guard(HTTPConnection):
    """Looks the host up itself and connects to an address that it has checked: no second look-up can differ."""

    def _new_conn(self) -> socket.socket:
        fetch = self._fetch()
        try:
            places = fetch.gate.places(self._dns_host, self.port)
        except (socket.gaierror, UnicodeError) as error:
            raise NameResolutionError(self.host, self, socket.gaierror(str(error))) from error
        return self._connect(places, fetch)

    def _connect(self, places: Iterable[Place], fetch: Fetch) -> socket.socket:
        timeout = self.timeout if isinstance(self.timeout, float | int) else None
        failed: OSError | None = None
        for place in places:
            if fetch.cut:
                break
            try:
                sock = dial(place, timeout, self.socket_options or ())
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


_GUARDED = {"http": _Pool, "https": _SafePool}


class GuardedAdapter(HTTPAdapter):
    """Lets a `requests.Session` connect only to whom `gate` admits, also by redirects, and never wait without end.

    Where the environment names a proxy, that is who connects, and nothing is checked here.
    """

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make connections that look hosts up themselves."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _GUARDED

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Timeouts = None,
        *args: Any,
        **more: Any,
    ) -> requests.Response:
        """Send a request. Raises `requests.ConnectionError` also for a private address."""
        _current.fetch = Fetch(float("inf"), self._gate)
        try:
            return super().send(request, stream, API_SECONDS if timeout is None else timeout, *args, **more)
        except PrivateAddress as error:
            raise requests.ConnectionError(f"it leads to a private address, {error}", request=request) from None


class Wall:
    """Connections that all threads share, and the clock that ends what takes too long or is no longer wanted."""

    def __init__(self, seconds: float, gate: Gate, headers: Mapping[str, str]) -> None:
        self.seconds, self.gate, self.headers = seconds, gate, headers
        self._pools = PoolManager(
            HOSTS_KEPT,
            maxsize=CONNECTIONS_KEPT_HERE if gate.loopback else CONNECTIONS_KEPT,
            retries=False,
            # One for all: to read the authorities' certificates takes longer than to fetch most pictures.
            ssl_context=ssl.create_default_context(cafile=authorities("https")),
        )
        self._pools.pool_classes_by_scheme = _GUARDED
        self._live: set[Fetch] = set()
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._clock = threading.Thread(target=self._watch, name="facekit-wall", daemon=True)
        self._clock.start()

    @contextmanager
    def fetch(self) -> Iterator[Fetch]:
        """Be under way, in this thread, for `seconds` at most."""
        fetch = Fetch(time.monotonic() + self.seconds, self.gate)
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
