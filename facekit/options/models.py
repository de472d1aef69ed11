"""Options of `facekit models`."""

from __future__ import annotations

from dataclasses import dataclass

from facekit.options.base import Options


@dataclass(frozen=True, kw_only=True)
class Models(Options):
    """List networks, embedders and detectors with licences and published accuracy."""

    group = "manage"
    after = "demo"
