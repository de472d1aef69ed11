"""A projection of a frozen embedder that `facekit train --objective` learned, as an embedder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from facekit import runs
from facekit.base.contract import Box, FacekitError, Image
from facekit.base.files import sha256_of
from facekit.identity.embedders import registry
from facekit.identity.embedders.backbone import VERSION_DIGITS, backbone_of
from facekit.runs import PROJECTION, projection


class Projected:
    """The embedder that a run stands on, and the matrix that turns its embeddings into the run's own.

    It loads no Keras. Not thread-safe where that embedder is not.
    """

    metric: Literal["euclidean", "cosine"] = "cosine"
    accuracy: str = "see the run's own evaluation"

    def __init__(self, folder: Path) -> None:
        """Load a run, and what it stands on. Raises FacekitError where either is gone or has changed."""
        run = runs.load(folder)
        about, embeds = run.info.backbone, run.info.embeds
        if about is None or embeds is None:
            raise FacekitError(f"{folder} is no projection of an embedder; give a run that `train --objective` made")
        self._base = registry.load(str(backbone_of(run)))
        if (about.version, about.dimensions) != (self._base.version, self._base.dimensions):
            raise FacekitError(f"{folder} was trained on embeddings that {about.name} no longer gives; train again")
        self._matrix = projection.read(folder / PROJECTION, about.dimensions, embeds.dimensions)
        self.name = folder.resolve().name
        self.version = sha256_of(folder / PROJECTION)[:VERSION_DIGITS]
        self.dimensions = embeds.dimensions
        self.threshold = embeds.threshold
        self.licence = f"yours, and that of {about.name}: {self._base.licence}"

    def align(self, image: Image, box: Box | None = None) -> Image:
        """Return the face as the embedder below takes it. Raises BadImage where that does."""
        return self._base.align(image, box)

    def embed(self, faces: Sequence[Image]) -> NDArray[np.float32]:
        """Return the embeddings of aligned faces, shape (faces, dimensions)."""
        return np.asarray(self._base.embed(faces) @ self._matrix, np.float32)
