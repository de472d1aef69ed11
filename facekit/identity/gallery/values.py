"""What a gallery holds, as values that know no disk."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from facekit.base.contract import Box
from facekit.options.crop import CarriedCrop
from facekit.runs import Backbone

FORMAT = 1
"""Version of the file; another one is refused."""

MOST_DIMENSIONS = 8192
MOST_THRESHOLD = 1e6
MOST_NAME = 1000
"""Characters of a name."""
MOST_CROP = 1 << 20
"""Bytes of a picture of a face."""

DETECTION = ("detector", "cascade", "verify")
"""The crop options that decide where a face is said to be, and so how it is aligned."""


@dataclass(frozen=True, kw_only=True)
class About:
    """What a gallery says of itself: what its faces were found and embedded by, and what it was asked to promise."""

    format: int = FORMAT
    id: str
    """Drawn at random when the gallery is made; the index notes whose it is."""
    embedder: Backbone
    threshold: float
    """The embedder's own, a distance: what is assumed of strangers before anybody was left out."""
    crop: CarriedCrop
    """How faces are found in photos."""
    fpir: float
    """The false positive identification rate that was asked for."""
    keep_crops: bool = True
    drawn: bool = False
    """Whether some of its faces are drawn by facekit."""

    def __post_init__(self) -> None:
        """Refuse what facekit does not write. Raises ValueError."""
        if self.format != FORMAT:
            raise ValueError(f"it has format {self.format}, and this facekit reads {FORMAT}")
        if not (self.embedder.metric and 0 < self.embedder.dimensions <= MOST_DIMENSIONS):
            raise ValueError("its embedder lacks its metric or its dimensions")
        if not (1e-4 <= self.fpir <= 0.5 and 0 < self.threshold < MOST_THRESHOLD):
            raise ValueError("its false positive identification rate or its threshold is not one that facekit writes")

    def finding(self, detect: bool = True) -> CarriedCrop:
        """Return how faces are found in pictures that are asked about; `detect` off takes each for a face."""
        if not self.crop.detect and detect:  # its own pictures were faces already, and these are photos
            return replace(self.crop, detect=True)
        return self.crop if detect else replace(self.crop, detect=False)

    @property
    def found_by(self) -> str:
        """The fingerprint of the detector."""
        return found_by(self.crop)


def found_by(crop: CarriedCrop) -> str:
    """Return what tells one way of finding faces from another: `haar alt2 yunet`, `yunet`, or `as they are`."""
    if not crop.detect:
        return "as they are"
    return " ".join(str(getattr(crop, name)) for name in DETECTION) if crop.detector == "haar" else crop.detector


@dataclass(frozen=True)
class Crop:
    """The picture of a face that is kept, to embed it again: its file's bytes, and where in it the face is."""

    data: bytes
    box: Box | None = None
    """None: the picture shows one face, anywhere."""


@dataclass(frozen=True)
class Where:
    """Where a face came from."""

    path: str
    """The picture, as it was given."""
    sha256: str
    """Of its bytes."""
    box: Box | None = None
    """Where the face is in it; None: it is the face."""
    origin: str = ""
    """The id of the photo that the picture was cut from."""
    source: str = ""
    """The line of `sources.jsonl` about that photo, as JSON; empty where none is known."""

    @property
    def face_id(self) -> str:
        """The id of the face: the same picture and place give the same."""
        return hashlib.sha256(f"{self.sha256} {self.box and tuple(self.box)}".encode()).hexdigest()[:16]


@dataclass(frozen=True)
class NewFace:
    """A face to enroll."""

    where: Where
    vector: NDArray[np.float32]
    """Shape (dimensions,)."""
    crop: Crop | None = None

    @property
    def id(self) -> str:
        """The id of the face."""
        return self.where.face_id


@dataclass(frozen=True)
class KnownFace:
    """A face that is enrolled, or that somebody is not."""

    id: str
    name: str
    """The person it is, or is not."""
    where: Where
    at: str
    """When it was enrolled or decided, in UTC."""
    has_crop: bool


@dataclass(frozen=True)
class Feedback:
    """What somebody has said of an answer."""

    id: str
    """Of the answer: saying something else of it later counts instead."""
    right: bool
    person: int | None
    """The number of the person that the answer named; None: a stranger."""
    actual: int | None
    """The number of the person that it is, where that was said."""
    similarity: float | None
    answered: str
    """When the answer was given, in UTC."""


@dataclass(frozen=True)
class Person:
    """A person of a gallery."""

    number: int
    name: str
    faces: int
    denied: int = 0
    """Faces that are not this person, as somebody has decided."""


@dataclass(frozen=True)
class Rows:
    """Every face of a gallery at one generation, without its embedding."""

    generation: int
    slots: NDArray[np.int64]
    """The number of each face, ascending. No number is used twice, and a face's embedding never changes."""
    people: NDArray[np.int64]
    """The number of each one's person."""
    names: dict[int, str]
    """Number -> name."""


@dataclass(frozen=True)
class Denials:
    """The faces that somebody is not: embeddings, shape (n, dimensions), and the number of each one's person."""

    vectors: NDArray[np.float32]
    people: NDArray[np.int64]


@dataclass(frozen=True)
class Strangers:
    """Real strangers that the threshold takes into account: embeddings, and who is on each."""

    vectors: NDArray[np.float32]
    who: list[str] = field(default_factory=list)
