"""Scores by group of people, and the gap between the best and the worst, from one set of resamples."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facekit.scores.bootstrap import Weights, interval, rounds_of
from facekit.scores.classes import Answers, bounds

LEAST = 10
"""Units that a group must have to be compared: of fewer, chance alone makes the best and the worst."""


def by_value(
    answers: Answers, values: Sequence[str | None], units: Sequence[Hashable], rounds: int, seed: int
) -> dict[str, Any]:
    """Return the scores of each value's pictures, worst first, and the gap, as plain values for JSON.

    Pictures without a value are counted as `unknown`. `gap` is None where fewer than two values have enough
    pictures that may stand apart, of which there are `of`; its interval is that of these two values' difference,
    and `chance` says whether it holds 0.
    """
    said = np.array([value or "" for value in values])
    kinds = {str(name): said == name for name in np.unique(said[said != ""])}
    rows, gaps = _rows(answers, kinds, units, rounds, seed)
    return {"values": rows, "unknown": int((said == "").sum()), "gap": _gap(rows, gaps)}


def apart(
    answers: Answers, kinds: Mapping[str, NDArray[np.bool_]], units: Sequence[Hashable], rounds: int, seed: int
) -> dict[str, dict[str, Any]]:
    """Return the scores of each kind of pictures that there are, as plain values for JSON."""
    rows, _ = _rows(answers, {name: which for name, which in kinds.items() if which.any()}, units, rounds, seed)
    return {row.pop("value"): row for row in sorted(rows, key=lambda row: list(kinds).index(row["value"]))}


Rounds = dict[str, NDArray[np.float64]]
"""Value -> its accuracy in each resample."""


def _rows(
    answers: Answers, kinds: Mapping[str, NDArray[np.bool_]], units: Sequence[Hashable], rounds: int, seed: int
) -> tuple[list[dict[str, Any]], Rounds]:
    parts = {name: answers.where(which) for name, which in kinds.items()}

    def statistic(weights: Weights) -> dict[tuple[str, str], float]:
        return {
            (name, score): value
            for name, which in kinds.items()
            for score, value in parts[name].summary(weights[which]).items()
        }

    found = rounds_of(statistic, units, rounds, seed)
    rows = []
    for name, which in kinds.items():
        own = [unit for unit, inside in zip(units, which, strict=True) if inside]
        summary = parts[name].summary()
        drawn = {score: found[name, score] for score in summary if (name, score) in found}
        rows.append(
            {
                "value": name,
                "pictures": len(own),
                "units": len(set(own)),
                "names": len(set(parts[name].truth.tolist())),
                "accuracy": summary["accuracy"],
                "balanced_accuracy": summary["balanced_accuracy"],
                "macro": {"f1": summary["macro_f1"]},
                "intervals": bounds(drawn, summary, len(set(own))),
            }
        )
    rows.sort(key=lambda row: (row["accuracy"], row["value"]))
    return rows, {name: found[name, "accuracy"] for name in kinds if (name, "accuracy") in found}


def _least(worst: Mapping[str, Any], best: Mapping[str, Any]) -> float:
    """Return the lower end of the gap from both groups' own intervals (Newcombe 1998).

    For where the best has every answer right: no resample shows that more of its pictures might not be.
    """
    low, high = best["intervals"]["accuracy"][0], worst["intervals"]["accuracy"][1]
    gap = best["accuracy"] - worst["accuracy"]
    return float(gap - np.hypot(best["accuracy"] - low, high - worst["accuracy"]))


def _gap(rows: Sequence[Mapping[str, Any]], drawn: Rounds) -> dict[str, Any] | None:
    able = [row for row in rows if row["units"] >= LEAST]
    if len(able) < 2:
        return None
    worst = min(able, key=lambda row: (row["accuracy"], -row["units"]))  # of equals the one that says most
    best = max((row for row in able if row is not worst), key=lambda row: (row["accuracy"], row["units"]))
    gap: dict[str, Any] = {
        "of": len(able),
        **{"best": best["value"], "worst": worst["value"]},
        **{"best_accuracy": best["accuracy"], "worst_accuracy": worst["accuracy"]},
        "gap": best["accuracy"] - worst["accuracy"],
    }
    if drawn:
        low, high = interval(drawn[best["value"]] - drawn[worst["value"]])
        if best["accuracy"] == 1:
            low = min(low, _least(worst, best))
        gap |= {"interval": [low, high], "chance": low <= 0}
    return gap
