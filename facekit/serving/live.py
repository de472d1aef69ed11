"""The gallery as it is now, whichever process has changed it."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

from facekit.identity.gallery import Gallery, Namer
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
    """Follows a gallery. Threads may share one."""

    def __init__(self, gallery: Gallery, fpir: float | None) -> None:
        """Load the gallery. Raises FacekitError for one that cannot be read, and for a rate it has no threshold for."""
        self.gallery, self._fpir = gallery, fpir
        self._lock = threading.Lock()
        self._access = Access()
        self._access_text: str | None = None
        self.seen_at = 0.0
        self._now = self._loaded()
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
    def age(self) -> float:
        """Seconds since the gallery was looked at last."""
        return time.monotonic() - self.seen_at

    def refresh(self) -> None:
        """Look whether the gallery or its keys have changed, and take over what has. Raises FacekitError."""
        with self._lock:
            began = time.monotonic()
            generation, text = self.gallery.store.peek()
            if text != self._access_text:
                self._access, self._access_text = Access.parse(text), text
            if generation != self._now.generation:
                self._now = self._loaded()
            self.seen_at = began

    def _loaded(self) -> Now:
        namer = self.gallery.namer(self._fpir)
        return Now(namer, {name: number for number, name in namer.people.index.rows.names.items()})
