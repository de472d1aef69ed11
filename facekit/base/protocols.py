"""The protocols of a detector and an embedder, for facekit's own and those of other packages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from facekit.base.records import Box

if TYPE_CHECKING:  # the command line's help needs no NumPy, and shows in half the time without
    import numpy as np
    from numpy.typing import NDArray

Image: TypeAlias = "NDArray[np.uint8]"
"""RGB pixels, shape (height, width, 3)."""

Points = tuple[tuple[float, float], ...]
"""Landmarks in pixels, (x, y) each, in the order that their maker gives."""


@dataclass(frozen=True, slots=True)
class Face:
    """A face found in a photo: where, and the detector's own score (higher is surer)."""

    box: Box
    score: float
    points: Points | None = None
    """Landmarks, where the detector finds them too."""


class Detector(Protocol):
    """Finds faces. Built once a thread: detectors need not be thread-safe."""

    def detect(self, image: Image) -> list[Face]:
        """Return the faces of an RGB picture, largest first, boxes in its pixels."""
        ...


class Embedder(Protocol):
    """Turns faces into vectors that are near for one person. Built once a thread; building one may be slow."""

    name: str
    version: str
    """Changes whenever the vectors of a face do: vectors that were kept on disk go by it."""
    metric: Literal["euclidean", "cosine"]
    """How two vectors are compared; vectors are as the network gives them."""
    dimensions: int
    licence: str
    """The terms of its weights."""
    accuracy: str
    """What was published of its accuracy, on which pictures and by whom."""

    @property
    def threshold(self) -> float:
        """Greatest distance (Euclidean, or one minus the cosine) at which two faces count as one person."""
        ...

    def align(self, image: Image, box: Box | None = None) -> Image:
        """Return the aligned face, shape (side, side, 3), that `embed` takes, of the face in `box`.

        `box` is as any detector draws it, around brows and chin. Without one the picture shows one face,
        alone or in its surroundings. Raises BadImage where no face can be aligned.
        """
        ...

    def embed(self, faces: Sequence[Image]) -> NDArray[np.float32]:
        """Return the vectors of aligned faces, shape (faces, dimensions)."""
        ...
