"""The cache: embeddings of pictures, kept for all folders of a user, and archives that a crash left unpacked."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import ClassVar

from facekit.base import scratch, weights
from facekit.identity.embedders import cache
from facekit.removal.kinds.base import Doing, Kind, Part

OTHERS = "also those of pictures that are in none of the folders: they are computed again when they are needed"


class Embeddings(Kind):
    """The embeddings in the cache, by the hash of the picture."""

    name = "cache of embeddings"
    written_by: ClassVar = ("facekit.identity.embedders.cache", "facekit.identity.embedders.embeddings")
    order = 1
    anybodys = True

    def places(self, folder: Path, entries: Collection[str]) -> Iterator[Path]:
        """None is in a folder of the user's."""
        return iter(())

    def elsewhere(self) -> Iterator[Path]:
        """The one file in the cache."""
        file = weights.where() / cache.FILE
        if file.exists():
            yield file

    def plan(self, place: Path, doing: Doing) -> Part | None:
        """Return how many embeddings go: those of the pictures that do, and of pictures that are nowhere.

        The cache outlives pictures: that of a face that was cut again, or of a folder that was deleted, may be of the
        person, and nothing says of whom it is.
        """
        count = cache.others(doing.stay)
        return Part(self.name, str(place), {"embeddings": count}, says=OTHERS) if count else None

    def remove(self, place: Path, doing: Doing) -> None:
        """Delete them, and what SQLite would keep of them."""
        cache.keep_only(doing.stay)


class _Folders(Kind):
    """Folders in the cache in which the photos of anybody may be: all go but those that a living program works on."""

    order = 1
    anybodys = True
    inside: ClassVar[str]
    """The folder in the cache that holds them."""
    prefix: ClassVar[str] = ""
    """How their names begin."""
    called: ClassVar[str]
    """What a report counts."""

    def places(self, folder: Path, entries: Collection[str]) -> Iterator[Path]:
        """None is in a folder of the user's."""
        return iter(())

    def elsewhere(self) -> Iterator[Path]:
        """The folder in the cache, if anything is in it."""
        folder = weights.where() / self.inside
        if any(map(scratch.is_mine, folder.glob(f"{self.prefix}*"))):
            yield folder

    def plan(self, place: Path, doing: Doing) -> Part | None:
        """Return how many there are."""
        count = len(list(filter(scratch.is_mine, place.glob(f"{self.prefix}*"))))
        return Part(self.name, str(place), {self.called: count}) if count else None

    def remove(self, place: Path, doing: Doing) -> None:
        """Delete them; those of living programs stay."""
        scratch.sweep(place, self.prefix)


class Objects(_Folders):
    """Copies of trees on object storage, which are brought again where they are needed."""

    name = "copies of object storage"
    written_by: ClassVar = ("facekit.dataset.objects",)
    inside = weights.OBJECTS
    called = "copies"


class Unpacked(_Folders):
    """Folders of archives that a crash left behind."""

    name = "unpacked archives"
    written_by: ClassVar = ("facekit.dataset.inputs", "facekit.dataset.archives", "facekit.base.scratch")
    inside = scratch.UNPACKED
    prefix = scratch.PREFIX
    called = "folders left by a crash"
