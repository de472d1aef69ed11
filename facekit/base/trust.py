"""Whose word is taken for who a server is: the authorities that certifi lists, or those in a file of the user's."""

from __future__ import annotations

import os
import socket
import ssl
from pathlib import Path
from urllib.parse import urlsplit

from facekit.base import plugins
from facekit.base.contract import FacekitError
from facekit.base.text import visible

VARIABLE = "SSL_CERT_FILE"
"""The variable of the environment that gives OpenSSL and many programs a file of certificates."""

_PORTS = {"https": 443, "rtmps": 443, "rtsps": 322}

SCHEMES = tuple(_PORTS)
"""Schemes of addresses whose servers prove who they are by a certificate."""


def authorities(what: str) -> str:
    """Return the file of certificates that are believed: the one that `SSL_CERT_FILE` names, else certifi's.

    `what` needs it, as messages have it. Raises FacekitError for a file that cannot be read.
    """
    named = os.environ.get(VARIABLE)
    if not named:
        return str(plugins.need("certifi", what).where())
    try:
        ssl.create_default_context(cafile=named)
    except OSError:
        raise FacekitError(
            f"{VARIABLE} names {visible(named)}, which has no certificates that can be read; "
            "name a PEM file, or unset the variable"
        ) from None
    return str(Path(named).absolute())


def doubt(url: str, what: str, wait: float) -> str | None:
    """Return why the certificate of the server at a URL is not believed; None where it is, and where none is shown.

    `wait` is in seconds. Raises as `authorities` does.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme.lower()]
    context = ssl.create_default_context(cafile=authorities(what))
    try:
        with socket.create_connection((host, port), wait) as sock, context.wrap_socket(sock, server_hostname=host):
            return None
    except ssl.SSLCertVerificationError as error:
        return visible(error.verify_message).rstrip(".").lower()
    except (OSError, ValueError):
        return None
