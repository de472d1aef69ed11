"""Check files of weights before Keras reads them, because they cannot be trusted."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from facekit.base import plugins

if TYPE_CHECKING:  # it comes with Keras, and a linear head needs neither
    import h5py

    from facekit.networks.backend import Model

SUFFIX = ".weights.h5"

Shapes = dict[str, tuple[int, ...]]
"""Place of an array in a file -> its shape."""

_LAYERS = "layers/"
"""Where Keras keeps the weights of layers. What stands elsewhere is an optimizer's."""


def read_shapes(file: Path) -> Shapes:
    """Return the shape of every array of weights in a file; the state of an optimizer and of seeds is left out.

    Nothing larger than the file is allocated, and nothing outside it is read. Raises OSError for a file that is not
    HDF5, and ValueError for one that leads elsewhere, is compressed, or holds numbers that are not finite.
    """
    if not file.is_file():  # of which HDF5 would wait for a FIFO's writer
        raise OSError("it is not a regular file")
    files = plugins.need("h5py", "a trained network")
    with files.File(file) as data:
        try:
            arrays = _arrays(data, files.Dataset)
            _check_stored(arrays, file.stat().st_size)
            for place, array in arrays.items():
                if not np.isfinite(array[()]).all():
                    raise ValueError(f"{place} holds numbers that are not finite")
            layers = {place: array for place, array in arrays.items() if place.startswith(_LAYERS)}
            return {place: array.shape for place, array in layers.items() if array.dtype.kind == "f"}
        except (RuntimeError, LookupError, TypeError) as error:  # what h5py raises for damage inside a file
            raise ValueError(str(error)) from error


def check_shapes(shapes: Shapes, needed: Iterable[tuple[int, ...]]) -> None:
    """Refuse a file whose arrays have other shapes than a network needs. Raises ValueError."""
    has, needs = Counter(shapes.values()), Counter(needed)
    if has != needs:
        shape = next(iter((needs - has) or (has - needs)))
        raise ValueError(f"{has[shape]} arrays have the shape {shape}, and the network has {needs[shape]}")


def load_weights(model: Model, file: Path, shapes: Shapes) -> None:
    """Load a file of weights into a Keras model; `shapes` are those that `read_shapes` returned.

    Raises OSError and ValueError for a file that is not of this model.
    """
    check_shapes(shapes, [tuple(weight.shape) for weight in model.weights])
    with warnings.catch_warnings():
        # Keras only warns of a layer that the file lacks, and leaves it with random weights.
        warnings.filterwarnings("error", category=UserWarning, module="keras")
        try:
            model.load_weights(file)
        except (TypeError, LookupError, AttributeError, RuntimeError, UserWarning) as error:
            raise ValueError(str(error)) from error


def _arrays(data: h5py.File, kind: type[h5py.Dataset]) -> dict[str, h5py.Dataset]:
    """Return every array of a file by its place. Raises ValueError for what Keras does not write."""
    arrays: dict[str, h5py.Dataset] = {}

    def visit(place: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, kind):
            plain = not item.external and not item.is_virtual and item.id.get_create_plist().get_nfilters() == 0
            if not plain or item.dtype.kind not in "fiu":
                raise ValueError(f"{place} is not a plain array of numbers")
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
