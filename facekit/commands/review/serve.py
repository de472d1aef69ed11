"""The server: on this machine alone, until Ctrl-C."""

from __future__ import annotations

import errno
import secrets
import socket
import threading
from typing import Self

import uvicorn

from facekit.base.contract import FacekitError
from facekit.commands.review.app import build
from facekit.commands.review.desk import Desk
from facekit.serving.guard import Guard

HOST = "127.0.0.1"
_LAST_SECONDS = 3  # for answers that are under way when the server ends


class Server:
    """One review's server, as a context manager: it answers until the block ends. `url` has the token in it."""

    def __init__(self, desk: Desk, port: int) -> None:
        """Take the port. Raises FacekitError where it cannot be had."""
        self._socket = _listen(port)
        self.port: int = self._socket.getsockname()[1]
        token = secrets.token_urlsafe(32)
        self.url = f"http://{HOST}:{self.port}/?token={token}"
        # Cookies know no ports: two reviews at a time must not take one another's.
        guard = Guard(build(desk), token, f"facekit-review-{self.port}")
        config = uvicorn.Config(
            guard,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=_LAST_SECONDS,
        )
        self._server = uvicorn.Server(config)
        # In a thread of its own: uvicorn would take the signals of the main one, and raise them again at its end.
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)

    def __enter__(self) -> Self:
        """Begin to answer."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End what is under way, and give the port back."""
        self._server.should_exit = True
        self._thread.join()  # its end closes the socket; closing it here could be too early

    def wait(self) -> None:
        """Answer for ever; Ctrl-C raises KeyboardInterrupt here."""
        self._thread.join()


def _listen(port: int) -> socket.socket:
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((HOST, port))
        found.listen()
    except OSError as error:
        found.close()
        why = {errno.EADDRINUSE: "is taken", errno.EACCES: "may not be used by you"}
        said = why.get(error.errno or 0, f"cannot be used ({error.strerror})")
        raise FacekitError(f"port {port} {said}; choose another with --port, or leave it out for a free one") from None
    return found
