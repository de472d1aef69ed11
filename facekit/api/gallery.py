"""A gallery in a program: opened once, then used for many pictures."""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path

from facekit.api.pixels import Picture, pixels_of
from facekit.base.contract import Box, FacekitError
from facekit.base.text import counted
from facekit.identity.faces import Finder
from facekit.identity.gallery import About, Identity, Namer
from facekit.identity.gallery import Gallery as Opened
from facekit.identity.gallery.naming import Candidate
from facekit.options.common import STRANGER
from facekit.options.crop import CarriedCrop
from facekit.options.galleries import is_database
from facekit.options.identify import Identify

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Identification:
    """Who a face is, by a gallery."""

    box: Box | None
    """Where the face is in the picture, `(x, y, w, h)` in pixels; None where the picture is the face."""
    name: str
    """The person; `unknown` for a stranger."""
    similarity: float | None
    """How similar the face is to that person; for a stranger, to the most similar person. It is one minus a distance,
    and None if the gallery is empty."""
    probability: float
    """The calibrated probability that it is that person, if half of all faces are of strangers."""
    threshold: float
    """The similarity from which a name is given."""
    nearest: tuple[Candidate, ...]
    """The most similar people, at most three, each with `name`, `similarity` and whether the name was `denied`."""


@dataclass(frozen=True)
class _Current:
    """A gallery as it was at one generation."""

    gallery: Opened
    namer: Namer
    process: int
    """The process that opened it: SQLite's connections must not be used in another."""

    @property
    def is_current(self) -> bool:
        return self.process == os.getpid() and self.gallery.store.generation == self.namer.people.generation


class Gallery:
    """A gallery that stays open. Several threads can use it at the same time.

    If people are enrolled, removed or renamed, also by another program, the next answer takes that into account.
    """

    def __init__(self, folder: str | PathLike[str], fpir: float | None = None) -> None:
        """Open the gallery in a folder, or at an address. Raises FacekitError, as `load` does."""
        self._options = Identify(gallery=os.fspath(folder), pictures=[], fpir=fpir)
        address = is_database(self._options.gallery)
        self.folder: Path | str = self._options.gallery if address else Path(self._options.gallery)
        """Where the gallery is: a folder, or the address of a database."""
        self._place = str(self.folder) if address else os.path.abspath(self.folder)  # noqa: PTH100 - links stay
        self._lock = threading.Lock()
        self._finders: dict[tuple[str, CarriedCrop], Finder] = {}
        self._held = self._open()
        if not self._held.namer.people.names:
            raise FacekitError(
                f"{self.folder} is an empty gallery; enroll people with `facekit enroll FACES -o {self.folder}`"
            )
        promise = self._held.namer.promise
        (log.info if promise.promised else log.warning)("%s: %s", self.folder, promise.line)

    @property
    def names(self) -> tuple[str, ...]:
        """The people, sorted."""
        return tuple(sorted(self._current().namer.people.names))

    @property
    def threshold(self) -> float:
        """The similarity from which a name is given."""
        return self._current().namer.threshold

    @property
    def fpir(self) -> float:
        """The share of strangers' faces that may be given a name (false positive identification rate)."""
        return self._current().namer.rate

    @property
    def promised(self) -> bool:
        """Whether that share can be relied on; with few people it is a rough estimate."""
        return self._current().namer.promise.promised

    def identify(self, image: Picture, *, detect: bool = True, allow_repeats: bool = False) -> list[Identification]:
        """Return who the faces in a picture are, the largest face first. The list is empty if no face is found.

        The answers are those of the command `facekit identify`. Faces that are not similar enough to anybody are
        `unknown`. A face that cannot be aligned is left out.

        Args:
            image: RGB pixels, shape (height, width, 3), dtype uint8; or a path, or a Pillow image.
            detect: Whether to look for faces. With False, the picture is taken as a face that is already cropped.
            allow_repeats: Whether one picture may show somebody more than once, as in a collage or before a mirror.

        Raises:
            FacekitError: For an image that is none of these, a file that cannot be read, and a gallery that is broken.
        """
        pixels = pixels_of(image)
        current = self._current()
        finder = self._finder(current.gallery.about, detect)
        faces = finder.find(pixels)
        vectors, reasons = finder.embed([face.aligned for face in faces])
        namer = replace(current.namer, repeats=allow_repeats)
        told = zip(faces, reasons, namer.name(vectors), strict=True)
        return [_told(face.box, who, namer.threshold) for face, reason, who in told if reason is None]

    def __repr__(self) -> str:
        return f"<facekit.Gallery {str(self.folder)!r}: {counted(len(self.names), 'person', 'people')}>"

    def __reduce__(self) -> tuple[Callable[..., Gallery], tuple[object, ...]]:
        """Let another process open the gallery again: what is open cannot be sent."""
        return Gallery, (self._place, self._options.fpir)

    def _current(self) -> _Current:
        """Return the gallery as it is now."""
        with self._lock:
            if not self._held.is_current:
                self._held = self._open()
            return self._held

    def _open(self) -> _Current:
        gallery = Opened.open(self._place)
        gallery.embedder()
        current = _Current(gallery, gallery.namer(self._options.fpir), os.getpid())
        weakref.finalize(current, _close, gallery, os.getpid())
        return current

    def _finder(self, about: About, detect: bool) -> Finder:
        """Return what finds and embeds faces as the gallery's own were; it keeps its networks loaded."""
        asked = about.embedder.name, about.finding(detect)
        with self._lock:
            if asked not in self._finders:
                self._finders[asked] = Finder(*asked)
            return self._finders[asked]


def _told(box: Box | None, who: Identity, threshold: float) -> Identification:
    return Identification(box, who.name or STRANGER, who.similarity, who.probability, round(threshold, 4), who.nearest)


def _close(gallery: Opened, process: int) -> None:
    """Close a gallery in the process that opened it; another one has a copy of its connection, which it must leave."""
    if process == os.getpid():
        gallery.store.close()
