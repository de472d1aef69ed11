"""The curve of a model among strangers, as `identification.svg` draws it."""

from __future__ import annotations

from dataclasses import dataclass
from math import log10

from facekit.scores.identification import Identification

_DECADES = (1, 0.1, 0.01, 0.001, 0.0001)
"""What the horizontal axis names."""


@dataclass(frozen=True)
class IdentificationCurve:
    """What `identification.svg` draws: known people found by strangers named, the latter on a logarithmic axis.

    Lengths in pixels.
    """

    path: str
    dot: tuple[float, float]
    """Where the model's threshold is."""
    title: str
    columns: tuple[tuple[float, str], ...]
    """Where the horizontal axis has numbers, and which."""
    rows: tuple[tuple[float, str], ...]
    width: int = 300
    height: int = 240
    edge: int = 58
    top: int = 8


def identification_curve(scores: Identification) -> IdentificationCurve:
    """Return how the curve of a model among strangers is drawn; the axis ends where one face would be half a face."""
    width, height, edge, top = 300, 240, 58, 8
    least, lowest = 0.5 / scores.strangers, min(0.9, *(point.tpir for point in scores.curve), scores.rates.tpir)

    def place(fpir: float, tpir: float) -> tuple[float, float]:
        along = 1 - log10(max(fpir, least)) / log10(least)
        return edge + width * along, top + height * (1 - (tpir - lowest) / max(1 - lowest, 1e-9))

    ends = [place(point.fpir, point.tpir) for point in scores.curve]
    steps = [f"M{ends[0][0]:.1f} {ends[0][1]:.1f}", *(f"H{x:.1f}V{y:.1f}" for x, y in ends[1:])]
    rates = scores.rates
    return IdentificationCurve(
        path=" ".join(steps),
        dot=place(rates.fpir, rates.tpir),
        title=f"at the threshold: FPIR {rates.fpir:.4f}, TPIR {rates.tpir:.4f}",
        columns=tuple((place(share, 1)[0], f"{100 * share:g}%") for share in _DECADES if share >= least),
        rows=tuple((place(1, share)[1], f"{100 * share:.0f}%") for share in (lowest, (1 + lowest) / 2, 1)),
        **{"width": width, "height": height, "edge": edge, "top": top},
    )
