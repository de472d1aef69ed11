"""What pictures are labelled with, as the numbers of a model's labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from facekit.base.contract import Record
from facekit.base.names import fold
from facekit.dataset.targets import value
from facekit.runs import Target


def numbers(target: Target, records: Sequence[Record]) -> NDArray[np.int64]:
    """Return the numbers of the labels of pictures that all have one, shape (n,)."""
    return np.array([number(target, record) for record in records], np.int64)


def number(target: Target, record: Record) -> int | None:
    """Return the number of a picture's label; None without one that the model knows."""
    found = value(record, target.name)
    if found is None or found in target.labels:
        return None if found is None else target.labels.index(found)
    return next((place for place, label in enumerate(target.labels) if fold(label) == fold(found)), None)
