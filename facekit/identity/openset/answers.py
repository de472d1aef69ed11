"""Who a face is and with what confidence, or that it is a stranger."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facekit.base.contract import BadImage, Face, FacekitError, Image
from facekit.base.figures import decimal
from facekit.identity import classifier, embedders
from facekit.identity.embedders import PerThread, backbone_of
from facekit.identity.embedders.metrics import Embeddings
from facekit.identity.openset import decider
from facekit.identity.openset.decider import Decider
from facekit.identity.openset.newcomers import Newcomers, lazily
from facekit.identity.openset.threshold import Prior
from facekit.options.crop import FaceCrop
from facekit.runs import Run
from facekit.runs.export.about import OWN
from facekit.runs.head import parted
from facekit.scores.identification import FEW
from facekit.scores.recalibration import tempered

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Seen:
    """What a model takes of a face, and what tells strangers from people: None where that takes the same."""

    pixels: Image
    aligned: Image | BadImage | None


@dataclass(frozen=True)
class Named:
    """The answer to one face."""

    probabilities: NDArray[np.float32]
    """What the model gives each label of its first target, shape (labels,)."""
    similarity: float | None
    """How near the face is to the known faces of the likeliest label; None where nothing can tell."""
    probability: float
    """The probability that the likeliest label is right, were every other face a stranger's."""
    stranger: bool
    """Whether the face is too far from the known faces of the likeliest label."""
    more: tuple[NDArray[np.float32], ...] = ()
    """The calibrated probabilities of the labels of each other target, shape (labels,)."""


class Recogniser:
    """A run that names faces, and tells strangers where it can."""

    def __init__(self, run: Run, rate: float | None = None) -> None:
        """Load a run; `rate` is the false positive identification rate, by default the run's own.

        Says once which one it is, or why strangers cannot be recognised. Raises FacekitError for weights or known faces
        that are gone or broken, and for a rate that the run has no threshold for.
        """
        self._model, self._targets = classifier.namer(run), run.targets
        self._temperature = run.targets[0].temperature
        self._decider = _decider(run, rate)
        self._backbone = backbone_of(run)
        # A linear head names a face by the embedding that decides as well.
        beside = self._decider is not None and not self._model.embeds
        self._beside = PerThread(self._decider.about.embedder.name) if beside and self._decider else None

    def sees(self, image: Image, face: Face | None = None, crop: FaceCrop | None = None) -> Seen:
        """Return what is taken of a face in a photo, of the whole picture without one. Threads may share this.

        Raises BadImage where the model cannot align the face.
        """
        pixels = self._model.sees(image, face, crop)
        return Seen(pixels, None if self._beside is None else self._align(self._beside, image, face))

    def named(self, seen: Sequence[Seen]) -> list[Named]:
        """Return the answer to each face, in order."""
        if not seen:
            return []
        outputs, vectors = self.measured(seen)
        rows, more = self._parted(outputs)
        sure = tempered(rows, self._temperature).max(axis=1)
        if self._decider is None:
            return [
                Named(row, None, float(share), False, others)
                for row, share, others in zip(rows, sure, more, strict=True)
            ]
        assert vectors is not None
        similar = self._decider.similarity(vectors, rows.argmax(axis=1))
        known = self._decider.probability(similar)
        return [
            Named(
                *(row, float(near) if np.isfinite(near) else None, float(share), bool(near < self._decider.threshold)),
                others,
            )
            for row, near, share, others in zip(rows, similar, sure * known, more, strict=True)
        ]

    def measured(self, seen: Sequence[Seen]) -> tuple[NDArray[np.float32], Embeddings | None]:
        """Return what the model gives each label of each target, shape (faces, outputs), and each face's embedding.

        An embedding is NaN where the face cannot be aligned; there are none where nothing embeds faces.
        """
        rows, vectors = self._model.named([one.pixels for one in seen])
        return rows, self._embedded(self._beside, seen) if self._beside is not None else vectors

    def named_together(
        self, rows: NDArray[np.float32], vectors: Embeddings | None, weights: NDArray[np.float64]
    ) -> Named:
        """Return the one answer to the frames of a track, which `measured` has measured; the weights sum to 1."""
        (row,), (more,) = self._parted(np.asarray(weights @ rows, np.float32)[None])
        sure = float(tempered(row[None], self._temperature).max())
        if self._decider is None or vectors is None:
            return Named(row, None, sure, False, more)
        similar = float(weights @ self._decider.similarity(vectors, np.full(len(rows), row.argmax())))
        known = float(self._decider.probability(np.array([similar]))[0])
        return Named(row, similar, sure * known, similar < self._decider.threshold, more)

    def _parted(
        self, outputs: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], list[tuple[NDArray[np.float32], ...]]]:
        """Return the probabilities of the first target, and for each face the calibrated ones of each other."""
        first, *others = parted(outputs, [len(target.labels) for target in self._targets])
        sure = [tempered(rows, of.temperature) for rows, of in zip(others, self._targets[1:], strict=True)]
        return first, list(zip(*sure, strict=True)) if sure else [()] * len(outputs)

    @property
    def likeness(self) -> tuple[str, float] | None:
        """The embedder of the embeddings that `measured` gives, and the similarity below which a face is unknown.

        The latter is 0 where nothing is; None where there are no embeddings.
        """
        if self._decider is not None:
            name = self._decider.about.embedder.name
            return None if name == OWN else (name, self._decider.threshold)  # no embedder can be loaded from the file
        return None if self._backbone is None else (self._backbone, 0.0)

    @property
    def telling(self) -> Callable[[int], float] | None:
        """What tells so many strangers from somebody new: see `Newcomers`. None where nobody is unknown."""
        known = self._decider
        if known is None or known.about.embedder.name == OWN:
            return None
        about = known.about
        prior = Prior.of(known.known.metric, embedders.load(about.embedder.name).threshold)
        return lazily(lambda: Newcomers(known.known, prior, known.rate))

    @staticmethod
    def _align(beside: PerThread, image: Image, face: Face | None) -> Image | BadImage:
        try:
            return beside().align(image, None if face is None else face.box)
        except BadImage as error:
            return error

    @staticmethod
    def _embedded(beside: PerThread, seen: Sequence[Seen]) -> Embeddings:
        """Return the embedding of each face; NaN where none can be aligned."""
        embedder = beside()
        vectors = np.full((len(seen), embedder.dimensions), np.nan, np.float32)
        there = [place for place, one in enumerate(seen) if isinstance(one.aligned, np.ndarray)]
        vectors[there] = embedder.embed([aligned for one in seen if isinstance(aligned := one.aligned, np.ndarray)])
        return vectors


def _decider(run: Run, rate: float | None) -> Decider | None:
    reason = decider.why_none(run)
    found = decider.load(run, rate) if reason is None else None
    if found is None:
        if rate is not None:
            raise FacekitError(f"--fpir: {reason or f'{run.folder} is a model of classes, which has no strangers'}")
        if reason is not None:
            log.warning("%s", reason)
        return None
    try:
        decider.check_embedder(run, found.about)
    except FacekitError as error:
        if run.backbone is not None:
            raise
        log.warning("%s cannot answer `unknown`: %s", run.folder, error)
        return None
    log.info(
        "a face with a similarity below %.3f is unknown; above it, at most %s%% of strangers should get a name "
        "(FPIR %s, measured with %d people left out in turn%s)",
        found.threshold,
        decimal(100 * found.rate),
        decimal(found.rate),
        found.about.people,
        "" if found.about.people >= FEW else "; a rough estimate, as these are few",
    )
    return found
