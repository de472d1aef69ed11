"""Which pictures were removed for good: later scrapes and imports leave the same ones out.

Each user has one file of it, which holds no picture, no name and no address: salted hashes of a picture's bytes and of
its URLs, and its perceptual hash, by which it is known when it was saved again. Another photo of the same person
has none of these in common with it, and is not stopped.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facekit.base import files, images, plain
from facekit.base.contract import BadImage, FacekitError, Image
from facekit.base.names import loose

NEAR_BITS = 3
"""Most bits of 64 by which the dHash of a photo changes when it is saved again; two photos differ by 18 or more."""

FORGOTTEN = "was removed with `facekit forget`"
"""Why a picture is left out."""

_SIZE = 16
"""Bytes of a salted hash."""

_LOOK = 16
"""Hexadecimal digits of a perceptual hash."""


@dataclass(frozen=True)
class Tombstone:
    """One line of the file: what is known of one picture, one address or one name that was removed."""

    salt: str | None = None
    """The first line: what every hash of the file is salted with, in hexadecimal digits."""
    bytes: str | None = None
    url: str | None = None
    name: str | None = None
    look: str | None = None
    """A perceptual hash, which is not salted: those that differ by a few bits have to be found."""

    def __post_init__(self) -> None:
        """Refuse what facekit does not write. Raises ValueError."""
        for text, size in ((self.salt, 2 * _SIZE), (self.bytes, 2 * _SIZE), (self.url, 2 * _SIZE), (self.look, _LOOK)):
            if text is not None:
                if len(text) != size:
                    raise ValueError(f"{text[:40]!r} has not {size} digits")
                int(text, 16)

    def to_json(self) -> str:
        """Return one line of JSON; absent values are left out."""
        return plain.dump_line(self)


@dataclass(frozen=True)
class Tombstones:
    """What is known of all that was removed."""

    salt: bytes = b""
    held: frozenset[str] = frozenset()
    """Salted hashes of bytes, addresses and names, each with its kind."""
    looks: NDArray[np.uint64] = field(default_factory=lambda: np.empty(0, np.uint64))

    def __bool__(self) -> bool:
        """Whether anything was removed."""
        return bool(self.held) or bool(len(self.looks))

    def has_bytes(self, sha256: str) -> bool:
        """Whether the picture with this SHA-256 was removed."""
        return bool(self.held) and f"bytes {_hashed(self.salt, sha256)}" in self.held

    def has_url(self, url: str | None) -> bool:
        """Whether the picture at an address was removed."""
        return bool(self.held) and url is not None and f"url {_hashed(self.salt, url)}" in self.held

    def has_name(self, name: str) -> bool:
        """Whether a person was removed by this name, however it is spelled."""
        return bool(self.held) and f"name {_hashed(self.salt, loose(name))}" in self.held

    def has_look(self, dhash: int) -> bool:
        """Whether a picture that looks like this one was removed: it, saved again."""
        if not len(self.looks):
            return False
        return bool((np.bitwise_count(self.looks ^ np.uint64(dhash)) <= NEAR_BITS).any())

    def by_looks(self) -> Tombstones:
        """Return what is known of looks alone, for workers that are given nothing but pictures."""
        return Tombstones(looks=self.looks)

    def check(self, image: Image, sha256: str | None = None) -> None:
        """Refuse a picture that was removed, by its bytes, or by its looks if it was saved again. Raises BadImage."""
        if sha256 is not None and self.has_bytes(sha256):
            raise BadImage(FORGOTTEN)
        if len(self.looks) and self.has_look(images.dhash(images.gray(image))):
            raise BadImage(FORGOTTEN)


NONE = Tombstones()


def file() -> Path:
    """Return where the file is: FACEKIT_FORGOTTEN, else where the system keeps what programs store for their user.

    It is not in the cache, which may be deleted at any time.
    """
    given = os.environ.get("FACEKIT_FORGOTTEN")
    if given:
        return Path(given)
    if sys.platform == "darwin":
        folder = Path.home() / "Library" / "Application Support"
    else:
        folder = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return folder / "facekit" / "forgotten.jsonl"


def read() -> Tombstones:
    """Return what was removed. Raises FacekitError for a file that facekit did not write."""
    try:
        where = file()
        about = where.stat()
    except (OSError, RuntimeError):  # there is no home folder
        return NONE
    return _read(where, about.st_mtime_ns, about.st_size)


def check(image: Image, sha256: str | None = None) -> None:
    """Refuse a picture that was removed, as `Tombstones.check` does. Raises BadImage."""
    read().check(image, sha256)


@lru_cache(maxsize=4)
def _read(where: Path, changed: int, size: int) -> Tombstones:
    lines = files.read_lines(where, Tombstone)
    salt = next((bytes.fromhex(one.salt) for one in lines if one.salt), None)
    if salt is None:
        if lines:
            raise FacekitError(f"{where} has lost its first line, the salt; restore it from a copy, or delete it")
        return NONE
    kinds = ("bytes", "url", "name")
    held = {f"{kind} {text}" for one in lines for kind in kinds if (text := getattr(one, kind)) is not None}
    looks = sorted({int(one.look, 16) for one in lines if one.look is not None})
    return Tombstones(salt, frozenset(held), np.array(looks, np.uint64))


def add(
    pictures: Iterable[str] = (), urls: Iterable[str] = (), names: Iterable[str] = (), looks: Iterable[int] = ()
) -> int:
    """Note what is removed, in one write: SHA-256s of pictures, addresses, names and perceptual hashes.

    What is known already is not added again. Returns how many lines were. Raises FacekitError where the file cannot
    be written.
    """
    where = file()
    with files.guarded(where):
        where.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with files.locked(where.parent, wait=True):
        known = files.read_lines(where, Tombstone)
        salt = next((one.salt for one in known if one.salt), None) or secrets.token_hex(_SIZE)
        key = bytes.fromhex(salt)
        there = set(known) or {Tombstone(salt=salt)}
        fresh = [
            *(Tombstone(bytes=_hashed(key, sha256)) for sha256 in sorted(set(pictures))),
            *(Tombstone(url=_hashed(key, url)) for url in sorted(set(urls))),
            *(Tombstone(name=_hashed(key, loose(name))) for name in sorted(set(names))),
            *(Tombstone(look=f"{look:0{_LOOK}x}") for look in sorted(set(looks))),
        ]
        fresh = [one for one in dict.fromkeys(fresh) if one not in there]
        lines = [one.to_json() for one in (known or [Tombstone(salt=salt)])] + [one.to_json() for one in fresh]
        files.replace_file(where, "".join(f"{line}\n" for line in lines).encode(), private=True)
    return len(fresh)


def _hashed(salt: bytes, text: str) -> str:
    return hashlib.blake2b(text.encode(errors="surrogateescape"), digest_size=_SIZE, key=salt).hexdigest()
