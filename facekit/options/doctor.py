"""Options of `facekit doctor`."""

from __future__ import annotations

from dataclasses import dataclass

from facekit.base.reporting import Report
from facekit.options.base import Options
from facekit.options.following import PHOTOS, command


@dataclass(frozen=True, kw_only=True)
class Doctor(Options):
    """Check what is installed and what is missing."""

    group = "manage"
    after = "models"
    counts = False

    def next_command(self, report: Report) -> str | None:
        """Return the first step with one's own photos, where nothing is missing."""
        return None if report.left.total() else command("crop", PHOTOS, "-o", "faces")
