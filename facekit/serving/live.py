"""The gallery as it is now, whichever process has changed it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass

from facekit.identity.gallery import Gallery, Namer
from facekit.identity.gallery.promise import Promise
from facekit.identity.gallery.search import People
from facekit.serving.keys import Access


@dataclass(frozen=True)
class Now:
    """A gallery at one generation, and what names faces by it."""

    namer: Namer
    numbers: Mapping[str, int]
    """Name -> number of each person with a face."""

    @property
    def generation(self) -> int:
        """The generation of the gallery."""
        return self.namer.people.generation


class Live:
    """Follows a gallery. Threads may share one.

    The people are taken over at once where they have changed. The threshold, which takes a large gallery long to find,
    stays that of the people before until `find_threshold` has been called.
    """

    def __init__(self, gallery: Gallery, fpir: float | None) -> None:
        """Load the gallery. Raises FacekitError for one that cannot be read, and for a rate it has no threshold for."""
        self.gallery, self._fpir = gallery, fpir
        self._lock = threading.Lock()
        self._access = Access()
        self._access_text: str | None = None
        people = gallery.people()
        self._now = self._made(people, gallery.promise(people))
        self._threshold_of = people.generation
        self.refresh()

    @property
    def now(self) -> Now:
        """The gallery as it was looked at last."""
        return self._now

    @property
    def access(self) -> Access:
        """The keys as they were looked at last."""
        return self._access

    @property
    def lags(self) -> bool:
        """Whether the threshold is that of people before."""
        return self._threshold_of != self._now.generation

    def refresh(self) -> None:
        """Look whether the gallery or its keys have changed, and take over what has. Raises FacekitError."""
        with self._lock:
            generation, text = self.gallery.store.peek()
            if text != self._access_text:
                self._access, self._access_text = Access.parse(text), text
            if generation != self._now.generation:
                self._now = self._made(self.gallery.people(), self._now.namer.promise)

    def find_threshold(self) -> None:
        """Find the threshold for the people as they are now, unless another process has. Raises FacekitError."""
        people = self._now.namer.people
        found = self.gallery.promise(people)
        with self._lock:
            if self._now.namer.people is people:
                self._now, self._threshold_of = self._made(people, found), people.generation

    def _made(self, people: People, promise: Promise) -> Now:
        numbers = {name: number for number, name in people.index.rows.names.items()}
        return Now(self.gallery.namer_of(people, promise, self._fpir), numbers)
