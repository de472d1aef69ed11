"""A certificate that a server on this machine shows, made by OpenSSL for the moment."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest


def certificate(folder: Path, name: str = "server") -> tuple[Path, Path]:
    """Return files of a certificate for `localhost` that nobody but itself vouches for, and of its key."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate with")
    key, file = folder / f"{name}-key.pem", folder / f"{name}.pem"
    kind = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-days", "2", "-nodes")
    who = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
    made = ["openssl", "req", "-x509", *kind, "-keyout", str(key), "-out", str(file), *who]
    subprocess.run(made, check=True, capture_output=True)
    return file, key
