"""The faces of a picture, aligned for an embedder, and what of each is kept."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from facekit import runs
from facekit.base import images, plugins
from facekit.base.contract import BadImage, Box, FacekitError, Image
from facekit.faces import detectors
from facekit.faces.landmarks import NO_FACE
from facekit.identity import embedders
from facekit.identity.embedders import KIND, PerThread
from facekit.identity.embedders.embeddings import NOT_FINITE
from facekit.identity.embedders.metrics import Embeddings
from facekit.identity.gallery.values import Crop
from facekit.options.crop import CarriedCrop, FaceCrop
from facekit.runs import Run

SUITED = {"dlib": "dlib", "dlib-mirrored": "dlib", "sface": "yunet"}
"""Embedder -> the detector whose extra or weights it needs anyway."""

_MARGIN = 0.6
"""Surroundings of a face that is kept, as a share of its side: another embedder may look for landmarks again."""

_SIDE = 320
"""Longest side of a picture of a face that is kept, in pixels."""


@dataclass(frozen=True)
class SeenFace:
    """A face in a picture."""

    box: Box | None
    """Where it is; None: the picture is the face."""
    aligned: Image | BadImage
    """What the embedder takes, or why it cannot be aligned."""


@dataclass(frozen=True, kw_only=True)
class SeenFaces:
    """The faces of a picture, largest first, without its pixels."""

    sha256: str
    faces: list[SeenFace]


@dataclass(frozen=True, kw_only=True)
class Seen(SeenFaces):
    """A picture and its faces, largest first."""

    image: Image


def suited(embedder: str, detector: str | None) -> CarriedCrop:
    """Return how faces are found in photos: by a detector, else by the one that suits the embedder.

    A trained run is suited by what found the faces that it learned from, a projection by what suits its backbone.

    Raises FacekitError where that cannot be had.
    """
    crop = CarriedCrop.of(detectors.settled(_suited(embedder, detector)))
    detectors.ready(crop)
    return crop


def detector_for(embedder: str, run: Run | None) -> str:
    """Return the detector that suits an embedder; `run` is the trained run that it is, if any."""
    return SUITED.get(run.backbone or "" if run is not None else embedder, "haar")


def _suited(embedder: str, detector: str | None) -> FaceCrop:
    folder = Path(embedder)
    run = runs.load(folder) if embedder not in plugins.names(KIND) and folder.is_dir() else None
    if run is not None and not run.backbone and run.info.crop is not None:
        return run.face_crop if detector is None else replace(run.face_crop, detector=detector)
    return FaceCrop(detector=detector or detector_for(embedder, run))


class Finder:
    """Finds and aligns the faces of pictures. Threads may share one."""

    def __init__(self, embedder: str, crop: FaceCrop) -> None:
        """Look for faces as `crop` says; where it does not detect, each picture is a face.

        Raises FacekitError for a detector or an embedder that cannot be had.
        """
        self.crop, self._name, self._embedder = crop, embedder, PerThread(embedder)
        self.version = self._embedder().version
        if crop.detect:
            detectors.ready(crop)

    def __reduce__(self) -> tuple[Callable[..., Finder], tuple[str, str, FaceCrop]]:
        """Be pickled as what it is built from: a worker builds it once."""
        return _built_once, (embedders.full_name(self._name), self.version, self.crop)

    def see(self, data: bytes, only_foremost: bool = False) -> Seen:
        """Return the faces of a picture of these bytes. Raises BadImage for one that cannot be read or shows none."""
        image = images.decode(data)
        faces = self.find(image, only_foremost)
        if not faces:
            raise BadImage(NO_FACE)
        return Seen(image=image, sha256=hashlib.sha256(data).hexdigest(), faces=faces)

    def find(self, image: Image, only_foremost: bool = False) -> list[SeenFace]:
        """Return the faces of a picture, largest first; none where it shows none."""
        return [SeenFace(box, self.align(image, box)) for box in self._boxes(image, only_foremost)]

    def look(self, file: Path, only_foremost: bool = False) -> Seen | BadImage:
        """Return the faces of a picture in a file, or why there is none."""
        try:
            return self.see(images.load(file), only_foremost)
        except BadImage as error:
            return error

    def align(self, image: Image, box: Box | None) -> Image | BadImage:
        """Return a face as the embedder takes it, or why it cannot be aligned."""
        try:
            return self._embedder().align(image, box)
        except BadImage as error:
            return error

    def embed(self, aligned: Sequence[Image | BadImage]) -> tuple[Embeddings, list[str | None]]:
        """Return the embedding of each face, and why there is none: then its row is NaN."""
        embedder = self._embedder()
        vectors = np.full((len(aligned), embedder.dimensions), np.nan, np.float32)
        there = [place for place, one in enumerate(aligned) if isinstance(one, np.ndarray)]
        if there:
            vectors[there] = embedder.embed([one for one in aligned if isinstance(one, np.ndarray)])
        reasons: list[str | None] = [one.reason if isinstance(one, BadImage) else None for one in aligned]
        for place in there:
            if not np.isfinite(vectors[place]).all():
                reasons[place], vectors[place] = NOT_FINITE, np.nan
        return vectors, reasons

    def _boxes(self, image: Image, only_foremost: bool) -> list[Box | None]:
        if not self.crop.detect:
            return [None]
        if only_foremost:
            first = detectors.find_foremost(image, self.crop)
            return [] if first is None else [first.box]
        return [face.box for face in detectors.find(image, self.crop)]


@lru_cache(maxsize=1)
def _built_once(embedder: str, version: str, crop: FaceCrop) -> Finder:
    finder = Finder(embedder, crop)
    embedders.check_version(embedder, finder.version, version)
    return finder


def kept(image: Image, box: Box | None) -> Crop:
    """Return a face with its surroundings as it is kept: a JPEG, and where in it the face is."""
    around = images.square(box, _MARGIN) if box is not None else images.whole(image)
    cut = images.cut(image, around) if box is not None else image
    small, scale = images.shrink(cut, _SIDE)
    inside = None
    if box is not None:
        inside = Box(*(round(value * scale) for value in (box.x - around.x, box.y - around.y, box.w, box.h)))
    return Crop(images.encode(small), inside)


def the_face(seen: Seen, number: int, picture: str) -> SeenFace:
    """Return the face of that number, counted from 1 from the largest. Raises FacekitError where there is none."""
    if not 1 <= number <= len(seen.faces):
        raise FacekitError(
            f"{picture} shows {len(seen.faces)} faces; give a number from 1 to {len(seen.faces)} after #"
        )
    return seen.faces[number - 1]
