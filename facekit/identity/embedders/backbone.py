"""The embedder that a run stands on: `model.json` names it, and cannot be trusted."""

from __future__ import annotations

from pathlib import Path

from facekit.base import plugins
from facekit.base.contract import FacekitError
from facekit.base.files import sha256_of
from facekit.dataset.records import own_file
from facekit.identity.embedders.registry import KIND, load
from facekit.runs import PROJECTION, WEIGHTS, Backbone, Run

VERSION_DIGITS = 12
"""Of the SHA-256 of a network's weights: the version of the embedder that it is."""

_MOST = 4 << 30
"""Bytes of a network's weights; facekit's largest network has a tenth of it."""


def described(name: str) -> Backbone:
    """Return what a run records of an embedder. Raises FacekitError where it cannot be had."""
    embedder = load(name)
    return Backbone(
        name=name,
        version=embedder.version,
        metric=embedder.metric,
        dimensions=embedder.dimensions,
        licence=embedder.licence,
    )


def backbone_of(run: Run) -> str | None:
    """Return the embedder that a run is a head or a projection on, by its name or its whole path; None without one.

    A path may name any folder. It is opened as a trained run only if its weights have the hash that the run has of
    them: so it leads to the network that the run was fitted to, or nowhere. Raises FacekitError.
    """
    backbone = run.info.backbone
    if backbone is None:
        return None
    if Path(backbone.name).is_absolute():
        if not is_there(backbone):
            what = "projection of" if run.embeds else "linear head on"
            raise FacekitError(
                f"{run.folder} is a {what} the network in {backbone.name}, which is gone or has been trained "
                "again since; put it back, or train again"
            )
    elif backbone.name not in plugins.names(KIND):
        plugins.load(KIND, backbone.name)  # which says what there is
    return backbone.name


def is_there(embedder: Backbone) -> bool:
    """Whether a trained run that is named by its whole path still is the embedder that it is said to be."""
    folder = Path(embedder.name)
    return folder.is_absolute() and version_of(folder) == embedder.version


def version_of(folder: Path) -> str | None:
    """Return the version of the embedder that a trained run is; None where there are no weights to be read."""
    for file in (folder / WEIGHTS, folder / PROJECTION):
        try:
            if file.stat().st_size <= _MOST:
                return sha256_of(own_file(file))[:VERSION_DIGITS]
        except (OSError, ValueError, FacekitError):
            continue
    return None
