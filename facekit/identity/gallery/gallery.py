"""A gallery: its store, its index, its promise, and the embedder that it belongs to."""

from __future__ import annotations

import logging
import secrets
import shlex
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from facekit.base import plain, plugins
from facekit.base.contract import Embedder, FacekitError
from facekit.dataset.records import shown
from facekit.identity import embedders
from facekit.identity.embedders.metrics import Metric
from facekit.identity.gallery import index, promise
from facekit.identity.gallery.graph import Graphs
from facekit.identity.gallery.naming import Namer
from facekit.identity.gallery.place import Place, place_of
from facekit.identity.gallery.promise import Promise
from facekit.identity.gallery.search import People
from facekit.identity.gallery.store import Store
from facekit.identity.gallery.values import MOST_DIMENSIONS, MOST_THRESHOLD, About, Person
from facekit.identity.openset.decider import described, threshold_at
from facekit.identity.openset.known import CENTRE
from facekit.identity.openset.newcomers import MOST, Newcomers, lazily
from facekit.identity.openset.threshold import Prior
from facekit.options.crop import CarriedCrop

log = logging.getLogger(__name__)


class Gallery:
    """An open gallery, as a context manager. Several threads may share one."""

    def __init__(self, store: Store, place: Place) -> None:
        """Take over the store of a place."""
        self.store, self.place = store, place

    @classmethod
    def open(cls, place: str | Path | Place) -> Gallery:
        """Open the gallery of a folder or an address. Raises FacekitError where there is none, and for a broken one."""
        place = place_of(place) if isinstance(place, str | Path) else place
        return cls(place.open(), place)

    @classmethod
    def make(cls, place: str | Path | Place, about: About) -> Gallery:
        """Open the gallery of a folder or an address; it is made where there is none. Raises FacekitError."""
        place = place_of(place) if isinstance(place, str | Path) else place
        return cls(place.make(about), place)

    def __enter__(self) -> Gallery:
        """Begin."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close the store."""
        self.store.close()

    @property
    def shown(self) -> str:
        """The gallery as messages and commands name it: its folder, or its address without a password."""
        return self.place.shown

    @property
    def folder(self) -> Path | None:
        """The folder that the index is kept in; None where none can be."""
        return self.place.folder

    @property
    def about(self) -> About:
        """What the gallery says of itself."""
        return self.store.about

    @property
    def metric(self) -> Metric:
        """How its embeddings are compared."""
        return "cosine" if self.about.embedder.metric == "cosine" else "euclidean"

    def embedder(self) -> Embedder:
        """Return the embedder that the faces were embedded by.

        Raises FacekitError where it cannot be had, or gives other embeddings now; the message says what to type.
        """
        return self.check_embedder(self.about.embedder.name)

    def check_embedder(self, name: str) -> Embedder:
        """Return an embedder by name, which must be the gallery's own. Raises FacekitError that says what to type."""
        ours, folder = self.about.embedder, shlex.quote(self.shown)
        if embedders.full_name(name) != ours.name:
            raise FacekitError(
                f"{self.shown} was made with {shown(ours.name)}, not {shown(name)}; for the same people with another "
                f"embedder: facekit gallery migrate {folder} --embedder {shlex.quote(name)} -o NEW"
            )
        # The file may come from a stranger and name any folder: a trained run is only loaded where its weights have
        # the hash that the gallery gives, so that it is the one that the faces were embedded by.
        if ours.name not in plugins.names(embedders.KIND) and not embedders.is_there(ours):
            why = "is gone or has been trained again since" if ours.name.startswith("/") else "is not installed here"
            raise FacekitError(
                f"{self.shown} was made with {shown(ours.name)}, which {why}; choose another "
                f"embedder: facekit gallery migrate {folder} --embedder dlib -o NEW"
            )
        embedder = embedders.load(ours.name)
        if described(embedder) != described(ours):
            raise FacekitError(
                f"{ours.name} gives other embeddings now than when {self.shown} was made; embed its faces again: "
                f"facekit gallery migrate {folder} --embedder {ours.name} -o NEW"
            )
        return embedder

    def people(self) -> People:
        """Return its people as embeddings, as they are now; the index is brought up to date for it."""
        graphs, held = Graphs(f"{self.about.id} {self.place.key}"), index.load(self.store, self.folder)
        graphs.forget_removed(held)
        return People(held, self.store.denials(), self.metric, graphs)

    def promise(self, people: People | None = None) -> Promise:
        """Return the promise for the people as they are now.

        It is found again, and stored, where they have changed, and where an earlier version of facekit found it.
        """
        people = people or self.people()
        stored = self.store.promise()
        if stored is not None and stored[0] == people.generation:
            kept = self._parsed(stored[1])
            if kept.open_set.centre == CENTRE:  # else an earlier version found it, whose similarities are others
                return kept
        found = promise.find(people, self.about, self.store.strangers())
        try:
            self.store.set_promise(people.generation, plain.dump(found))
        except FacekitError as error:  # a gallery on a disk that cannot be written answers all the same
            log.info("the threshold is not stored: %s", error)
        return found

    def namer(self, rate: float | None = None, repeats: bool = False) -> Namer:
        """Return what names faces, at a false positive identification rate: by default the gallery's own."""
        people = self.people()
        return self.namer_of(people, self.promise(people), rate, repeats)

    @staticmethod
    def namer_of(people: People, found: Promise, rate: float | None = None, repeats: bool = False) -> Namer:
        """Return what names faces by some people, at the threshold of a promise, be it that of people before them."""
        return Namer(people, found, threshold_at(found.open_set, rate), rate or found.open_set.rate, repeats)

    def telling(self, namer: Namer) -> Callable[[int], float]:
        """Return what tells so many strangers from somebody new, at the namer's rate: see `Newcomers`."""

        def find() -> Newcomers:
            prior = Prior.of(self.metric, self.about.threshold)
            return Newcomers(namer.people.some(MOST), prior, namer.rate, promise.each(self.store.strangers()))

        return lazily(find)

    def person(self, name: str) -> Person:
        """Return the person of a name. Raises FacekitError for a name that is not there."""
        found = self.store.find_person(name)
        if found is None:
            raise FacekitError(
                f"nobody in {self.shown} is called {shown(name)}; see `facekit gallery list {shlex.quote(self.shown)}`"
            )
        return found

    def _parsed(self, text: str) -> Promise:
        try:
            found = plain.parse(text, Promise)
        except (ValueError, FacekitError):
            found = None
        if found is None or described(found.open_set.embedder) != described(self.about.embedder):
            raise FacekitError(f"{self.shown} holds a threshold that facekit did not write; restore it from a copy")
        return found


def about(name: str, crop: CarriedCrop, fpir: float, keep_crops: bool = True, drawn: bool = False) -> About:
    """Return what a new gallery says of itself.

    Raises FacekitError for an embedder that cannot be had, and for one whose embeddings no gallery can hold.
    """
    name = embedders.full_name(name)
    embedder, backbone = embedders.load(name), embedders.described(name)
    if not 0 < embedder.dimensions <= MOST_DIMENSIONS:
        raise FacekitError(
            f"embeddings of {shown(name)} have {embedder.dimensions:,} numbers, and a gallery takes 1 to "
            f"{MOST_DIMENSIONS:,}; choose another with --embedder"
        )
    if not (embedder.metric and 0 < embedder.threshold < MOST_THRESHOLD):
        raise FacekitError(
            f"{shown(name)} has metric {embedder.metric!r} and threshold {embedder.threshold!r}; a gallery "
            f"needs a metric, and a threshold above 0 and below {MOST_THRESHOLD:,.0f}; choose another with --embedder"
        )
    return About(
        id=secrets.token_hex(16),
        embedder=backbone,
        threshold=embedder.threshold,
        crop=crop,
        fpir=fpir,
        keep_crops=keep_crops,
        drawn=drawn,
    )
