"""The pictures that an exported model is held against its run on: the run's own, where they are still there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from facekit.base import images
from facekit.base.contract import BadImage, Image, Record
from facekit.dataset.targets import value
from facekit.identity.classifier import Namer
from facekit.runs import Run
from facekit.runs.pictures import picture_of

HELD_OUT = "test", "validation"
"""The parts that a network learned nothing from, the better one first."""

NOISE = "random pixels, as the run's own pictures are gone"

_NOISE = 32


@dataclass(frozen=True)
class Looked:
    """What the model takes of pictures, and the number of each one's label; None for pixels drawn by chance."""

    seen: list[Image]
    truth: list[int] | None
    of: str


def held_out(run: Run, model: Namer, count: int, side: int, seed: int) -> Looked:
    """Return pictures that the run was not trained on, else others of its own, else random pixels."""
    for part in (*HELD_OUT, "train"):
        found = of_part(run, model, part, count, seed)
        if found.seen:
            return found
    rng = np.random.default_rng(seed)
    return Looked(list(rng.integers(0, 256, (min(count, _NOISE), side, side, 3), np.uint8)), None, NOISE)


def of_part(run: Run, model: Namer, part: str, count: int, seed: int) -> Looked:
    """Return pictures of one part of the run's split, drawn by chance; none where they are gone."""
    target = run.targets[0]
    number = {label: place for place, label in enumerate(run.labels)}
    seen: list[Image] = []
    truth: list[int] = []
    for record in _shuffled(run, part, seed):
        if len(seen) == count:
            break
        try:
            seen.append(model.sees(images.decode(picture_of(run, record))))
        except BadImage:
            continue
        truth.append(number[value(record, target.name) or ""])
    return Looked(seen, truth, f"its own {part} part")


def _shuffled(run: Run, part: str, seed: int) -> Sequence[Record]:
    if not run.root.is_dir():
        return []
    name = run.targets[0].name
    records = [one for one in run.part(part) if one.synthetic is None and value(one, name) in run.labels]
    records.sort(key=lambda one: one.id)
    return [records[place] for place in np.random.default_rng(seed).permutation(len(records))]
