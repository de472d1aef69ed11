"""How an image becomes a network's input, and how a model is asked for many at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from facekit.base import images
from facekit.base.contract import BadImage, Image, Record
from facekit.base.parallel import Jobs, ordered_map

if TYPE_CHECKING:  # pictures are read where Keras is not installed, too
    from facekit.networks.backend import Model


def as_input(image: Image, size: int) -> Image:
    """Return what a network of that input size sees of a face: squared by repeating edges, then scaled."""
    return images.resize(images.cut(image, images.square(images.whole(image), 0)), size)


def probabilities(model: Model, pictures: Iterable[Image], batch: int) -> Iterator[NDArray[np.float32]]:
    """Yield the model's probabilities, shape (classes,), for each picture of its input size, in order."""
    pictures = iter(pictures)
    while some := list(islice(pictures, batch)):
        stacked = np.stack(some)
        short = batch - len(some)
        # The last batch is filled up: another shape would make the engine compile the network again.
        filled = np.concatenate([stacked, np.zeros((short, *stacked.shape[1:]), np.uint8)]) if short else stacked
        yield from np.asarray(model.predict_on_batch(filled))[: len(some)]


def decoded(
    root: Path, records: Iterable[Record], size: int, jobs: Jobs = 0
) -> Iterator[tuple[Record, Image | BadImage]]:
    """Yield each record with its picture at size x size, or with the reason why there is none."""
    records = list(records)
    results = ordered_map(partial(_decode, root.absolute(), size), records, jobs)
    return zip(records, results, strict=True)


def _decode(root: Path, size: int, record: Record) -> Image | BadImage:
    try:
        return as_input(images.read(root / record.path), size)
    except BadImage as error:
        return error
