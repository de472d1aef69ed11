"""Scores as plain values for `scores.json`: the one place that knows its keys. NaN becomes None."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from math import isnan
from typing import Any, TypeVar

from facekit.scores.groups import Gap, GroupScores
from facekit.scores.model import FOLDS_NOTE, ModelScores
from facekit.scores.pairs import PairsReport
from facekit.scores.verification import Measures

T = TypeVar("T")


def model(scores: ModelScores) -> dict[str, Any]:
    """Return the scores of a model."""
    values = {
        **{name: getattr(scores, name) for name in ("run", "data", "scored", "protocol", "banners", "left")},
        **_plain(scores.classes),
        "intervals": scores.intervals or {},
        "resampled": scores.resampled,
        "calibration": {
            **_plain(scores.calibration),
            "bins": [
                {"from": one.low, "to": one.high, **{name: getattr(one, name) for name in _OF_BIN}}
                for one in scores.calibration.bins
            ],
        },
        "apart": {row.name: _group(row) for row in scores.apart},
    }
    if scores.groups is not None:
        by = scores.groups
        rows = [{"value": row.name, **_group(row), "people": row.people} for row in by.values]
        values["groups"] = {"by": by.by, "values": rows, "unknown": by.unknown, "gap": by.gap and _gap(by.gap)}
    if scores.folds is not None:
        rows = [{**{name: getattr(row, name) for name in _OF_FOLD}, **_plain(row.scores)} for row in scores.folds.rows]
        values["folds"] = {"rows": rows, **_plain(scores.folds.spread), "note": FOLDS_NOTE}
    return {name: _plain(value) for name, value in values.items()}


def pairs(report: PairsReport) -> dict[str, Any]:
    """Return the scores of an embedder on pairs: `accuracy 0` is the accuracy at the first threshold, and so on."""
    scores = report.scores
    named = _named(scores.measures, scores.fars)
    without_threshold = list(named)[: 2 + len(scores.fars)]
    values = {
        **{one.name: getattr(report, one.name) for one in fields(report) if one.name != "scores"},
        "scores": {name: named[name] for name in without_threshold},
        "intervals": dict.fromkeys(named) if scores.intervals is None else _named(scores.intervals, scores.fars),
        "unresolved": scores.unresolved,
        "points": [
            {
                "threshold": one.point.threshold,
                "from": one.point.origin,
                **_plain(one.rates),
                "intervals": one.intervals,
                "left_out_rejected": one.rejecting,
            }
            for one in scores.points
        ],
        "folds": scores.folds,
        "groups": [
            {
                "group": row.group.name,
                "mixed": row.group.mixed,
                "pairs": row.matched + row.mismatched,
                "matched": row.matched,
                "mismatched": row.mismatched,
                "scores": _named(row.measures, row.fars),
                "intervals": {} if row.intervals is None else _named(row.intervals, row.fars),
            }
            for row in scores.groups
        ],
        "gaps": scores.gaps,
    }
    return {name: _plain(value) for name, value in values.items()}


_OF_FOLD = ("fold", "pictures", "train", "validation", "test")
_OF_BIN = ("pictures", "confidence", "accuracy")


def _group(row: GroupScores) -> dict[str, Any]:
    return {
        "pictures": row.pictures,
        "units": row.units,
        "names": row.labels,
        "accuracy": row.scores.accuracy,
        "balanced_accuracy": row.scores.balanced_accuracy,
        "macro": {"f1": row.scores.macro_f1},
        "intervals": row.intervals or {},
    }


def _gap(gap: Gap) -> dict[str, Any]:
    values = {
        "of": gap.of,
        "best": gap.best.name,
        "worst": gap.worst.name,
        "best_accuracy": gap.best.scores.accuracy,
        "worst_accuracy": gap.worst.scores.accuracy,
        "gap": gap.gap,
    }
    return values if gap.interval is None else {**values, "interval": gap.interval, "chance": gap.chance}


def _named(measures: Measures[T], fars: Sequence[float]) -> dict[str, T]:
    rates = [f"{name} {place}" for place in range(len(measures.points)) for name in ("accuracy", "fmr", "fnmr")]
    names = ["auc", "eer", *(f"tar at {far:g}" for far in fars), *rates]
    return dict(zip(names, measures.flat(), strict=True))


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return None if isinstance(value, float) and isnan(value) else value
