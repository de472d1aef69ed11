"""Who is in a photo: find its faces, crop them as the model expects, and name them."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from facekit.base.contract import BadImage, Box, Face, Image
from facekit.base.plain import OPTIONAL
from facekit.faces.detectors import find, ready
from facekit.identity.openset.answers import Named, Recogniser, Seen
from facekit.options.common import STRANGER, is_stranger
from facekit.options.crop import FaceCrop
from facekit.options.predict import Least
from facekit.runs import Run

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FoundFace:
    """A face to be named: where it is in its photo (None: it is the photo), and what the model sees of it."""

    box: Box | None
    seen: Seen


@dataclass(frozen=True)
class Guess:
    """A label, and the probability that the model gives it."""

    label: str
    confidence: float


@dataclass(frozen=True)
class Shown:
    """What a face shows, such as its expression, and the calibrated probability of that."""

    label: str
    probability: float


@dataclass(frozen=True)
class Prediction:
    """Who a face is."""

    box: Box | None
    """Where the face is in the picture, `(x, y, w, h)` in pixels; None where the picture is the face."""
    label: str | None
    """The most probable label; `unknown` if the face is not similar enough to the known faces of that label, if the
    confidence is below `min_confidence`, or the probability below `min_probability`."""
    confidence: float | None
    """The model's own probability of the most probable label. It assumes that every face is of one of its people."""
    similarity: float | None
    """How similar the face is to the known faces of that label: one minus a distance. None if the model has no known
    faces."""
    probability: float | None
    """The calibrated probability that the label is right, if half of all faces are of strangers. For a model that
    cannot recognise strangers: if no face is."""
    top: tuple[Guess, ...]
    """The three most probable labels."""
    targets: Mapping[str, Shown] | None = field(default=None, kw_only=True, metadata={OPTIONAL: True})
    """Of a model of several targets, what the face shows of each target but the first, also that of a
    stranger. None of any other model."""


class Predictor:
    """A trained run, loaded once, that names the faces of pictures. Several threads may use it at the same time."""

    def __init__(self, run: Run, fpir: float | None = None) -> None:
        """Load a run; `fpir` is the false positive identification rate, by default the run's own.

        Raises FacekitError for weights or known faces that are gone or broken, and for a rate that the run has no
        threshold for.
        """
        self.run = run
        if any(map(is_stranger, run.labels)):
            log.warning(
                "%s has a label %r, which is also the answer for a face that the model does not know",
                run.folder,
                STRANGER,
            )
        self.recogniser = Recogniser(run, fpir)

    @cached_property
    def crop(self) -> FaceCrop:
        """How a face is found in a photo and cut out. Raises FacekitError for a detector that cannot work here."""
        return crop_of(self.run)

    def look(self, image: Image, detect: bool = True) -> list[FoundFace | BadImage]:
        """Return the faces of a photo, the largest first; with `detect` off, the whole picture as a face.

        A face that the model cannot align is a BadImage, which says why. Raises FacekitError as `crop` does.
        """
        if not detect:
            return [self._see(image, None)]
        return [self._see(image, face) for face in find(image, self.crop)]

    def name(self, faces: Sequence[FoundFace], least: Least) -> list[Prediction]:
        """Return who each face is, in order; below what an answer must reach it is unknown.

        Raises FacekitError for a model whose weights give no probabilities.
        """
        named = self.recogniser.named([face.seen for face in faces])
        return [self.prediction(face.box, one, least) for face, one in zip(faces, named, strict=True)]

    def _see(self, image: Image, face: Face | None) -> FoundFace | BadImage:
        try:
            if face is None:
                return FoundFace(None, self.recogniser.sees(image))
            return FoundFace(face.box, self.recogniser.sees(image, face, self.crop))
        except BadImage as error:
            return error

    def prediction(self, box: Box | None, named: Named, least: Least) -> Prediction:
        """Return an answer as people read it; below what an answer must reach it is unknown."""
        order = np.argsort(-named.probabilities, kind="stable")[:3]
        top = tuple(Guess(self.run.labels[i], round(float(named.probabilities[i]), 4)) for i in order)
        probability = round(named.probability, 4)  # as it is shown
        sure = named.probabilities[order[0]] >= least.confidence and probability >= least.probability
        known = sure and not named.stranger
        label = top[0].label if known else STRANGER
        similarity = None if named.similarity is None else round(named.similarity, 4)
        targets = {
            target.name: Shown(target.labels[int(row.argmax())], round(float(row.max()), 4))
            for target, row in zip(self.run.more, named.more, strict=True)
        }
        return Prediction(box, label, top[0].confidence, similarity, probability, top, targets=targets or None)


def crop_of(run: Run) -> FaceCrop:
    """Return how the faces of a model were cut; the defaults, with a warning, where facekit did not cut them.

    Raises FacekitError for a detector that cannot work here.
    """
    if not run.detects:
        log.warning(
            "%s was trained on pictures that facekit did not crop; faces are cropped with the defaults", run.folder
        )
    ready(run.face_crop)
    return run.face_crop
