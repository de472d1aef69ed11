"""Take names out of the last layer of a trained network: its file of weights is written again without them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from facekit.base import plugins
from facekit.base.files import guarded
from facekit.base.opening import open_new
from facekit.runs.weights import read_shapes

_DENSE = re.compile(r"(layers/.+)/vars/0")


def narrow(file: Path, kept: Sequence[int], of: int) -> bool:
    """Leave of the `of` outputs of a network only those of these numbers; return whether that could be done.

    What was done already is not done again. The file is replaced whole or not at all. False where it is not clear which
    layer is the last. Raises OSError and ValueError for a file that is not one of weights.
    """
    shapes = read_shapes(file)
    if _last(shapes, of) is None:
        return _last(shapes, len(kept)) is not None
    layer = _last(shapes, of)
    files = plugins.need("h5py", "a trained network")
    part = file.with_name(f".part-{file.name}")
    with guarded(file):
        part.unlink(missing_ok=True)
        with file.open("rb") as source, open_new(part) as target:
            shutil.copyfileobj(source, target)
        with files.File(part, "r+") as data:
            for name in ("0", "1"):
                place = f"{layer}/vars/{name}"
                left = np.take(data[place][()], list(kept), axis=-1)
                del data[place]
                data[place] = left
        # HDF5 leaves what was deleted in the file as a hole, so it is written once more, without holes.
        _copied(files, part, file.with_name(f".part2-{file.name}"))
        file.with_name(f".part2-{file.name}").replace(file)
        part.unlink()
    return True


def _copied(files: object, source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    with files.File(source, "r") as old, files.File(target, "w") as new:  # type: ignore[attr-defined]
        for name, value in old.attrs.items():
            new.attrs[name] = value
        for name in old:
            old.copy(name, new)


def _last(shapes: dict[str, tuple[int, ...]], outputs: int) -> str | None:
    """Return where the last layer is: of all that have so many outputs the one that Keras numbers highest."""
    found = []
    for place, shape in shapes.items():
        match = _DENSE.fullmatch(place)
        if match and len(shape) == 2 and shape[1] == outputs and shapes.get(f"{match[1]}/vars/1") == (outputs,):
            found.append(match[1])
    dense = [match[1] for place in shapes if (match := _DENSE.fullmatch(place)) and len(shapes[place]) == 2]
    last = max(dense, key=_number, default=None)
    return last if last in found else None


def _number(layer: str) -> int:
    number = layer.rpartition("_")[2]
    return int(number) if number.isdigit() else 0
