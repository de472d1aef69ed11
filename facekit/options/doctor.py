"""Options of `facekit doctor`."""

from __future__ import annotations

from dataclasses import dataclass

from facekit.options.base import Options


@dataclass(frozen=True, kw_only=True)
class Doctor(Options):
    """Check what is installed and what is missing."""

    group = "manage"
    after = "models"
