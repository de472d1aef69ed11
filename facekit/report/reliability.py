"""The reliability diagram: how often answers are right by how sure they are. It needs no matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from facekit.scores.calibration import Bin


@dataclass(frozen=True)
class Reliability:
    """What `reliability.svg` draws: how often the model is right by how sure it is. Lengths in pixels.

    Under the diagonal it is too sure. A bar's ink says how many of the pictures stand in its bin, its dot how sure
    the model is of them on average.
    """

    bins: tuple[Bin, ...]
    most: int
    """Pictures in the fullest bin."""
    side: int = 300
    edge: int = 58
    top: int = 8

    @property
    def pictures(self) -> int:
        """Pictures in all bins."""
        return sum(one.pictures for one in self.bins)


def reliability(bins: Sequence[Bin]) -> Reliability:
    """Return how the bins of a calibration are drawn."""
    return Reliability(tuple(bins), max(one.pictures for one in bins))
