"""The embedder that a linear head was fitted to: `model.json` names it, and cannot be trusted."""

from __future__ import annotations

from pathlib import Path

from facekit.base import plugins
from facekit.base.contract import FacekitError
from facekit.base.files import sha256_of
from facekit.dataset.records import own_file
from facekit.identity.embedders.registry import KIND
from facekit.runs import WEIGHTS, Run

VERSION_DIGITS = 12
"""Of the SHA-256 of a network's weights: the version of the embedder that it is."""

_MOST = 4 << 30
"""Bytes of a network's weights; facekit's largest network has a tenth of it."""


def backbone_of(run: Run) -> str | None:
    """Return the embedder that a run is a linear head on, by its name or its whole path; None where it is none.

    A path may name any folder. It is opened as a trained run only if its weights have the hash that the head has of
    them: so it leads to the network that the head was fitted to, or nowhere. Raises FacekitError.
    """
    backbone = run.info.backbone
    if backbone is None:
        return None
    if Path(backbone.name).is_absolute():
        if version_of(Path(backbone.name)) != backbone.version:
            raise FacekitError(
                f"{run.folder} is a linear head on the network in {backbone.name}, which is gone or has been trained "
                "again since; put it back, or train again"
            )
    elif backbone.name not in plugins.names(KIND):
        plugins.load(KIND, backbone.name)  # which says what there is
    return backbone.name


def version_of(folder: Path) -> str | None:
    """Return the version of the embedder that a trained network is; None where there are no weights to be read."""
    file = folder / WEIGHTS
    try:
        if file.stat().st_size > _MOST:
            return None
        return sha256_of(own_file(file))[:VERSION_DIGITS]
    except (OSError, ValueError, FacekitError):
        return None
