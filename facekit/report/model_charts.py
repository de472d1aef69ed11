"""The charts of a model: its training by epoch, and its scores on strangers."""

from __future__ import annotations

from collections.abc import Sequence

from facekit.report.charts import Axis, Chart, Numbers, Series, number
from facekit.runs import Epoch
from facekit.scores.identification import Identification

CURVE = "strangers who get a name (FPIR)"


def training(rows: Sequence[Epoch], best: int) -> list[Chart]:
    """Return accuracy and loss of training and validation by epoch; `best` is the epoch that was kept."""
    if not rows:
        return []
    epochs = [float(row.epoch) for row in rows]
    accuracy = Axis("accuracy", low=0.0, high=1.0, percent=True)
    charts = []
    for axis, ours, theirs in (
        (accuracy, [row.accuracy for row in rows], [row.val_accuracy for row in rows]),
        (Axis("loss"), [row.loss for row in rows], [row.val_loss for row in rows]),
    ):
        series = [Series("training", epochs, ours)]
        if theirs[0] is not None:
            series.append(Series("validation", epochs, theirs, colour="second"))
        title = f"{axis.label.capitalize()} by epoch"
        charts.append(Chart(title, Axis("epoch"), axis, series, [float(best)], "the epoch that was kept"))
    return charts


def strangers(scores: Identification) -> Chart:
    """Return the known people named right by the strangers named; 0 stands where one face would be half a face."""
    least = 0.5 / scores.strangers
    low = min(0.9, *(point.tpir for point in scores.curve), scores.rates.tpir)
    head = ("similarity", CURVE, "known people named right (TPIR)")
    rows = [[number(one.threshold), number(one.fpir, True), number(one.tpir, True)] for one in scores.curve]
    places = [max(point.fpir, least) for point in scores.curve]
    return Chart(
        "Known people named right, by strangers named",
        Axis(CURVE, "log", least, 1.0, percent=True, zero=True),
        Axis("named right (TPIR)", low=low, high=1.0, percent=True),
        [
            Series("every threshold", places[::-1], [point.tpir for point in scores.curve][::-1]),
            Series("the model's threshold", [max(scores.rates.fpir, least)], [scores.rates.tpir], "dots", "second"),
        ],
        own_numbers=Numbers(head, rows),
    )
