"""Where a gallery is kept: a folder, or a schema of a PostgreSQL database."""

from __future__ import annotations

import hashlib
import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Protocol

from facekit.base import plugins, weights
from facekit.base.contract import FacekitError
from facekit.identity.gallery import graph, index, opening
from facekit.identity.gallery.sqlite import SqliteStore
from facekit.identity.gallery.store import Store
from facekit.identity.gallery.values import About
from facekit.options.galleries import Address, address, is_database

if TYPE_CHECKING:
    from facekit.identity.gallery.postgres import PostgresStore

log = logging.getLogger(__name__)


class Place(Protocol):
    """A place for one gallery."""

    @property
    def shown(self) -> str:
        """How messages and commands name it; it holds no password."""
        ...

    @property
    def key(self) -> str:
        """What tells it from other places, also when a command is typed in another folder."""
        ...

    @property
    def folder(self) -> Path | None:
        """The folder that the index of its embeddings is kept in; None where none can be."""
        ...

    def is_begun(self) -> bool:
        """Whether a gallery is there. Raises FacekitError for something else in its place."""
        ...

    def open(self) -> Store:
        """Open the gallery that is there. Raises FacekitError where there is none."""
        ...

    def make(self, about: About) -> Store:
        """Open the gallery, which is made where there is none. Raises FacekitError."""
        ...

    def check_free(self) -> None:
        """Raise FacekitError where something is there already."""
        ...

    @contextmanager
    def built(self) -> Iterator[Place]:
        """Yield a place beside it, what is made in which appears here at the end, whole or not at all."""
        ...


@dataclass(frozen=True)
class Folder:
    """A folder with a SQLite file in it, and the index beside that."""

    path: Path

    @property
    def shown(self) -> str:
        """The path."""
        return str(self.path)

    @property
    def key(self) -> str:
        """The path from the root, without links."""
        return os.path.realpath(self.path)

    @property
    def folder(self) -> Path:
        """The folder itself."""
        return self.path

    def is_begun(self) -> bool:
        """Whether the file has tables."""
        return opening.is_begun(self.path)

    def open(self) -> Store:
        """Open the file."""
        return SqliteStore(self.path)

    def make(self, about: About) -> Store:
        """Open the file; it is made in a folder that is empty or not there."""
        if self.path.exists() and not self.path.is_dir():
            raise FacekitError(f"{self.path} is a file; give a folder for the gallery")
        if not opening.is_gallery(self.path) and self.path.is_dir() and any(self.path.iterdir()):
            raise FacekitError(f"{self.path} is not empty and no gallery; choose another folder")
        return SqliteStore(self.path, about)

    def check_free(self) -> None:
        """An empty folder is free."""
        if os.path.lexists(self.path) and not (self.path.is_dir() and not any(self.path.iterdir())):
            raise FacekitError(f"{self.path} is there already; choose another folder with -o")

    @contextmanager
    def built(self) -> Iterator[Place]:
        """Yield a hidden folder beside it, and rename that."""
        beside = self.path.with_name(f".{self.path.name}.part")
        _remove(beside)
        try:
            yield Folder(beside)
            beside.rename(self.path)
        except OSError as error:
            raise FacekitError(f"{self.path} cannot be made ({error.strerror}); choose another folder") from None
        finally:
            _remove(beside)


@dataclass(frozen=True)
class Database:
    """A schema of a database. The index is kept in the cache of the user who asks."""

    address: Address

    @property
    def shown(self) -> str:
        """The address."""
        return self.address.shown

    @property
    def key(self) -> str:
        """The address, as PostgreSQL takes it, and the schema."""
        return f"{self.address.server} {self.address.schema}"

    @property
    def folder(self) -> Path | None:
        """A folder of the cache, which is made; None where the cache cannot be used."""
        key = hashlib.sha256(self.key.encode()).hexdigest()[:16]
        try:
            folder = weights.cache() / weights.GALLERIES / key
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            weights.keep_private(folder.parent)
        except (OSError, FacekitError) as error:
            log.info("the embeddings of %s are not kept in the cache (%s)", self.shown, error)
            return None
        return folder

    def is_begun(self) -> bool:
        """Whether the schema has tables of facekit's."""
        return bool(_postgres().is_begun(self.address))

    def open(self) -> Store:
        """Connect to the database."""
        return self._store(None)

    def make(self, about: About) -> Store:
        """Connect to the database; its schema is made where it is not there."""
        return self._store(about)

    def check_free(self) -> None:
        """The schema must not be there."""
        if self.is_begun():
            raise FacekitError(f"{self.shown} holds a gallery already; choose another with -o, such as `?schema=NAME`")

    @contextmanager
    def built(self) -> Iterator[Place]:
        """Yield another schema, and rename that."""
        beside = Database(replace(self.address, schema=f"{self.address.schema}_part"))
        _postgres().remove(beside.address)
        try:
            yield beside
            _postgres().rename(beside.address, self.address)
        finally:
            _postgres().remove(beside.address)
            if beside.folder is not None:
                forget(beside.folder)

    def _store(self, about: About | None) -> PostgresStore:
        found: PostgresStore = _postgres().PostgresStore(self.address, about)
        return found


def place_of(place: str | Path) -> Place:
    """Return the place that a path or an address names. Raises FacekitError for an address that is none."""
    return Database(address(str(place))) if is_database(str(place)) else Folder(Path(place))


def _postgres() -> ModuleType:
    """Return the module for PostgreSQL. Raises FacekitError that says which extra is missing."""
    plugins.need("psycopg", "a gallery in PostgreSQL")
    from facekit.identity.gallery import postgres

    return postgres


def is_cached(folder: Path) -> bool:
    """Whether a folder of the cache is one that holds the index of a gallery in a database."""
    return re.fullmatch("[0-9a-f]{16}", folder.name) is not None and folder.is_dir() and not folder.is_symlink()


def forget(folder: Path) -> None:
    """Delete the index of a gallery from the cache; it is built again when it is needed."""
    index.drop(folder)
    graph.forget(folder)
    with suppress(OSError):  # something else is in it
        for place in (folder / index.FOLDER, folder):
            place.rmdir()


def _remove(folder: Path) -> None:
    """Remove what a gallery that was not finished has left."""
    for file in (*folder.glob("index/*"), *folder.glob(f"{opening.FILE}*")):
        file.unlink()
    for place in (folder / index.FOLDER, folder):
        if place.is_dir():
            place.rmdir()
