"""A model that `facekit train` made, used as an embedder: the output of its penultimate layer."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import replace
from functools import cache, cached_property
from math import isfinite, nan
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from facekit import runs
from facekit.base import images, plugins
from facekit.base.contract import BadImage, Box, Face, Image
from facekit.base.files import sha256_of
from facekit.faces.detectors import cut_out
from facekit.identity.embedders.backbone import VERSION_DIGITS
from facekit.identity.embedders.metrics import distances
from facekit.networks.inputs import as_input, probabilities
from facekit.runs.pictures import picture_of
from facekit.scores.verification import best_threshold

DEFAULT_THRESHOLD = 0.4
"""Used where the pictures of a run's validation part are gone."""

_BATCH = 16
_MOST = 400
"""Pictures of the validation part that decide the threshold: 79,800 pairs."""

_loading = threading.Lock()

log = logging.getLogger(__name__)


class Trained:
    """The network of a run folder, without the layer that names.

    Threads share one, and the engine has its own threads.
    """

    metric: Literal["euclidean", "cosine"] = "cosine"
    licence: str = "yours, and that of the weights it began with"
    accuracy: str = "see the run's own evaluation"

    def __init__(self, folder: Path) -> None:
        """Load a run. Raises FacekitError for a folder that is none, and where the extra `train` is missing."""
        self._run = runs.load(folder)
        self._crop = replace(self._run.face_crop, size=self._run.size)
        self.name = folder.resolve().name
        with _loading:
            self._network, self.version = _loaded(folder.resolve(), self._run.weights().stat().st_mtime_ns)
        self.dimensions = int(self._network.output_shape[-1])

    def align(self, image: Image, box: Box | None = None) -> Image:
        """Return the face as the run's own pictures were cropped, at its size; without a box the picture as it is."""
        if box is None:
            return as_input(image, self._run.size)
        return cut_out(image, Face(box, 0.0), self._crop)

    def embed(self, faces: Sequence[Image]) -> NDArray[np.float32]:
        """Return the embeddings of faces, shape (faces, dimensions)."""
        with _loading:
            vectors = list(probabilities(self._network, faces, _BATCH))
        return np.asarray(vectors, np.float32).reshape(-1, self.dimensions)

    @cached_property
    def threshold(self) -> float:
        """The distance that best separates one person's pictures from others' in the run's validation part."""
        if self._run.info.embeds is not None:
            return self._run.info.embeds.threshold
        records = sorted(self._run.part("validation"), key=lambda record: record.id)[:_MOST]
        faces, names = [], []
        for record in records:
            try:
                faces.append(self.align(images.decode(picture_of(self._run, record))))
            except BadImage:
                continue
            names.append(record.label)
        threshold = self._best_threshold(faces, np.asarray(names))
        if not isfinite(threshold):
            log.warning("%s: no pictures to find a threshold with; %s is used", self._run.folder, DEFAULT_THRESHOLD)
        return threshold if isfinite(threshold) else DEFAULT_THRESHOLD

    def _best_threshold(self, faces: Sequence[Image], names: NDArray[np.str_]) -> float:
        first, second = np.triu_indices(len(names), 1)
        if not len(first):
            return nan
        far = distances(self.metric, self.embed(faces))[first, second]
        finite = np.isfinite(far)
        return best_threshold(far[finite], (names[first] == names[second])[finite], balanced=True)


@cache
def _loaded(folder: Path, changed: int) -> tuple[Any, str]:
    """Return the network up to the layer that names, if it has one, and the start of its weights' SHA-256."""
    blocks = plugins.need("facekit.networks.blocks", "a trained run as embedder")
    run = runs.load(folder)
    network = run.model() if run.embeds else blocks.features(run.model())
    return network, sha256_of(run.weights())[:VERSION_DIGITS]
