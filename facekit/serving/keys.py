"""The keys with which programs ask a server: made at random, kept as hashes beside what is served.

A key is `fk_ID_SECRET`. The secret has 256 random bits, so that a plain SHA-256 of it cannot be guessed back; slow
hashes are for passwords, which people choose. What a key is good for is its scope; each scope includes those before it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, get_args

from facekit.base import plain
from facekit.base.clock import now
from facekit.base.contract import FacekitError
from facekit.base.files import locked, read_json, replace_file
from facekit.identity.gallery.store import Store
from facekit.options.keys import Scope

FILE = "keys.json"
"""The keys of a run, in its folder; those of a gallery are in its store."""

SCOPES: tuple[Scope, ...] = get_args(Scope)

MOST = 1000
"""Keys of one gallery or run."""

_FORM = re.compile(r"fk_([0-9a-f]{8})_[A-Za-z0-9_-]{43}", re.ASCII)
_NOBODY = hashlib.sha256(secrets.token_bytes(32)).hexdigest()


@dataclass(frozen=True)
class Key:
    """A key as it is kept."""

    id: str
    sha256: str
    """Of the whole key."""
    scope: Scope
    made: str
    """When, in UTC."""
    name: str = ""
    """What it is for."""


@dataclass(frozen=True)
class Access:
    """Who may ask: the keys by ID. Whoever is not among them was revoked, or never was."""

    keys: tuple[Key, ...] = ()
    _by_id: dict[str, Key] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Index the keys."""
        object.__setattr__(self, "_by_id", {key.id: key for key in self.keys})

    @classmethod
    def parse(cls, text: str | None) -> Access:
        """Return what was stored. Raises FacekitError for what facekit did not write."""
        if text is None:
            return cls()
        try:
            return cls(plain.parse(text, _Stored).keys)
        except (ValueError, FacekitError):
            raise FacekitError("the stored keys are not what facekit writes; restore them from a copy") from None

    def dump(self) -> str:
        """Return it as it is stored."""
        return plain.dump(_Stored(self.keys))

    def holder(self, given: str) -> Key | None:
        """Return the key that was given, as it is kept; None where it is none. Takes the same time either way."""
        form = _FORM.fullmatch(given)
        found = self._by_id.get(form[1]) if form else None
        digest = hashlib.sha256(given.encode("utf-8", "replace")).hexdigest()
        same = hmac.compare_digest(digest, found.sha256 if found is not None else _NOBODY)
        return found if same else None


@dataclass(frozen=True)
class _Stored:
    keys: tuple[Key, ...]


def allows(key: Key, needed: Scope) -> bool:
    """Whether a key is good for what needs a scope."""
    return SCOPES.index(key.scope) >= SCOPES.index(needed)


def make(scope: Scope, name: str) -> tuple[str, Key]:
    """Return a new key, which is shown once, and what is kept of it."""
    number = secrets.token_hex(4)
    given = f"fk_{number}_{secrets.token_urlsafe(32)}"
    return given, Key(number, hashlib.sha256(given.encode()).hexdigest(), scope, now(), name)


class Keys(Protocol):
    """Where keys are kept."""

    def access(self) -> Access:
        """Return the keys as they are now."""
        ...

    def change(self, how: Callable[[Access], Access]) -> None:
        """Change them, whole or not at all; whoever else changes them at the same time is waited for."""
        ...


class GalleryKeys:
    """The keys of a gallery, in its store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def access(self) -> Access:
        """Return the keys as they are now. Raises FacekitError where the store cannot be read."""
        return Access.parse(self._store.access())

    def change(self, how: Callable[[Access], Access]) -> None:
        """Change them in one transaction."""
        self._store.set_access(lambda text: how(Access.parse(text)).dump())


class RunKeys:
    """The keys of a trained run, in a file in its folder; of one that is a file, in a file beside it."""

    def __init__(self, run: Path) -> None:
        self._file = run / FILE if run.is_dir() else run.with_name(f"{run.name}.{FILE}")

    def access(self) -> Access:
        """Return the keys as they are now. Raises FacekitError for a file that facekit did not write."""
        try:
            return Access(read_json(self._file, _Stored, hint="delete it, and make keys again").keys)
        except FileNotFoundError:
            return Access()
        except OSError as error:
            raise FacekitError(f"{self._file} cannot be read ({error.strerror}); check its rights") from None

    def change(self, how: Callable[[Access], Access]) -> None:
        """Replace the file."""
        with locked(self._file.parent, wait=True):
            replace_file(self._file, how(self.access()).dump().encode(), private=True)


def create(keys: Keys, scope: Scope, name: str) -> tuple[str, Key]:
    """Make a key and keep its hash; return the key and what is kept. Raises FacekitError for too many."""
    given, key = make(scope, name)

    def added(access: Access) -> Access:
        if len(access.keys) >= MOST:
            raise FacekitError(f"there are {MOST} keys already; revoke those that are not used any more")
        return Access((*access.keys, key))

    keys.change(added)
    return given, key


def revoke(keys: Keys, ids: Iterable[str]) -> Sequence[Key]:
    """Remove keys by ID, all or none; return them. Raises FacekitError for an ID that is not there."""
    wanted, gone = set(ids), list[Key]()

    def without(access: Access) -> Access:
        gone[:] = [key for key in access.keys if key.id in wanted]
        missing = wanted - {key.id for key in gone}
        if missing:
            raise FacekitError(f"no key has the ID {min(missing)!r}; see `facekit keys list`")
        return Access(tuple(key for key in access.keys if key.id not in wanted))

    keys.change(without)
    return gone
