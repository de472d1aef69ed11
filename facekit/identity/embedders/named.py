"""Embedders by name: registered ones, and the folders of trained runs."""

from __future__ import annotations

import threading
from pathlib import Path

from facekit.base import plugins
from facekit.base.contract import Embedder
from facekit.identity.embedders.trained import Trained

KIND = "embedder"


def load(name: str) -> Embedder:
    """Return an embedder: of a registered name, or a trained run's folder.

    Raises FacekitError: no such embedder, its extra is not installed, its weights cannot be had.
    """
    if name not in plugins.names(KIND) and Path(name).is_dir():
        return Trained(Path(name))
    embedder: Embedder = plugins.load(KIND, name)()
    return embedder


class Own:
    """An embedder for each thread that asks, built when it first does: embedders need not be safe to share."""

    def __init__(self, name: str) -> None:
        self._name, self._here = name, threading.local()

    def __call__(self) -> Embedder:
        """Return this thread's. Raises FacekitError as `load` does."""
        if not hasattr(self._here, "embedder"):
            self._here.embedder = load(self._name)
        embedder: Embedder = self._here.embedder
        return embedder
