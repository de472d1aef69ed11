"""Labels as the numbers that a model learns, and what each of them counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from facekit.base.contract import Record
from facekit.base.text import counted
from facekit.dataset.lineage import TRAIN


def class_indices(records: Sequence[Record], part: str, labels: Sequence[str]) -> tuple[list[int], list[int]]:
    """Return the indices of the records of a part, and for each of these the index of its label in `labels`."""
    index = {label: number for number, label in enumerate(labels)}
    rows = [row for row, record in enumerate(records) if record.split == part]
    return rows, [index[records[row].label] for row in rows]


def class_weights(classes: Sequence[int], count: int) -> list[float] | None:
    """Return weights that let each of `count` classes count as much as another, or None where they do already.

    Their mean over all pictures is 1, so that the learning rate keeps its meaning. Every class has pictures.
    """
    pictures = Counter(classes)
    if len({pictures[number] for number in range(count)}) == 1:
        return None
    return [len(classes) / (count * pictures[number]) for number in range(count)]


def missing_labels(labels: Sequence[str], records: Iterable[Record]) -> list[str]:
    """Return the labels without a record in the training part, sorted."""
    return sorted(set(labels) - {record.label for record in records if record.split == TRAIN})


def none_left(missing: Sequence[str], left: Mapping[str, int]) -> str:
    """Return what to say of names without a training picture: reason -> pictures of the first that are left out."""
    why = ", ".join(f"{count:,} {reason}" for reason, count in Counter(left).most_common())
    more = f", nor of {counted(len(missing) - 1, 'other')}" if len(missing) > 1 else ""
    return f"no training picture of {missing[0]} can be used{f' ({why})' if why else ''}{more}; give usable ones"
