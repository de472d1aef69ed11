"""Pictures for training, decoded once: one memory map of uint8 at the training size."""

from __future__ import annotations

import logging
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facekit import images
from facekit.contract import BadImage, FacekitError, Image, Record, Track, quiet
from facekit.dataset.lines import guarded
from facekit.parallel import ordered_map

log = logging.getLogger(__name__)

Pixels = NDArray[np.uint8]
"""RGB pictures, shape (n, size, size, 3)."""


@dataclass(frozen=True)
class Pack:
    """Decoded pictures: `pixels[i]` is what `records[i]` shows; `left` counts the unreadable by reason."""

    pixels: Pixels
    records: list[Record]
    left: Counter[str] = field(default_factory=Counter)


def pack(root: Path, records: Sequence[Record], size: int, file: Path, jobs: int = 0, track: Track = quiet) -> Pack:
    """Decode pictures once into `file`, and return them as a memory map that costs no memory.

    The file holds nothing but pixels: it is a cache, to be deleted with the work it serves.
    Raises FacekitError when the disk has no room, before anything is decoded, or no picture is readable.
    """
    _check_room(file, len(records) * size * size * 3)
    good: list[Record] = []
    left: Counter[str] = Counter()
    # Written, not mapped, while it grows: a full disk is then an error and not the death of the process.
    with guarded(file), file.open("wb") as out:
        for record, result in track(decoded(root, records, size, jobs), "pack", total=len(records)):
            if isinstance(result, BadImage):
                left[result.reason] += 1
                log.info("%s is left out: %s", root / record.path, result.reason)
                continue
            out.write(result.tobytes())
            good.append(record)
    if not good:
        raise FacekitError(f"{root}: none of {len(records)} pictures can be read; give pictures that can")
    return Pack(np.memmap(file, np.uint8, "r", shape=(len(good), size, size, 3)), good, left)


def decoded(
    root: Path, records: Iterable[Record], size: int, jobs: int = 0
) -> Iterator[tuple[Record, Image | BadImage]]:
    """Yield each record with its picture at size x size, or with the reason why there is none."""
    records = list(records)
    results = ordered_map(partial(_decode, root, size), records, jobs)
    return zip(records, results, strict=True)


def as_input(image: Image, size: int) -> Image:
    """Return what a network of that input size sees of a face: squared by repeating edges, then scaled."""
    return images.resize(images.cut(image, images.square(images.whole(image), 0)), size)


def probabilities(model: Any, pictures: Iterable[Image], batch: int) -> Iterator[NDArray[np.float32]]:
    """Yield the model's probabilities, shape (classes,), for each picture of its input size, in order."""
    pictures = iter(pictures)
    while some := list(islice(pictures, batch)):
        stacked = np.stack(some)
        short = batch - len(some)
        # The last batch is filled up: another shape would make the engine compile the network again.
        filled = np.concatenate([stacked, np.zeros((short, *stacked.shape[1:]), np.uint8)]) if short else stacked
        yield from np.asarray(model.predict_on_batch(filled))[: len(some)]


def _decode(root: Path, size: int, record: Record) -> Image | BadImage:
    try:
        return as_input(images.read(root / record.path), size)
    except BadImage as error:
        return error


def _check_room(file: Path, needed: int) -> None:
    free = shutil.disk_usage(file.parent).free
    if free < needed:
        raise FacekitError(
            f"{file.parent} has {free / 1e9:.1f} GB free and the packed pictures need {needed / 1e9:.1f} GB; "
            "free some, or train at a smaller --size"
        )
