"""A projection of embeddings: a matrix, stored as a plain array, so that loading runs no code."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facekit.runs.arrays import read_arrays, write_arrays

Matrix = NDArray[np.float32]
"""From embeddings to embeddings, shape (dimensions, dimensions)."""


def write(file: Path, matrix: Matrix) -> None:
    """Write a projection, whole or not at all. Raises FacekitError where the disk is full."""
    write_arrays(file, {"weights": np.asarray(matrix, "<f4")})


def read(file: Path, dimensions: int, outputs: int) -> Matrix:
    """Read what `write` wrote, from so many dimensions to so many outputs.

    Nothing larger is allocated. Raises FacekitError for a file that is gone, is none or is one of another shape, and
    for numbers that are not finite.
    """
    return np.asarray(
        read_arrays(file, {"weights": ("<f4", (dimensions, outputs))}, "a projection")["weights"], np.float32
    )
