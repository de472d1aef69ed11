"""What is found of a model, as `scores.json` has it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np

from facekit.commands.evaluate import by
from facekit.commands.evaluate.held import Held, Seen
from facekit.dataset import lineage, protocol
from facekit.options.evaluate import Evaluate
from facekit.runs import Run
from facekit.scores import classes as scores
from facekit.scores import groups
from facekit.scores.bootstrap import rounds_of
from facekit.scores.calibration import calibration
from facekit.scores.classes import Answers, Classes, bounds


def result(run: Run, held: Held, seen: Seen, options: Evaluate) -> dict[str, Any]:
    """Return every score as plain values for JSON, with what must be said of them.

    Raises FacekitError for a column that `--by` asks for and nobody knows.
    """
    truth, units = numbers(run, seen), seen.units(run.protocol)
    answers = Answers.of(truth, seen.probabilities)
    drawn = rounds_of(answers.summary, units, options.rounds, options.seed)
    return {
        "run": str(run.folder),
        "data": str(held.data),
        "scored": held.title,
        "protocol": run.protocol,
        "banners": held.banners,
        "left": dict(held.left),
        **scores.score(truth, seen.probabilities, run.labels),
        "intervals": bounds(drawn, answers.summary(), len(set(units))),
        "resampled": {"rounds": options.rounds, "units": len(set(units)), "what": what(run)},
        "calibration": calibration(truth, seen.probabilities),
        "apart": _apart(answers, seen, units, options),
        **({"groups": _groups(answers, held, seen, units, options)} if options.by else {}),
    }


def numbers(run: Run, seen: Seen) -> Classes:
    """Return the numbers of the true labels, shape (n,)."""
    number = {label: place for place, label in enumerate(run.labels)}
    return np.array([number[record.label] for record in seen.records])


def what(run: Run) -> str:
    """Return what is drawn anew in a resample: `photos`, with all that shows the same, or `people`."""
    return "people" if run.protocol == protocol.PERSON else "photos"


def mean_and_deviation(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> dict[str, dict[str, float]]:
    """Return mean and standard deviation (of a sample) of some scores over rows."""
    return {
        name: {"mean": float(np.mean(found)), "deviation": float(np.std(found, ddof=1))}
        for name in names
        for found in [[row[name] for row in rows]]
    }


def _apart(answers: Answers, seen: Seen, units: Sequence[Hashable], options: Evaluate) -> dict[str, Any]:
    """Score photos as found and their copies and children apart: a score over both hides what a leak does."""
    synthetic = np.array([record.synthetic is not None for record in seen.records])
    if not synthetic.any():
        return {}
    kinds = {"photos as found": ~synthetic, "copies and children": synthetic}
    return groups.apart(answers, kinds, units, options.rounds, options.seed)


def _groups(answers: Answers, held: Held, seen: Seen, units: Sequence[Hashable], options: Evaluate) -> dict[str, Any]:
    """Score by group of people."""
    said = by.values(options, held.dataset, seen.records)
    found = groups.by_value(answers, said, units, options.rounds, options.seed)
    for row in found["values"]:
        people = {lineage.person(r) for r, value in zip(seen.records, said, strict=True) if value == row["value"]}
        row["people"] = None if None in people else len(people)
    return {"by": options.by, **found}
