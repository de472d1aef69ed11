"""A run's network as programs take it: uint8 faces in, probabilities out, and the embeddings of a linear head."""

from __future__ import annotations

import errno
import io
import logging
import os
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np

from facekit.base.contract import FacekitError
from facekit.networks.backend import Model, hushed, keras
from facekit.networks.blocks import features
from facekit.runs.export.about import FACES, PROBABILITIES, VECTORS
from facekit.runs.head import Head

Tensors = Any


def of_network(model: Model) -> Model:
    """Return a trained network that takes uint8 pixels, shape (n, side, side, 3), and gives probabilities."""
    faces = _faces(model)
    return _called(keras.Model(faces, {PROBABILITIES: model(keras.ops.cast(faces, "float32"))}, name=model.name))


def of_head(base: Model, head: Head) -> Model:
    """Return a linear head on a trained network: uint8 pixels in; probabilities and embeddings out."""
    faces = _faces(base)
    vectors = features(base)(keras.ops.cast(faces, "float32"))
    dense = keras.layers.Dense(len(head.bias), name="head_scores")
    answers = _shares(dense(vectors), head.sizes)
    model = keras.Model(faces, {PROBABILITIES: answers, VECTORS: vectors}, name=base.name)
    dense.set_weights([head.weights, head.bias])
    return _called(model)


def _shares(scores: Tensors, sizes: Sequence[int]) -> Tensors:
    """Return the probabilities of each target one after another."""
    ends = np.cumsum(sizes)[:-1].tolist()
    parts = keras.ops.split(scores, ends, axis=-1) if ends else [scores]
    shares = [keras.ops.softmax(part) for part in parts]
    return keras.ops.concatenate(shares, axis=-1) if ends else shares[0]


@contextmanager
def quietly() -> Iterator[None]:
    """Keep what converters print, and their warnings to their own authors, from the terminal, and from a pipe."""
    with warnings.catch_warnings(), hushed(), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        before = logging.root.manager.disable
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(before)


@contextmanager
def converting(folder: Path) -> Iterator[None]:
    """Have a converter work quietly, and write all that it writes into a folder.

    Raises FacekitError where the folder's disk is full.
    """
    with quietly():
        usual, tempfile.tempdir = tempfile.tempdir, str(folder)
        try:
            yield
        except Exception as error:  # noqa: BLE001 - each library's C++ code has errors of its own for a full disk
            if not _is_for_want_of_space(error, folder):
                raise
            raise FacekitError(
                f"no space left to write {folder}; free some space, or set FACEKIT_CACHE to a folder of another disk, "
                "and run the same command again"
            ) from error
        finally:
            tempfile.tempdir = usual


def _is_for_want_of_space(error: Exception, folder: Path) -> bool:
    """Return whether a full disk is the reason: as the error says, or as the disk does, where it does not."""
    disk = os.statvfs(folder)
    return os.strerror(errno.ENOSPC) in str(error) or disk.f_bavail * disk.f_frsize < _LEFT


_LEFT = 1 << 20
"""Bytes that are still free on a full disk: libraries write in large pieces, and the last of them has no room."""


def _faces(model: Model) -> Tensors:
    return keras.Input(model.input_shape[1:], dtype="uint8", name=FACES)


def _called(model: Model) -> Model:
    """Return a model that has been called once, which Keras asks for before it exports one."""
    model(np.zeros((1, *model.input_shape[1:]), np.uint8))
    return model
