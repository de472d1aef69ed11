"""How often faces with a given probability are right, as `benchmarks/curated.py` measured on search results.

Each name was judged with the calibration of the other three, so these are numbers of names that were not fitted to.
"""

from __future__ import annotations

from facekit.scores.calibration import Bin

_BINS: dict[str, tuple[tuple[float, float, int, float, float], ...]] = {
    "dlib+sface": (
        (0.0, 0.05, 71, 0.016, 0.056),
        (0.05, 0.2, 1, 0.065, 1.0),
        (0.8, 0.95, 2, 0.935, 1.0),
        (0.95, 1.0, 217, 0.994, 1.0),
    )
}
"""By embedders: from, to, faces, mean probability, share that is right."""


def measured(embedder: str | None) -> list[Bin]:
    """Return what was measured with these embedders; nothing where nothing was."""
    return [Bin(*one) for one in _BINS.get(embedder or "", ())]
