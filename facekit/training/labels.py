"""Labels as the numbers that a model learns, and what each of them counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from facekit.base.contract import Record
from facekit.base.text import counted
from facekit.dataset.lineage import TRAIN
from facekit.dataset.targets import value
from facekit.options.targets import IDENTITY
from facekit.runs import Target

NO_LABEL = -1
"""Stands for the number of a label where a picture has none."""


def class_indices(
    records: Sequence[Record], part: str, targets: Sequence[Target]
) -> tuple[list[int], NDArray[np.int64]]:
    """Return the indices of the records of a part, and the numbers of their labels, shape (n, targets).

    A picture without a label for a target, or with one that training does not have, has NO_LABEL there.
    """
    index = [{label: number for number, label in enumerate(target.labels)} for target in targets]
    rows = [row for row, record in enumerate(records) if record.split == part]
    found = [
        [
            known.get(value(records[row], target.name) or "", NO_LABEL)
            for known, target in zip(index, targets, strict=True)
        ]
        for row in rows
    ]
    return rows, np.array(found, np.int64).reshape(len(rows), len(targets))


def picture_weights(classes: NDArray[np.int64], sizes: Sequence[int], even: bool) -> NDArray[np.float32] | None:
    """Return how much each label of each picture counts, shape (n, targets), or None where all count the same.

    One that is missing counts nothing, and the others of its target as much more: their mean over all pictures is 1,
    however few there are. With `even`, each class of a target counts as much as another.
    """
    columns = [_column(classes[:, number], count, even) for number, count in enumerate(sizes)]
    if all((column == 1).all() for column in columns):
        return None
    return np.stack(columns, axis=1).astype(np.float32)


def _column(classes: NDArray[np.int64], count: int, even: bool) -> NDArray[np.float64]:
    there = classes != NO_LABEL
    weights = np.zeros(len(classes))
    if not there.any():
        return weights
    known = classes[there]
    each = class_weights(known.tolist(), count) if even else None
    weights[there] = (1.0 if each is None else np.array(each)[known]) * (len(classes) / len(known))
    return weights


def class_weights(classes: Sequence[int], count: int) -> list[float] | None:
    """Return weights that let each of `count` classes count as much as another, or None where they do already.

    Their mean over all pictures is 1, so that the learning rate keeps its meaning. Every class has pictures.
    """
    pictures = Counter(classes)
    if len({pictures[number] for number in range(count)}) == 1:
        return None
    return [len(classes) / (count * pictures[number]) for number in range(count)]


def missing_labels(labels: Sequence[str], records: Iterable[Record], target: str = IDENTITY) -> list[str]:
    """Return the labels of a target without a record in the training part, sorted."""
    return sorted(set(labels) - {value(record, target) or "" for record in records if record.split == TRAIN})


def none_left(missing: Sequence[str], left: Mapping[str, int]) -> str:
    """Return what to say of names without a training picture: reason -> pictures of the first that are left out."""
    why = ", ".join(f"{count:,} {reason}" for reason, count in Counter(left).most_common())
    more = f", nor of {counted(len(missing) - 1, 'other')}" if len(missing) > 1 else ""
    return f"no training picture of {missing[0]} can be used{f' ({why})' if why else ''}{more}; give usable ones"
