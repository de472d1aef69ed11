"""The reliability diagram: how often answers are right, by confidence. Works without scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence

from facekit.report.charts import Axis, Chart, Numbers, Series, number
from facekit.scores.calibration import Bin


def reliability(bins: Sequence[Bin]) -> Chart:
    """Return how often answers are right by how sure they are: under the diagonal they are too sure."""
    head = ("confidence from", "to", "pictures", "mean confidence", "right")
    rows = [
        [*(number(share, True) for share in (one.low, one.high)), f"{one.pictures}"]
        + [number(share, True) for share in (one.confidence, one.accuracy)]
        for one in bins
    ]
    right, sure = [one.accuracy for one in bins], [one.confidence for one in bins]
    return Chart(
        "Reliability: how often answers are right, by confidence",
        Axis("confidence", low=0.0, high=1.0, percent=True),
        Axis("right", low=0.0, high=1.0, percent=True),
        [
            *_bars(bins),
            Series("at the mean confidence", sure, right, "dots", "second"),
            Series("confidence equals accuracy", [0.0, 1.0], [0.0, 1.0], colour="even"),
        ],
        square=True,
        own_numbers=Numbers(head, rows),
    )


def _bars(bins: Sequence[Bin]) -> list[Series]:
    """Return the bars of bins that are of one width; others would need bars of several."""
    if len({round(one.high - one.low, 6) for one in bins}) > 1:
        return []
    width = bins[0].high - bins[0].low
    right = {round(one.low / width): one.accuracy for one in bins}
    # A bar is as wide as its neighbours are away, so bins without an answer have a place as well.
    places = range(round(1 / width))
    return [
        Series("right", [(place + 0.5) * width for place in places], [right.get(place) for place in places], "bars")
    ]
