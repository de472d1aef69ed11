"""Read files of plain arrays without running code, and without allocating more than the file should hold."""

from __future__ import annotations

import io
import tokenize
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from facekit.base.contract import FacekitError
from facekit.base.files import guarded, read_bytes, replace_file
from facekit.runs.run import MODEL, held

Array = NDArray[Any]

Shapes = Mapping[str, tuple[str, tuple[int, ...]]]
"""Name -> the type, such as `<f4`, and the shape that an array must have."""

_OVERHEAD = 1 << 16
"""Most bytes of a file that are not its numbers."""

_GARBLED = (
    *(OSError, ValueError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile),
    *(SyntaxError, tokenize.TokenError, MemoryError),
)
"""What `zipfile` raises for bytes that only begin like an archive, and NumPy for a header that is no literal."""

_AGAIN = "train again with --overwrite"


def write_arrays(file: Path, arrays: Mapping[str, Array], private: bool = False) -> None:
    """Write arrays by name, whole or not at all; a `private` file is its owner's alone to read.

    Raises FacekitError where the disk is full.
    """
    data = io.BytesIO()
    np.savez(data, allow_pickle=False, **arrays)
    with guarded(file):
        replace_file(file, data.getvalue(), private)


def read_arrays(file: Path, shapes: Shapes, what: str) -> dict[str, Array]:
    """Read the arrays that `write_arrays` wrote, each of its type and shape.

    Nothing larger than such arrays is allocated. Raises FacekitError for a file that is gone, is not `what`, or holds
    arrays of another shape, and for numbers that are not finite.
    """
    size = sum(np.dtype(kind).itemsize * int(np.prod(shape, dtype=object)) for kind, shape in shapes.values())
    data = read_bytes(held(file), size + _OVERHEAD)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as stored:
            arrays = {name: _read(stored, name, *expected) for name, expected in shapes.items()}
    except _OtherShape:
        raise FacekitError(f"{file} does not match its {MODEL}; {_AGAIN}") from None
    except _GARBLED as error:
        raise FacekitError(f"{file} is not {what} that facekit wrote ({error}); {_AGAIN}") from error
    if not all(np.isfinite(array).all() for array in arrays.values()):
        raise FacekitError(f"{file} holds numbers that are not finite; {_AGAIN}")
    return arrays


class _OtherShape(Exception):
    """An array has another shape than `model.json` asks for."""


def _read(stored: zipfile.ZipFile, name: str, kind: str, shape: tuple[int, ...]) -> Array:
    """Return one array, uncompressed, of that type and shape. Raises ValueError, or `_OtherShape`."""
    entry = stored.getinfo(f"{name}.npy")
    if entry.compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"{name} is compressed")
    with stored.open(entry) as file:
        if npy.read_magic(file) != (1, 0):
            raise ValueError(f"{name} is of another version of NumPy's format")
        actual, by_columns, found = npy.read_array_header_1_0(file)
        if found != np.dtype(kind):
            raise ValueError(f"{name} is of type {found}")
        if actual != shape:
            raise _OtherShape
        data = file.read(found.itemsize * int(np.prod(shape)))
    return np.frombuffer(data, kind).reshape(shape, order="F" if by_columns else "C")
