"""Run the application in one process, or in several that share a port and a gallery."""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import wait

import uvicorn
from uvicorn.supervisors import Multiprocess

from facekit.base import plain
from facekit.base.contract import FacekitError
from facekit.options.base import describe, make
from facekit.options.serve import Serve
from facekit.serving import logs, metrics
from facekit.serving.app import build
from facekit.serving.guard import App
from facekit.serving.server import Impatient

SETTINGS = "FACEKIT_SERVE"
"""Environment variable with which a process is told what to serve."""

CONNECTIONS = 2000
"""Connections that a process holds; most of them wait for their turn, or for the next request."""


IDLE_SECONDS = 75
"""Seconds that a connection stays open for the next request: longer than proxies keep theirs, which would send a
request into one that is just being closed."""

_OTHER_FILES = 200
"""Files that a process has open beside its connections, at most."""


def run(settings: Serve, listening: socket.socket) -> None:
    """Serve until Ctrl-C or SIGTERM. Raises FacekitError for what cannot be served."""
    _allow_files()
    if settings.workers == 1:
        _run_alone(settings, listening)
        return
    with tempfile.TemporaryDirectory(prefix="facekit-metrics-") as folder:
        told = {SETTINGS: settings_text(settings), metrics.FOLDER: folder}
        os.environ.update(told)
        try:
            several = Multiprocess(config(settings, "facekit.serving.workers:application"), sockets=[listening])
            several.run()
            if any(one.exitcode == uvicorn.config.STARTUP_FAILURE for one in several.processes):
                raise FacekitError("a process could not start; the lines above say why")
        finally:
            for name in told:
                os.environ.pop(name)


def _allow_files() -> None:
    """Let this process and its children hold as many connections as they take: each is an open file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS + _OTHER_FILES
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _connections() -> int:
    """Return how many connections a process holds: no more than it may open, and still read the gallery."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return CONNECTIONS if soft == resource.RLIM_INFINITY else max(1, min(CONNECTIONS, soft - _OTHER_FILES))


def _run_alone(settings: Serve, listening: socket.socket) -> None:
    """Serve in this process. Raises what the application could not start for."""
    app = build(settings)
    server = uvicorn.Server(config(settings, app))
    try:
        with _ended_by_signals():
            server.run(sockets=[listening])
    except SystemExit:  # how uvicorn says that it has not started
        if app.failure is None:
            raise
    if app.failure is not None and not server.started:
        raise app.failure


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Take Ctrl-C and SIGTERM for the normal end: uvicorn raises both again when it has served to the end."""
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def application() -> App:
    """Return the application of a process that `run` started; it ends with its parent."""
    logs.begin()
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()
    try:
        return build(make(Serve, json.loads(os.environ[SETTINGS])))
    except FacekitError as error:
        logs.write("not-started", reason=str(error))
        sys.exit(uvicorn.config.STARTUP_FAILURE)


def config(settings: Serve, app: App | str) -> uvicorn.Config:
    """Return how uvicorn serves an application."""
    return uvicorn.Config(
        app,
        factory=isinstance(app, str),
        workers=settings.workers,
        http=Impatient,
        loop="asyncio",
        limit_concurrency=_connections(),
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=settings.grace,
        ssl_certfile=settings.tls_cert,
        ssl_keyfile=settings.tls_key,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # the header would only let a request name another sender
        lifespan="on",
        ws="none",
    )


def settings_text(settings: Serve) -> str:
    """Return the options as the text that a process is told them by."""
    return plain.dump({one.name: getattr(settings, one.name) for one in describe(Serve)})


def _end_with(sentinel: int) -> None:
    """Begin a graceful end where the parent is gone: a process would keep its port for ever otherwise."""
    wait([sentinel])
    os.kill(os.getpid(), signal.SIGTERM)
