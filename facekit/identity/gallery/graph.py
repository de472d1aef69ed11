"""A graph of the embeddings of a very large gallery, in which usearch finds near ones without a look at each.

It only nominates: similarities are those of the embeddings themselves. It is kept in the cache of the user who asks,
never beside a gallery: usearch reads its file without checking it, and a gallery may come from a stranger. New faces
are added; after a removal it is built again, because usearch only marks what is removed.
"""

from __future__ import annotations

import hashlib
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facekit.base import plugins, weights
from facekit.base.contract import FacekitError
from facekit.base.files import locked, replace_file
from facekit.base.text import counted
from facekit.identity.embedders.metrics import Embeddings, Metric
from facekit.identity.gallery.index import Index

LEAST = 1_000_000
"""Faces from which there is a graph, if usearch is installed: below it, a look at each takes a fifth of a second."""

_FILE, _SLOTS = "graph.usearch", "graph.i64"
_AT_ONCE = 100_000

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Graph:
    """The graph of the faces of an index."""

    metric: Metric
    index: Index
    held: Any
    """An index of usearch's, whose keys are slots."""

    def nearest(self, vectors: Embeddings, count: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return rows of about the `count` nearest faces of each embedding, in no order, and their distances.

        Both have the shape (n, count). Distances are infinite where there are fewer rows, and of no embedding (NaN).
        """
        asked = np.nan_to_num(vectors.astype(np.float32))
        self.held.expansion_search = max(64, 2 * count)
        found = self.held.search(asked, count)
        slots = np.asarray(found.keys, np.int64).reshape(len(asked), -1)
        far = np.asarray(found.distances, np.float64).reshape(len(asked), -1)
        rows = np.full((len(asked), count), 0, np.int64)
        distances = np.full((len(asked), count), np.inf)
        rows[:, : slots.shape[1]] = self.index.places[np.searchsorted(self.index.rows.slots, slots)]
        distances[:, : far.shape[1]] = np.sqrt(np.maximum(far, 0)) if self.metric == "euclidean" else far
        distances[np.isnan(vectors).any(axis=1)] = np.inf
        return rows, distances


class Graphs:
    """The graph of one gallery in the cache."""

    def __init__(self, gallery: str) -> None:
        """Say whose it is: `gallery` names the gallery and its place."""
        self._key = hashlib.sha256(gallery.encode()).hexdigest()[:16]

    def forget_removed(self, index: Index) -> None:
        """Delete the graph where it holds a face that is no longer in the gallery."""
        folder = weights.where() / weights.GALLERIES / self._key
        if os.path.lexists(folder / _FILE) and not (
            len(index.places) >= LEAST and np.isin(_slots(folder), index.rows.slots).all()
        ):
            with locked(folder, wait=True):
                forget(folder)

    def of(self, index: Index, metric: Metric) -> Graph | None:
        """Return the graph of an index, brought up to date; None for a gallery that is not large, or without usearch.

        Building it takes minutes, once.
        """
        if len(index.places) < LEAST or not plugins.installed("usearch"):
            return None
        try:
            folder = weights.cache() / weights.GALLERIES / self._key
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with locked(folder, wait=True):
                return Graph(metric, index, _brought_up(index, metric, folder))
        except (OSError, FacekitError) as error:
            log.info("a search graph cannot be kept in the cache (%s); every face is looked at", error)
            return None


def _brought_up(index: Index, metric: Metric, folder: Path) -> Any:
    slots, there = index.rows.slots, _slots(folder)
    held = _read(metric, index.vectors.shape[1], folder / _FILE)
    if len(held) != len(there) or not np.isin(there, slots).all():
        held, there = _new(metric, index.vectors.shape[1]), there[:0]
    missing = np.flatnonzero(~np.isin(slots, there))
    if not len(missing):
        return held
    if len(missing) >= _AT_ONCE:
        log.info("%s go into a search graph; that takes minutes, once", counted(len(missing), "face"))
    for first in range(0, len(missing), _AT_ONCE):
        some = missing[first : first + _AT_ONCE]
        held.add(slots[some].astype(np.uint64), np.ascontiguousarray(index.vectors[index.places[some]]))
    forget(folder)  # a kill from here on leaves none, or one that does not count
    held.save(str(folder / _FILE))
    (folder / _FILE).chmod(0o600)
    replace_file(folder / _SLOTS, np.asarray(slots, "<i8").tobytes(), private=True)
    return held


def _slots(folder: Path) -> NDArray[np.int64]:
    """Return the slots of the faces that a graph holds; none where that is not known."""
    try:
        data = (folder / _SLOTS).read_bytes()
    except OSError:
        return np.empty(0, np.int64)
    return np.frombuffer(data[: len(data) // 8 * 8], "<i8").astype(np.int64)


def forget(folder: Path) -> None:
    """Delete a graph; it is built again when it is needed."""
    for name in (_SLOTS, _FILE):
        (folder / name).unlink(missing_ok=True)


def _read(metric: Metric, dimensions: int, file: Path) -> Any:
    held = _new(metric, dimensions)
    if file.is_file():
        try:
            held.load(str(file))
        except (RuntimeError, ValueError, OSError) as error:  # cut off, or of another version of usearch
            log.info("%s is built again (%s)", file, error)
            return _new(metric, dimensions)
    return held if held.ndim == dimensions else _new(metric, dimensions)


def _new(metric: Metric, dimensions: int) -> Any:
    usearch = plugins.need("usearch.index", "a search graph")
    return usearch.Index(ndim=dimensions, metric="l2sq" if metric == "euclidean" else "cos", dtype="f32")
