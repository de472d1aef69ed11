"""Who looks at a video: finds the faces of a frame, and says who a track is, by a gallery or by a trained run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from facekit.base import images
from facekit.base.contract import Box, Image
from facekit.identity import embedders
from facekit.identity.faces import Finder
from facekit.identity.gallery import Namer
from facekit.identity.gallery import naming as gallery_naming
from facekit.identity.gallery.naming import Candidate
from facekit.identity.predictor import FoundFace, Prediction, Predictor
from facekit.options.common import STRANGER, kind_of
from facekit.options.predict import Least
from facekit.video.evidence import Evidence
from facekit.video.tracking import OTHER, Likeness, Sighting, quality

_NO_ROW = np.empty(0, np.float32)
_NO_VECTOR = np.empty(0, np.float32)


@dataclass(frozen=True)
class Who:
    """The answer to a track."""

    name: str | None
    """None: unknown."""
    similarity: float | None
    probability: float | None
    nearest: tuple[Candidate, ...] = ()
    """Of a gallery: the nearest people."""
    prediction: Prediction | None = None
    """Of a run: what it answers."""
    stranger: int | None = None
    """The number of somebody unknown, the same wherever they are seen; None for somebody with a name, and where
    nothing can tell one stranger from another."""

    @property
    def label(self) -> str:
        """What the person is called in tables and pages."""
        return self.name or (STRANGER if self.stranger is None else f"stranger {self.stranger}")


class Eyes(Protocol):
    """Looks at frames, and names tracks. `see` may be called from several threads."""

    likeness: Likeness | None
    """How faces are compared; None where nothing embeds them."""
    telling: Callable[[int], float] | None
    """What tells so many people from somebody new: the similarity from which a face is one of theirs. It is wrong as
    often as a stranger is given a name. None where nobody is unknown."""
    changing: int
    """Whether what a face is called may change from one moment to the next, as an expression does."""

    def see(self, image: Image) -> list[Sighting]:
        """Return the faces of a frame."""
        ...

    def name(self, tracks: Sequence[Evidence], taken: Sequence[Collection[str]]) -> list[Who]:
        """Return who some tracks are that go on at one time, in order; `taken` are the names each cannot have."""
        ...


class GalleryEyes:
    """Names by a gallery."""

    changing = 0

    def __init__(self, namer: Namer, finder: Finder, embedder: str, telling: Callable[[int], float]) -> None:
        """Find faces by `finder`, whose embedder is the gallery's own, of that name; `telling` as in `Eyes`."""
        self._namer, self._finder = namer, finder
        self.likeness: Likeness | None = _likeness(embedder, namer.threshold)
        self.telling: Callable[[int], float] | None = telling

    def see(self, image: Image) -> list[Sighting]:
        """Return the faces of a frame."""
        faces = self._finder.find(image)
        vectors, reasons = self._finder.embed([face.aligned for face in faces])
        return [
            Sighting(box, None if reason else vector, _NO_ROW, quality(images.cut(image, box)))
            for face, vector, reason in zip(faces, vectors, reasons, strict=True)
            for box in [face.box or images.whole(image)]
        ]

    def name(self, tracks: Sequence[Evidence], taken: Sequence[Collection[str]]) -> list[Who]:
        """Return who some tracks are: see `Namer.name_tracks`."""
        given = [gallery_naming.Track(one.vectors, one.weights) for one in tracks]
        return [
            Who(one.name, one.similarity, one.probability, one.nearest) for one in self._namer.name_tracks(given, taken)
        ]


class RunEyes:
    """Names by a trained run: people, or classes such as expressions."""

    def __init__(self, predictor: Predictor, least: Least, detect: bool) -> None:
        """Answer `unknown` below what an answer must reach; without `detect`, each frame is a face."""
        self._predictor, self._least, self._detect = predictor, least, detect
        run = predictor.run
        self.changing = len(run.labels) if (run.info.kind or kind_of(None, run.protocol)) == "classes" else 0
        self.likeness: Likeness | None = None
        embedding = predictor.recogniser.likeness
        if embedding is not None:
            self.likeness = _likeness(*embedding)
        self.telling: Callable[[int], float] | None = predictor.recogniser.telling

    def see(self, image: Image) -> list[Sighting]:
        """Return the faces of a frame. Those that the model cannot align are passed over."""
        faces = [face for face in self._predictor.look(image, self._detect) if isinstance(face, FoundFace)]
        if not faces:
            return []
        rows, vectors = self._predictor.recogniser.measured([face.seen for face in faces])
        found = []
        for place, (face, row) in enumerate(zip(faces, rows, strict=True)):
            vector = _NO_VECTOR if vectors is None else vectors[place]
            box: Box = face.box or images.whole(image)
            there = bool(np.isfinite(vector).all())
            found.append(Sighting(box, vector if there else None, row, quality(images.cut(image, box))))
        return found

    def name(self, tracks: Sequence[Evidence], taken: Sequence[Collection[str]]) -> list[Who]:
        """Return who some tracks are. Of two who would get one name, the likelier gets it."""
        found = [self._alone(one) for one in tracks]
        if self.changing:
            return found
        given: set[str] = set()
        for place in sorted(range(len(found)), key=lambda place: -(found[place].probability or 0)):
            name = found[place].name
            if name is not None and (name in given or name in taken[place]):
                found[place] = _unnamed(found[place])
            elif name is not None:
                given.add(name)
        return found

    def _alone(self, one: Evidence) -> Who:
        if not len(one):
            return Who(None, None, None)
        vectors = one.vectors if one.vectors.size else None
        named = self._predictor.recogniser.named_together(one.rows, vectors, one.weights)
        answer = self._predictor.prediction(None, named, self._least)
        name = None if answer.label == STRANGER else answer.label
        return Who(name, answer.similarity, answer.probability, prediction=answer)


def _likeness(name: str, threshold: float) -> Likeness:
    """Return how faces are compared by an embedder, where people get a name from a similarity on (0: all do).

    Where even different people are very much alike, as the ones in drawings are, that similarity says so.
    """
    embedder = embedders.load(name)
    far = embedder.threshold if not threshold else min(embedder.threshold, (1 - threshold) / OTHER)
    return Likeness(embedder.metric, far)


def _unnamed(who: Who) -> Who:
    answer = None if who.prediction is None else replace(who.prediction, label=STRANGER)
    return replace(who, name=None, prediction=answer)
