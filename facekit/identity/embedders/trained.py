"""A model that `facekit train` made, as an embedder: what its last layer but one says of a face."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from facekit import runs
from facekit.base import images, plugins
from facekit.base.contract import BadImage, Box, Face, Image
from facekit.faces.detectors import carried, cut_out
from facekit.identity.embedders.compare import best_threshold, distances
from facekit.networks.inputs import as_input, probabilities
from facekit.options.base import from_mapping
from facekit.options.crop import Crop
from facekit.runs import WEIGHTS, Run

DEFAULT_THRESHOLD = 0.4
"""Where the pictures that a run kept back for validation are not to be had any more."""

_BATCH = 16
_MOST = 400
"""Pictures of the validation part that decide the threshold: 79,800 pairs."""

_loading = threading.Lock()

log = logging.getLogger(__name__)


class Trained:
    """The network of a run folder without its last layer. Threads share one, and the engine has its own threads."""

    metric: Literal["euclidean", "cosine"] = "cosine"
    licence: str = "yours, and that of the weights it began with"
    accuracy: str = "see the run's own evaluation"

    def __init__(self, folder: Path) -> None:
        """Load a run. Raises FacekitError for a folder that is none, and where the extra `train` is missing."""
        self._run = runs.load(folder)
        self._crop = _crop(self._run)
        self.name = folder.resolve().name
        with _loading:
            self._network, self.version = _loaded(folder.resolve(), (folder / WEIGHTS).stat().st_mtime_ns)
        self.dimensions = int(self._network.output_shape[-1])

    def align(self, image: Image, box: Box | None = None) -> Image:
        """Return the face as the run's own pictures were cut, at its size; without a box the picture as it is."""
        if box is None:
            return as_input(image, self._run.size)
        return cut_out(image, Face(box, 0.0), self._crop)

    def embed(self, faces: Sequence[Image]) -> NDArray[np.float32]:
        """Return the vectors of faces, shape (faces, dimensions)."""
        with _loading:
            vectors = list(probabilities(self._network, faces, _BATCH))
        return np.asarray(vectors, np.float32).reshape(-1, self.dimensions)

    @cached_property
    def threshold(self) -> float:
        """The distance that best parts one person's pictures from others' in the run's validation part."""
        records = sorted(self._run.part("validation"), key=lambda record: record.id)[:_MOST]
        faces, names = [], []
        for record in records:
            try:
                faces.append(self.align(images.read(self._run.root / record.path)))
            except BadImage:
                continue
            names.append(record.label)
        apart = distances(self.metric, self.embed(faces)) if faces else np.empty((0, 0), np.float32)
        found = best_threshold(apart, names)
        if found is None:
            log.warning("%s: no pictures to find a threshold with; %s is taken", self._run.folder, DEFAULT_THRESHOLD)
        return DEFAULT_THRESHOLD if found is None else found


@cache
def _loaded(folder: Path, changed: int) -> tuple[Any, str]:
    """Return the network up to its last layer, and what its weights are known by."""
    blocks = plugins.need("facekit.networks.blocks", "a trained run as embedder")
    network = blocks.features(runs.load(folder).model())
    digest = hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
    return network, digest[:12]


def _crop(run: Run) -> Crop:
    """Return how the run's pictures were cut, at the size that its network sees."""
    cut = carried(run.info.get("crop") or {})
    values = {**cut, "input": ".", "output": ".", "size": run.size}
    return from_mapping(Crop, values, f"{run.folder / runs.MODEL}, crop")
