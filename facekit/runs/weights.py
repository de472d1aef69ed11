"""Files of weights, looked at before Keras reads them: a stranger may have made them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from facekit.base import plugins
from facekit.base.contract import FacekitError

if TYPE_CHECKING:  # it comes with Keras, and a linear head needs neither
    import h5py

SUFFIX = ".weights.h5"

Shapes = dict[str, tuple[int, ...]]
"""Place of an array in a file -> its shape."""

_LAYERS = "layers/"
"""Where Keras keeps the weights of layers. What stands elsewhere is an optimizer's."""


def read_shapes(file: Path, hint: str) -> Shapes:
    """Return the shape of every array of a network's weights in a file.

    Nothing larger than the file is allocated, and nothing outside it is read. Raises FacekitError, which ends in
    `hint`, for a file that is not HDF5, leads elsewhere, is compressed, or holds numbers that are not finite.
    """
    files = plugins.need("h5py", "a trained network")
    try:
        with files.File(file) as data:
            arrays = _arrays(data, files.Dataset)
            _check_stored(arrays, file.stat().st_size)
            for place, array in arrays.items():
                if not np.isfinite(array[()]).all():
                    raise ValueError(f"{place} holds numbers that are not finite")
            return {place: array.shape for place, array in arrays.items() if place.startswith(_LAYERS)}
    except (OSError, RuntimeError, KeyError) as error:
        reason = str(error).partition("\n")[0]
        raise FacekitError(f"{file} is not a file of weights ({reason}); {hint}") from error
    except ValueError as error:
        raise FacekitError(f"{file}: {error}; {hint}") from None


def _arrays(data: h5py.File, kind: type[h5py.Dataset]) -> dict[str, h5py.Dataset]:
    """Return every array of a file by its place. Raises ValueError for what Keras does not write."""
    arrays: dict[str, h5py.Dataset] = {}

    def visit(place: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, kind):
            plain = not item.external and not item.is_virtual and item.id.get_create_plist().get_nfilters() == 0
            if not plain or item.dtype.kind not in ("f" if place.startswith(_LAYERS) else "fiu"):
                raise ValueError(f"{place} is no plain array of numbers")
            arrays[place] = item

    data.visititems(visit)  # which follows no links out of the file
    return arrays


def _check_stored(arrays: dict[str, h5py.Dataset], size: int) -> None:
    """Refuse arrays that claim more numbers than the file holds. Raises ValueError."""
    for place, array in arrays.items():
        if array.id.get_storage_size() < array.nbytes:
            raise ValueError(f"{place} claims {array.nbytes} bytes that are not in the file")
    claimed = sum(array.nbytes for array in arrays.values())
    if claimed > size:
        raise ValueError(f"its arrays claim {claimed} bytes, and the file has {size}")
