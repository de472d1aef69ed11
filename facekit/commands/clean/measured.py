"""How often faces of a probability are right, as `benchmarks/curated.py` measured it on raw search results.

Each name was judged with the calibration of the other three, so these are numbers of names that were not fitted to.
"""

from __future__ import annotations

from facekit.report.reliability import Reliability, reliability
from facekit.scores.calibration import Bin

_BINS: dict[str, tuple[tuple[float, float, int, float, float], ...]] = {}
"""By embedders: from, to, faces, mean probability, share that is right."""


def measured(embedder: str | None) -> Reliability | None:
    """Return what was measured with these embedders; None where nothing was."""
    bins = _BINS.get(embedder or "")
    return reliability([Bin(*one) for one in bins]) if bins else None
