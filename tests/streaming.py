"""A host of videos that breaks off: over HTTP, as a live stream or as a file of known length."""

from __future__ import annotations

import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass
class Host:
    """What is served, and what was asked for."""

    address: str = ""
    pages: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    """Path -> content type and bytes, with their length, and in parts if that is asked for."""
    live: dict[str, list[bytes]] = field(default_factory=dict)
    """Path -> what one connection after the other is sent, without a length; then there is nothing any more."""
    cuts: int = 0
    """Connections to `pages` that are still to be broken off after half of what is asked for."""
    refusals: int = 0
    """Requests after a connection was broken off that are still to be refused."""
    broken_off: bool = False
    redirects: dict[str, str] = field(default_factory=dict)
    """Path -> where it leads."""
    authorized: list[str] = field(default_factory=list)
    """The `Authorization` that came along."""
    asked: list[str] = field(default_factory=list)

    def url(self, path: str) -> str:
        """Return the address of a path."""
        return f"{self.address}{path}"


class _Handler(BaseHTTPRequestHandler):
    host: Host

    def do_GET(self) -> None:
        """Answer as the host says."""
        host = self.host
        host.asked.append(self.path)
        host.authorized += filter(None, [self.headers.get("Authorization")])
        if host.broken_off and host.refusals:
            host.refusals -= 1
            self.send_error(503)
        elif self.path in host.redirects:
            self.send_response(302)
            self.send_header("Location", host.redirects[self.path])
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif self.path in host.live:
            self._live(host.live[self.path])
        elif self.path in host.pages:
            self._page(*host.pages[self.path])
        else:
            self.send_error(404)

    def _live(self, left: list[bytes]) -> None:
        if not left:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Type", "video/mp2t")
        self.end_headers()
        # Whoever only looks what is there hangs up in between, and the next one gets the same.
        self._send(left[0])
        if self.headers.get("User-Agent", "").startswith("Lavf"):
            left.pop(0)

    def _page(self, kind: str, data: bytes) -> None:
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        first = int(found[1]) if found else 0
        part = data[first:]
        self.send_response(206 if found else 200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(part)))
        self.send_header("Accept-Ranges", "bytes")
        if found:
            self.send_header("Content-Range", f"bytes {first}-{len(data) - 1}/{len(data)}")
        self.end_headers()
        if self.host.cuts and len(part) > 2000 and self.headers.get("User-Agent", "").startswith("Lavf"):
            self.host.cuts -= 1
            self.host.broken_off = True
            part = part[: len(part) // 2]
        self._send(part)

    def _send(self, data: bytes) -> None:
        try:
            self.wfile.write(data)
        except OSError:  # the other side has hung up
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def listening(certificate: Path, key: Path) -> Iterator[tuple[int, list[bytes]]]:
    """Yield the port of a server over TLS that answers nothing, and what it is told first on each connection."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    told: list[bytes] = []

    def serve() -> None:
        with suppress(OSError):  # it is closed at the end
            while True:
                one, _ = listener.accept()
                with suppress(OSError), context.wrap_socket(one, server_side=True) as secure:
                    secure.settimeout(5)
                    told.append(secure.recv(1024))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1], told
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()


@contextmanager
def hosting(certificate: Path | None = None, key: Path | None = None) -> Iterator[Host]:
    """Yield a host on this machine; with a certificate, over HTTPS."""
    host = Host()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"host": host}))
    server.daemon_threads = True
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    host.address = f"{'https' if certificate else 'http'}://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield host
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
