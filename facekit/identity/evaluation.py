"""What a run is worth on pictures: every score of `scores.json`, with its warnings."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from facekit.dataset import lineage, protocol, tables
from facekit.identity.held_out import HeldOut, Predictions
from facekit.runs import Run
from facekit.scores import classes as scores
from facekit.scores import groups
from facekit.scores.bootstrap import rounds_of
from facekit.scores.calibration import calibration
from facekit.scores.classes import Answers, Classes, Mistake, bounds

MOST_MISTAKES = 12


@dataclass(frozen=True)
class Settings:
    """How scores are computed: resamples behind each interval, their seed, and the column of groups of people."""

    rounds: int = 1000
    seed: int = 42
    by: str | None = None
    table: Path | None = None
    """A CSV file with the column `by`; else it is a target of the pictures."""

    def check(self, pictures: HeldOut) -> None:
        """Raise FacekitError for a column that nobody knows: before the model has looked at anything."""
        if self.by is not None:
            tables.groups(pictures.dataset, pictures.records, self.by, self.table)


def score(run: Run, pictures: HeldOut, predictions: Predictions, settings: Settings) -> dict[str, Any]:
    """Return every score as plain values for JSON, with the warnings that belong to them.

    Raises FacekitError for a column that `by` names and nobody knows.
    """
    truth, units = numbers(run, predictions), predictions.units(run.protocol)
    answers = Answers.of(truth, predictions.probabilities)
    drawn = rounds_of(answers.summary, units, settings.rounds, settings.seed)
    return {
        "run": str(run.folder),
        "data": str(pictures.data),
        "scored": pictures.title,
        "protocol": run.protocol,
        "banners": pictures.banners,
        "left": dict(pictures.left),
        **scores.score(truth, predictions.probabilities, run.labels),
        "intervals": bounds(drawn, answers.summary(), len(set(units))),
        "resampled": {"rounds": settings.rounds, "units": len(set(units)), "what": what(run)},
        "calibration": calibration(truth, predictions.probabilities),
        "apart": _apart(answers, predictions, units, settings),
        **_groups(answers, pictures, predictions, units, settings),
    }


def numbers(run: Run, predictions: Predictions) -> Classes:
    """Return the numbers of the true labels, shape (n,)."""
    number = {label: place for place, label in enumerate(run.labels)}
    return np.array([number[record.label] for record in predictions.records])


def what(run: Run) -> str:
    """Return what is drawn anew in a resample: `photos`, with all that shows the same, or `people`."""
    return "people" if run.protocol == protocol.PERSON else "photos"


def mistakes(run: Run, pictures: HeldOut, predictions: Predictions) -> list[Mistake]:
    """Return the wrong answers of which the model was surest, surest first."""
    found, sure = predictions.probabilities.argmax(axis=1), predictions.probabilities.max(axis=1)
    wrong = [place for place, record in enumerate(predictions.records) if run.labels[found[place]] != record.label]
    worst = sorted(wrong, key=lambda place: -sure[place])[:MOST_MISTAKES]
    return [
        Mistake(
            pictures.dataset.root / predictions.records[place].path,
            run.name(predictions.records[place].label),
            run.name(run.labels[found[place]]),
            float(sure[place]),
        )
        for place in worst
    ]


def mean_and_deviation(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> dict[str, dict[str, float]]:
    """Return mean and standard deviation (of a sample) of some scores over rows."""
    return {
        name: {"mean": float(np.mean(found)), "deviation": float(np.std(found, ddof=1))}
        for name in names
        for found in [[row[name] for row in rows]]
    }


def _apart(answers: Answers, predictions: Predictions, units: Sequence[Hashable], settings: Settings) -> dict[str, Any]:
    """Score photos as found and their copies and children apart: a score over both hides what a leak does."""
    synthetic = np.array([record.synthetic is not None for record in predictions.records])
    if not synthetic.any():
        return {}
    kinds = {"photos as found": ~synthetic, "copies and children": synthetic}
    return groups.apart(answers, kinds, units, settings.rounds, settings.seed)


def _groups(
    answers: Answers, pictures: HeldOut, predictions: Predictions, units: Sequence[Hashable], settings: Settings
) -> dict[str, Any]:
    """Score by group of people."""
    if settings.by is None:
        return {}
    values = tables.groups(pictures.dataset, predictions.records, settings.by, settings.table)
    found = groups.by_value(answers, values, units, settings.rounds, settings.seed)
    for row in found["values"]:
        pairs = zip(predictions.records, values, strict=True)
        people = {lineage.person(record) for record, value in pairs if value == row["value"]}
        row["people"] = None if None in people else len(people)
    return {"groups": {"by": settings.by, **found}}
