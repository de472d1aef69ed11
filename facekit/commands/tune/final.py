"""The score of a search's final model on the test part, which nothing looked at before."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from facekit.base.contract import Track
from facekit.base.files import read_json
from facekit.base.plain import Json
from facekit.dataset.lineage import TEST
from facekit.dataset.made_from import MadeFrom
from facekit.dataset.records import own_file
from facekit.identity import evaluation, held_out
from facekit.identity.evaluation import Settings
from facekit.identity.examples import examples
from facekit.identity.openset.evaluation import identify
from facekit.options.tune import Tune
from facekit.report import scores as page
from facekit.runs import Run, reports

_BATCH, _ROUNDS = 128, 1000
"""As `evaluate` has them."""


def score(run: Run, options: Tune, track: Track) -> dict[str, Json]:
    """Score a model on the test part of its split as `evaluate` does, and return what the closing table says of it.

    One that is scored already is not scored again; where there is no test part, nothing is.
    """
    if not any(record.split == TEST for record in run.split):
        return {}
    output = reports.folder(run.folder)
    if not (output / reports.SCORES).is_file():
        _write(run, output, options, track)
    kept = read_json(own_file(output / reports.SCORES), _Kept)
    accuracy, f1 = (list(ends) if ends else None for ends in (kept.intervals.accuracy, kept.intervals.macro_f1))
    found: dict[str, Json] = {"test_pictures": kept.pictures, "test_accuracy": kept.accuracy}
    found |= {"test_accuracy_interval": accuracy, "test_macro_f1": kept.macro.f1, "test_macro_f1_interval": f1}
    return {**found, "banners": list(kept.banners), "scores": str(output / reports.PAGE)}


def _write(run: Run, output: Path, options: Tune, track: Track) -> None:
    pictures = held_out.choose(run, None, TEST, track)
    held_out.separate(run, pictures, False, options.jobs, track)
    predictions = held_out.predict(run, pictures, _BATCH, options.jobs, track)
    among = identify(run, pictures, predictions, None, options.jobs, track)
    scores = evaluation.score(run, pictures, predictions, Settings(_ROUNDS, options.seed), among)
    scores = evaluation.with_before_cleaning(scores, run, pictures, _BATCH, options.jobs, track)
    page.write(output, run, scores, examples(run, pictures, predictions, options.jobs, track), run.history)
    MadeFrom.of(pictures.asked_for, run.folder).write(output)


@dataclass(frozen=True)
class _Macro:
    f1: float


@dataclass(frozen=True)
class _Intervals:
    accuracy: tuple[float, float] | None = None
    macro_f1: tuple[float, float] | None = None


@dataclass(frozen=True)
class _Kept:
    """What is read of the scores."""

    pictures: int
    accuracy: float
    macro: _Macro
    intervals: _Intervals = field(default_factory=_Intervals)
    banners: tuple[str, ...] = ()
