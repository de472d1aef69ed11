"""The known faces of a model: embeddings of the pictures that it was trained on. They are biometric templates."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facekit.base.contract import FacekitError
from facekit.runs.arrays import read_arrays, write_arrays


@dataclass(frozen=True)
class KnownVectors:
    """Embeddings, shape (faces, dimensions), and the number of each one's name, shape (faces,)."""

    vectors: NDArray[np.float32]
    classes: NDArray[np.int32]

    def write(self, file: Path) -> None:
        """Write the gallery, whole or not at all, for its owner alone. Raises FacekitError where the disk is full."""
        arrays = {"vectors": np.asarray(self.vectors, "<f4"), "classes": np.asarray(self.classes, "<i4")}
        write_arrays(file, arrays, private=True)

    @classmethod
    def read(cls, file: Path, faces: int, dimensions: int, names: int) -> KnownVectors:
        """Read what `write` wrote, of so many faces, dimensions and names.

        Nothing larger is allocated. Raises FacekitError for a file that is gone, is no gallery or is one of another
        shape, and for numbers that no gallery has.
        """
        shapes = {"vectors": ("<f4", (faces, dimensions)), "classes": ("<i4", (faces,))}
        arrays = read_arrays(file, shapes, "a gallery")
        classes = arrays["classes"]
        if faces and not (classes.min() >= 0 and classes.max() < names):
            raise FacekitError(f"{file} has faces of names that the model does not know; train again with --overwrite")
        return cls(arrays["vectors"], classes)
