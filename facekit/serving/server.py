"""Run a server on this machine only, until Ctrl-C."""

from __future__ import annotations

import asyncio
import errno
import secrets
import socket
import threading
from typing import Self

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from facekit.base.contract import FacekitError
from facekit.serving.guard import Access, App, Guard, Limits

HOST = "127.0.0.1"

_BACKLOG = 512
"""Connections that wait until they are taken."""

_SHUTDOWN_SECONDS = 3
"""How long requests may still take when the server ends."""


class Server:
    """A server for an application, as a context manager: it answers until the block ends.

    `url` carries the token that the guard asks for.
    """

    def __init__(self, app: App, name: str, port: int = 0, limits: Limits | None = None) -> None:
        """Take the port; 0 is any that is free. `name` is the command's. Raises FacekitError for a port in use."""
        limits = limits or Limits()
        self._socket = listen(port)
        self.port: int = self._socket.getsockname()[1]
        token = secrets.token_urlsafe(32)
        self.url = f"http://{HOST}:{self.port}/?token={token}"
        guard = Guard(app, Access(token, f"facekit-{name}-{self.port}", f"facekit {name}"), limits)
        self._server = uvicorn.Server(_config(guard, limits))
        # In a thread of its own: uvicorn would take the signals of the main one, and raise them again at its end.
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)

    def __enter__(self) -> Self:
        """Begin to answer."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Let requests come to their end, and give the port back."""
        self._server.should_exit = True
        self._thread.join()  # its end closes the socket; closing it here could be too early

    def wait(self) -> None:
        """Answer for ever; Ctrl-C raises KeyboardInterrupt here."""
        self._thread.join()


def _config(app: App, limits: Limits) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=type("Protocol", (Impatient,), {"head_seconds": limits.head_seconds}),
        limit_concurrency=limits.connections,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # nobody between: the header would only let a request name another sender
        lifespan="off",
        ws="none",
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
    )


class Impatient(H11Protocol):
    """uvicorn's protocol with limits that it lacks: a client holds no connection by sending, or reading, too slowly."""

    head_seconds: float = Limits.head_seconds
    read_seconds: float = 60.0
    """Seconds in which a client must have taken what it is sent; closing would wait for it without end."""
    _timer: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=0)  # so that `pause_writing` tells of each byte that waits
        self._watch()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._unread is None:
            self._unread = self.loop.call_later(self.read_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        super().connection_lost(exc)  # which resumes writing

    def _watch(self) -> None:
        """Close the connection in a while, unless the head of a request is complete."""
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop()
        elif self._timer is None:
            self._timer = self.loop.call_later(self.head_seconds, self.transport.close)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def listen(port: int, host: str = HOST) -> socket.socket:
    """Take a port of an address; 0 is any that is free. Raises FacekitError where it cannot be had."""
    kind = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(kind, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRNOTAVAIL or isinstance(error, socket.gaierror):
            raise FacekitError(f"{host} is no address of this machine; choose another with --host") from None
        why = {errno.EADDRINUSE: "is in use", errno.EACCES: "is not open to your user"}
        reason = why.get(error.errno or 0, f"cannot be used ({error.strerror})")
        raise FacekitError(
            f"port {port} {reason}; choose another with --port, or leave it out for a free one"
        ) from None
    return listening
