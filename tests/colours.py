"""An embedder whose vectors are colours: the pictures of `patches` are told apart by them, in milliseconds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pytest
from numpy.typing import NDArray

from facekit.base import images, plugins
from facekit.base.contract import Box, Image

NAME = "colours"


class Colours:
    """The mean colour of a picture."""

    name: str = NAME
    version: str = "1"
    metric: Literal["euclidean", "cosine"] = "euclidean"
    dimensions: int = 3
    licence: str = "CC0 1.0"
    accuracy: str = "none published"
    threshold: float = 0.2

    def align(self, image: Image, box: Box | None = None) -> Image:
        """Return the picture at 16x16."""
        return images.resize(image, 16)

    def embed(self, faces: Sequence[Image]) -> NDArray[np.float32]:
        """Return the mean colours, shape (faces, 3)."""
        return np.asarray([face.mean(axis=(0, 1)) / 255 for face in faces], np.float32).reshape(-1, 3)


@pytest.fixture
def colours(monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of the embedder, registered as one of another package is."""
    monkeypatch.setitem(plugins.PARTS["embedder"], NAME, "colours:Colours")
    return NAME
