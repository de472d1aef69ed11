"""Embedders by name: registered ones, and the folders of trained runs."""

from __future__ import annotations

import threading
from pathlib import Path

from facekit import runs
from facekit.base import plugins, weights
from facekit.base.contract import Embedder, FacekitError
from facekit.scores.pairs import EmbedderCard

KIND = "embedder"


def load(name: str) -> Embedder:
    """Return an embedder: of a registered name, or of a trained run's folder.

    Raises FacekitError: no such embedder, its extra is not installed, its weights are not available.
    """
    if name not in plugins.names(KIND) and Path(name).is_dir():
        run = runs.load(Path(name))
        kind = "projected:Projected" if run.embeds and run.backbone else "trained:Trained"
        own: Embedder = plugins.resolve(f"facekit.identity.embedders.{kind}", "a trained run as embedder")(Path(name))
        return own
    embedder: Embedder = plugins.load(KIND, name)()
    return embedder


def card(embedder: Embedder) -> EmbedderCard:
    """Return what a report says of an embedder."""
    return EmbedderCard(
        embedder.name,
        embedder.version,
        embedder.metric,
        embedder.licence,
        embedder.accuracy,
        embedder.threshold,
    )


def full_name(name: str) -> str:
    """Return what an embedder is called from any folder: a registered name, or the whole path of a trained run."""
    return str(Path(name).resolve()) if name not in plugins.names(KIND) and Path(name).is_dir() else name


def available(name: str) -> bool:
    """Return whether a registered embedder can be loaded: its packages and its weights are installed."""
    part = plugins.load(KIND, name)
    files, packages = getattr(part, "files", ()), getattr(part, "packages", ())
    return plugins.installed(*packages) and all(weights.here(file) for file in files)


class PerThread:
    """One embedder for each thread that asks, built at its first call: embedders need not be thread-safe."""

    def __init__(self, name: str) -> None:
        self._name, self._local = name, threading.local()

    def __call__(self) -> Embedder:
        """Return this thread's embedder. Raises FacekitError as `load` does."""
        if not hasattr(self._local, "embedder"):
            self._local.embedder = load(self._name)
        embedder: Embedder = self._local.embedder
        return embedder


def check_version(name: str, here: str, asked: str) -> None:
    """Refuse an embedder that is here in another version than where the work comes from. Raises FacekitError."""
    if here != asked:
        raise FacekitError(
            f"the embedder {name} of a worker is version {here}, and {asked} is asked for; have the same weights on "
            "all machines"
        )


_held = threading.local()


def of_this_thread(name: str, version: str) -> Embedder:
    """Return this thread's embedder of a name: the one of its last call, so that a worker loads it once.

    Raises FacekitError as `load` does, and for one that is here in another version than where the work comes from.
    """
    if getattr(_held, "key", None) != (name, version):
        embedder = load(name)
        check_version(name, embedder.version, version)
        _held.embedder, _held.key = embedder, (name, version)
    held: Embedder = _held.embedder
    return held
