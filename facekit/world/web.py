"""The drawn world as a web: pages of image search, and pictures on many hosts, over real HTTP on this machine."""

from __future__ import annotations

import selectors
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from facekit.world import searches
from facekit.world.content import HOSTS, Content
from facekit.world.faults import FAULTS


class Web(ThreadingHTTPServer):
    """A server on 127.0.0.1 and, where the system has them, on the loopback addresses after it."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(
        self, content: Content, port: int = 0, variants: Mapping[str, str] | None = None, latency: float = 0.0
    ) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.content, self.variants = content, dict(variants or {})
        self.latency = latency
        """Seconds before a picture is sent."""
        searches.check(self.variants)
        self.requests: Counter[str] = Counter()
        """Path (and, of a search, query) -> how often it was asked for."""
        self.counting = threading.Lock()
        self._others = [one for host in range(2, HOSTS + 2) if (one := _listen(f"127.0.0.{host}", self.server_port))]
        self.hosts = [one.getsockname()[0] for one in (self.socket, *self._others)]
        self._open = True

    @property
    def base_url(self) -> str:
        """The address of every search engine: their paths differ."""
        return f"http://127.0.0.1:{self.server_port}"

    def url(self, path: str, host: int = 0) -> str:
        """Return where a picture lies; hosts are numbered, and wrap around where there are fewer."""
        others = self.hosts[1:] or self.hosts
        return f"http://{others[host % len(others)]}:{self.server_port}{path}"

    def variant(self, engine: str, words: str) -> str:
        """Return how a search for these words is to end at an engine; empty for as it should."""
        return searches.find(self.variants, engine, words)

    def serve_forever(self, poll_interval: float = 0.2) -> None:
        """Accept on every address until `shutdown`."""
        with selectors.DefaultSelector() as ready:
            for one in (self.socket, *self._others):
                ready.register(one, selectors.EVENT_READ)
            while self._open:
                for key, _ in ready.select(poll_interval):
                    with suppress(OSError):
                        request, address = key.fileobj.accept()  # type: ignore[union-attr]
                        self.process_request(request, address)

    def shutdown(self) -> None:
        """Make `serve_forever` return."""
        self._open = False

    def server_close(self) -> None:
        """Close every socket."""
        super().server_close()
        for one in self._others:
            one.close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that hung up; print the traceback of anything else."""
        import sys

        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


@contextmanager
def serve(
    content: Content, port: int = 0, variants: Mapping[str, str] | None = None, latency: float = 0.0
) -> Iterator[Web]:
    """Serve a world while the block runs.

    `variants` makes a search end otherwise: its words, or `engine:words` for one engine alone, -> a name in
    the `VARIANTS` of `facekit.world.searches`. A fixed `port` keeps the addresses of an interrupted run.
    `latency` is the seconds that every picture takes to come.
    """
    web = Web(content, port, variants, latency)
    thread = threading.Thread(target=web.serve_forever, name="facekit-web", daemon=True)
    thread.start()
    try:
        yield web
    finally:
        web.shutdown()
        thread.join()
        web.server_close()


def _listen(host: str, port: int) -> socket.socket | None:
    """Listen on another loopback address; macOS has none beside 127.0.0.1."""
    try:
        return socket.create_server((host, port), backlog=128)
    except OSError:
        return None


class _Handler(BaseHTTPRequestHandler):
    server: Web
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        self._answer(parts.path, parse_qs(parts.query))

    def do_POST(self) -> None:
        form = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._answer(urlsplit(self.path).path, parse_qs(form.decode()))

    def _answer(self, path: str, query: Mapping[str, list[str]]) -> None:
        given = {name: values[0] for name, values in query.items()}
        words = searches.words(given)
        with self.server.counting:
            key = f"{path}?{words}" if words else path
            self.seen = self.server.requests[key]
            self.server.requests[key] += 1
        route = searches.ROUTES.get(path)
        if route is None:
            return self._picture(path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        reply = route(searches.Request(self.server, path, given, headers, self.seen))
        return self.send(reply.status, reply.body.encode(), reply.kind, **reply.headers)

    def header(self, name: str) -> str | None:
        return self.headers.get(name)

    def send(self, status: int, data: bytes, kind: str = "image/jpeg", **headers: str) -> None:
        named = {"Content-Type": kind, "Content-Length": str(len(data))}
        named.update({name.replace("_", "-"): value for name, value in headers.items()})
        self.send_response(status)
        for name, value in named.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)
        # Where the length lies, the next answer on this connection would be read as part of this one.
        self.close_connection = self.close_connection or named["Content-Length"] != str(len(data))

    def raw(self, data: bytes) -> None:
        self.close_connection = True
        self.wfile.write(data)
        self.wfile.flush()

    def log_message(self, *_: Any) -> None:
        """Say nothing: stderr is for facekit's own talk."""

    def _picture(self, path: str) -> None:
        time.sleep(self.server.latency)
        fault, path = (path.split("/", 3)[2], "/" + path.split("/", 3)[3]) if path.startswith("/x/") else ("", path)
        data = self.server.content.picture(path)
        if data is None:
            return self.send(404, b"no such picture", "text/plain")
        if fault:
            return FAULTS[fault](self, data)
        return self.send(200, data)
