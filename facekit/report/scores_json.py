"""Scores as the values of `scores.json`: the one place that knows its keys. NaN becomes null."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from facekit.base.plain import Json, to_plain
from facekit.scores.beside import Beside
from facekit.scores.calibration import Calibration
from facekit.scores.groups import Gap, Groups, GroupScores
from facekit.scores.model import FOLDS_NOTE, BeforeCleaning, Folds, ModelScores, TargetScores
from facekit.scores.pairs import PairScores, PairsReport
from facekit.scores.verification import Measures

T = TypeVar("T")

Values = dict[str, Json]

_RATES = ("accuracy", "fmr", "fnmr")
_SUMMARY = ("accuracy", "balanced_accuracy", "macro_f1")
_CLASSES = (
    *("pictures", "accuracy", "balanced_accuracy", "top5", "macro", "weighted"),
    *("by_class", "labels", "confusion", "confused"),
)


def of_model(scores: ModelScores) -> Values:
    """Return the scores of a model."""
    return {
        **_some(scores, "run", "data", "scored", "protocol", "banners", "left"),
        **({"targets": {one.name: _target(one) for one in scores.targets}} if scores.targets else {}),
        **_some(scores.classes, *_CLASSES),
        "intervals": to_plain(scores.intervals or {}),
        "resampled": to_plain(scores.resampled),
        "calibration": _calibration(scores.calibration),
        "apart": {row.name: _group(row) for row in scores.apart},
        **({} if scores.weights is None else {"weights": to_plain(scores.weights)}),
        **({} if scores.before_cleaning is None else {"before_cleaning": _before_cleaning(scores.before_cleaning)}),
        **({} if scores.compared is None else {"compared_with_training": to_plain(scores.compared)}),
        **({} if scores.groups is None else {"groups": _groups(scores.groups)}),
        **({} if scores.folds is None else {"folds": _folds(scores.folds)}),
        **({} if scores.identification is None else {"open_set": to_plain(scores.identification)}),
        **({"unread": to_plain(scores.unread)} if scores.unread else {}),
    }


def _before_cleaning(before: BeforeCleaning) -> Json:
    return to_plain({name: value for name, value in vars(before).items() if name != "faces"})


def _target(one: TargetScores) -> Values:
    return {
        **{"title": one.title, "without_label": one.without},
        **_some(one.classes, *_CLASSES),
        "intervals": to_plain(one.intervals or {}),
        "calibration": _calibration(one.calibration),
    }


def _calibration(found: Calibration) -> Values:
    return {
        **_some(found, "ece", "nll", "brier", "confidence"),
        "bins": [
            {"from": one.low, "to": one.high, **_some(one, "pictures", "confidence", "accuracy")} for one in found.bins
        ],
    }


def of_pairs(report: PairsReport) -> Values:
    """Return the scores of an embedder on pairs."""
    about = (
        "embedder",
        "run",
        "pairs",
        "threshold_from",
        "data",
        "by",
        "banners",
        "counts",
        "left",
        "rounds",
        "weights",
    )
    unread = {"unread": to_plain(report.unread)} if report.unread else {}
    other = {} if report.beside is None else {"beside": _beside(report.beside)}
    return {**_some(report, *about), **unread, **_pairs(report.scores), **other}


def _beside(beside: Beside) -> Values:
    """Return both embedders' scores on the same pairs, and how much higher those of the first are."""
    gains: Values = {"auc": to_plain(beside.auc)}
    gains |= {f"tar at {far:g}": to_plain(gain) for far, gain in zip(beside.fars, beside.tar, strict=True)}
    sides: list[Json] = [
        {"name": side.name, "threshold": side.threshold, **_measured(side.measures, beside.fars)}
        for side in (beside.own, beside.other)
    ]
    return {"embedders": sides, "pairs": beside.pairs, "gains": gains, "verdict": beside.verdict}


def _measured(measures: Measures[float], fars: Sequence[float]) -> Values:
    """Return measures by name: `accuracy 0` is that at the embedder's own threshold."""
    return {name: to_plain(value) for name, value in _named(measures, fars).items()}


def _groups(groups: Groups) -> Values:
    return {
        "by": groups.by,
        "values": [{"value": row.name, **_group(row), "people": row.people} for row in groups.values],
        "unknown": groups.unknown,
        "gap": None if groups.gap is None else _gap(groups.gap),
    }


def _group(row: GroupScores) -> Values:
    return {
        "pictures": row.pictures,
        "units": row.units,
        "names": row.labels,
        **_some(row.scores, "accuracy", "balanced_accuracy"),
        "macro": {"f1": to_plain(row.scores.macro_f1)},
        "intervals": to_plain(row.intervals or {}),
    }


def _gap(gap: Gap) -> Values:
    values: Values = {
        "of": gap.of,
        "best": gap.best.name,
        "worst": gap.worst.name,
        "best_accuracy": gap.best.scores.accuracy,
        "worst_accuracy": gap.worst.scores.accuracy,
        "gap": gap.gap,
    }
    return values if gap.interval is None else {**values, "interval": to_plain(gap.interval), "chance": gap.chance}


def _folds(folds: Folds) -> Values:
    own = ("fold", "pictures", "train", "validation", "test")
    rows: list[Json] = [
        {**_some(row, *own), **_some(row.scores, *_SUMMARY), **_open_set(row.open_set)} for row in folds.rows
    ]
    return {"rows": rows, **_some(folds.spread, *_SUMMARY), **_open_set(folds.open_set), "note": FOLDS_NOTE}


def _open_set(rates: object) -> Values:
    return {} if rates is None else _some(rates, "fpir", "tpir")


def _pairs(scores: PairScores) -> Values:
    """Return the scores: `accuracy 0` is the accuracy at the first threshold, and so on."""
    measures = _named(scores.measures, scores.fars)
    without_threshold = list(measures)[: 2 + len(scores.fars)]
    intervals = dict.fromkeys(measures) if scores.intervals is None else _named(scores.intervals, scores.fars)
    return {
        "scores": to_plain({name: measures[name] for name in without_threshold}),
        "intervals": to_plain(intervals),
        "unresolved": to_plain(scores.unresolved),
        "points": [
            {
                **{"threshold": to_plain(one.point.threshold), "from": one.point.origin},
                **_some(one.rates, *_RATES),
                "intervals": to_plain(one.intervals),
                "left_out_rejected": to_plain(one.rejecting),
            }
            for one in scores.points
        ],
        "folds": to_plain(scores.folds),
        "groups": [
            {
                **{"group": row.group.name, "mixed": row.group.mixed},
                **{"pairs": row.matched + row.mismatched, "matched": row.matched, "mismatched": row.mismatched},
                "scores": to_plain(_named(row.measures, row.fars)),
                "intervals": to_plain({} if row.intervals is None else _named(row.intervals, row.fars)),
            }
            for row in scores.groups
        ],
        "gaps": to_plain(scores.gaps),
    }


def _named(measures: Measures[T], fars: Sequence[float]) -> dict[str, T]:
    rates = [f"{name} {place}" for place in range(len(measures.points)) for name in _RATES]
    names = ["auc", "eer", *(f"tar at {far:g}" for far in fars), *rates]
    return dict(zip(names, measures.flat(), strict=True))


def _some(value: object, *names: str) -> Values:
    return {name: to_plain(getattr(value, name)) for name in names}
