"""Trees of small pictures for the tests of training: a name is a colour, a photo a random texture in it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from facekit import runs
from facekit.base import images
from facekit.base.contract import Image, Record, replace
from facekit.base.files import replace_lines
from facekit.dataset import MANIFEST

COLOURS = ((230, 60, 40), (40, 200, 80), (50, 90, 240), (220, 200, 40))
SPLIT = ("train",) * 8 + ("test",) * 3 + ("validation",) * 3


def patch(label: int, seed: int, side: int = 40) -> Image:
    """Draw one picture: a coarse random texture in the label's colour."""
    rng = np.random.default_rng([label, seed])
    texture = cv2.resize(rng.random((6, 6)), (side, side), interpolation=cv2.INTER_CUBIC)[..., None]
    return np.clip(np.array(COLOURS[label]) * (0.4 + 0.8 * texture), 0, 255).astype(np.uint8)


def tree(root: Path, labels: int = 3, split: Sequence[str | None] | None = SPLIT, photos: int = 14) -> Path:
    """Write a tree of PNGs; with a split (one part a photo) also its manifest."""
    records = []
    for label in range(labels):
        name = f"person{label}"
        (root / name).mkdir(parents=True)
        for number in range(len(split) if split else photos):
            data = images.encode_png(patch(label, number))
            digest = hashlib.sha256(data).hexdigest()
            path = f"{name}/{digest[:16]}.png"
            (root / path).write_bytes(data)
            part = split[number] if split else None
            records.append(Record(digest, digest, path, name, name.title(), digest, group=digest, split=part))
    if split:
        replace_lines(root / MANIFEST, (record.to_json() for record in records))
    return root


def edit(run: Path, **changes: Any) -> None:
    """Write other values into the `model.json` of a run."""
    loaded = runs.load(run)
    loaded.save(replace(loaded.info, **changes))


def move(run: Path, root: Path) -> None:
    """Let a run say that its pictures are in another folder."""
    edit(run, dataset=replace(runs.load(run).info.dataset, root=str(root)))
