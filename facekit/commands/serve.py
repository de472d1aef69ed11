"""Serve: answer over HTTP who is in pictures, until Ctrl-C or SIGTERM."""

from __future__ import annotations

import logging
import shlex
import ssl
import time
from pathlib import Path

from facekit.base import plugins
from facekit.base.contract import FacekitError, Report, Track, quiet
from facekit.base.text import counted
from facekit.identity.gallery import Gallery
from facekit.options.serve import Serve
from facekit.runs.export import open_model
from facekit.serving.keys import allows
from facekit.serving.targets import is_run, keys_of

STAGE = "serve"

_NEEDED = ("python_multipart", "prometheus_client", "fastapi", "uvicorn")
"""Those of the extra `serve` alone first: what is missing is told by that name."""

log = logging.getLogger(__name__)


def serve(options: Serve, track: Track = quiet) -> Report:
    """Serve a gallery or a run until Ctrl-C or SIGTERM, which are the normal end.

    Raises FacekitError for what cannot be served, and for a port that cannot be had.
    """
    began = time.monotonic()
    if options.overwrite:
        raise FacekitError("serve overwrites nothing; leave out --overwrite")
    for package in _NEEDED:
        plugins.need(package, STAGE)
    from facekit.serving import logs, workers
    from facekit.serving.server import listen

    _check_files(options)
    _check_target(options)
    if options.dry_run:
        return Report(STAGE, options.target)
    with listen(options.port, options.host) as listening:
        port: int = listening.getsockname()[1]
        _greet(options, port)
        with logs.writing():
            workers.run(options, listening)
    return Report(STAGE, options.target, seconds=round(time.monotonic() - began, 2))


def _check_files(options: Serve) -> None:
    for name, file in (("--tls-cert", options.tls_cert), ("--tls-key", options.tls_key)):
        if file is not None and not file.is_file():
            raise FacekitError(f"{name}: no such file: {file}")
    if options.tls_cert is not None and options.tls_key is not None:
        try:
            ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(
                options.tls_cert, options.tls_key, password=_no_password
            )
        except (ssl.SSLError, OSError, _Encrypted) as error:
            why = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
            raise FacekitError(
                f"{options.tls_cert} and {options.tls_key} are no certificate and its key ({why}); give two PEM files"
            ) from None


class _Encrypted(Exception):
    """A key that cannot be read without a password."""


def _no_password() -> str:
    raise _Encrypted("the key has a password, which nobody can type for a server")


def _check_target(options: Serve) -> None:
    """Look whether what is to be served is there, before a port is taken. Raises FacekitError."""
    for folder in options.run:
        open_model(folder)
    if is_run(options.target):
        open_model(Path(options.target))
        return
    with Gallery.open(options.target) as gallery:
        gallery.embedder()


def _greet(options: Serve, port: int) -> None:
    """Say where the server is, who may ask, and how."""
    host = f"[{options.host}]" if ":" in options.host else options.host
    url = f"{options.scheme}://{host}:{port}"
    log.info("%s: %s  (a page in a browser, an API for programs; press Ctrl-C to stop)", STAGE, url)
    route = "analyze" if is_run(options.target) else "identify"
    key = "" if not options.keys else ' -H "Authorization: Bearer $KEY"'
    if options.keys:
        _greet_keys(options)
    else:
        log.warning("no keys are asked for: whoever can open a connection from this machine may read and change all")
    log.info("ask:  curl%s -F picture=@PHOTO.jpg %s/v1/%s", key, url, route)


def _greet_keys(options: Serve) -> None:
    with keys_of(options.target) as kept:
        there = kept.access().keys
    create = f"facekit keys create {shlex.quote(options.target)} --scope write"
    if not there:
        log.info("keys: on, and there is none yet; in another terminal:  KEY=$(%s)", create)
        return
    admins = sum(allows(key, "admin") for key in there)
    log.info(
        "keys: on; %s may ask, %s of them with the scope admin; another one:  KEY=$(%s)",
        counted(len(there), "key"),
        admins,
        create,
    )
