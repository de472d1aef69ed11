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


class Objects(Kind):
    """Copies of trees on object storage, which are brought again where they are needed."""

    name = "copies of object storage"
    written_by: ClassVar = ("facekit.dataset.objects",)
    order = 1

    def places(self, folder: Path, entries: Collection[str]) -> Iterator[Path]:
        """None is in a folder of the user's."""
        return iter(())

    def elsewhere(self) -> Iterator[Path]:
        """The folder in the cache, if anything is in it."""
        folder = weights.where() / weights.OBJECTS
        if any(map(scratch.is_mine, folder.glob("*"))):
            yield folder

    def plan(self, place: Path, doing: Doing) -> Part | None:
        """Return how many there are; what is in them may be anybody."""
        count = len(list(filter(scratch.is_mine, place.glob("*"))))
        return Part(self.name, str(place), {"copies": count}) if count else None

    def remove(self, place: Path, doing: Doing) -> None:
        """Delete them, but those that a living program works on."""
        for folder in filter(scratch.is_mine, place.glob("*")):
            scratch.discard(folder)


class Unpacked(Kind):
    """Folders of archives that a crash left behind: what is in them may be anybody."""

    name = "unpacked archives"
    written_by: ClassVar = ("facekit.dataset.inputs", "facekit.dataset.archives", "facekit.base.scratch")
    order = 1

    def places(self, folder: Path, entries: Collection[str]) -> Iterator[Path]:
        """None is in a folder of the user's."""
        return iter(())

    def elsewhere(self) -> Iterator[Path]:
        """The folder in the cache, if anything is in it."""
        folder = weights.where() / scratch.UNPACKED
        if any(map(scratch.is_mine, folder.glob(f"{scratch.PREFIX}*"))):
            yield folder

    def plan(self, place: Path, doing: Doing) -> Part | None:
        """Return how many folders there are; those of living programs stay."""
        count = len(list(filter(scratch.is_mine, place.glob(f"{scratch.PREFIX}*"))))
        return Part(self.name, str(place), {"folders left by a crash": count}) if count else None

    def remove(self, place: Path, doing: Doing) -> None:
        """Delete them."""
        scratch.sweep(place)
