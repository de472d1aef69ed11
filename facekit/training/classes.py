"""Labels as the numbers that a model learns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from facekit.base.contract import Record

TRAIN, VALIDATION = "train", "validation"


def numbered(records: Sequence[Record], part: str, labels: Sequence[str]) -> tuple[list[int], list[int]]:
    """Return the places of a part's records, and the number that each one's label has among `labels`."""
    number = {label: place for place, label in enumerate(labels)}
    places = [place for place, record in enumerate(records) if record.split == part]
    return places, [number[records[place].label] for place in places]


def evened(classes: Sequence[int], count: int) -> list[float] | None:
    """Return weights by which each of `count` classes counts as much as another, or None where they do already.

    Their mean over all pictures is 1, so that the learning rate keeps its meaning. Every class has pictures.
    """
    found = Counter(classes)
    if len({found[number] for number in range(count)}) == 1:
        return None
    return [len(classes) / (count * found[number]) for number in range(count)]
