"""Score a run on pictures: every score of `scores.json`, with its warnings."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from facekit.base.contract import FacekitError, Track
from facekit.base.text import counted
from facekit.dataset import lineage, protocol, tables
from facekit.dataset.targets import value
from facekit.identity import cleaned
from facekit.identity import truth as truths
from facekit.identity.held_out import HeldOut, Predictions
from facekit.identity.likeness import CANNOT_SEE
from facekit.identity.openset.evaluation import Among
from facekit.options.targets import IDENTITY
from facekit.runs import Run, Target, provenance
from facekit.scores import classes, groups
from facekit.scores.bootstrap import rounds_of
from facekit.scores.calibration import calibration
from facekit.scores.classes import Answers, Classes, bounds
from facekit.scores.groups import Groups, GroupScores, Sample
from facekit.scores.model import Compared, ModelScores, Resampled, TargetScores

log = logging.getLogger(__name__)


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


def score(
    run: Run, pictures: HeldOut, predictions: Predictions, settings: Settings, among: Among | None = None
) -> ModelScores:
    """Return every score of a run's predictions, and those among strangers where these were searched for.

    Of several targets the first one's, and in `targets` those of each. Raises FacekitError for a column that nobody
    knows, and for a target that no picture has a label for.
    """
    every, predictions = predictions, predictions.of(run, run.targets[0])
    truth, units = numbers(run, predictions), predictions.units(run.protocol)
    answers = Answers.of(truth, predictions.probabilities)
    drawn = rounds_of(answers.rates, units, settings.rounds, settings.seed)
    sample = Sample(answers, units, settings.rounds, settings.seed)
    count = len(set(units))
    return ModelScores(
        run=str(run.folder),
        data=str(pictures.data),
        scored=pictures.title,
        protocol=run.protocol,
        banners=tuple(pictures.banners),
        left=dict(pictures.left),
        classes=classes.score(truth, predictions.probabilities, run.labels),
        intervals=bounds(drawn, answers.summary(), count),
        resampled=Resampled(settings.rounds, count, "people" if run.protocol == protocol.PERSON else "photos"),
        calibration=calibration(truth, predictions.probabilities),
        apart=_apart(predictions, sample),
        groups=_groups(pictures, predictions, sample, settings),
        identification=None if among is None else among.scores(settings.rounds, settings.seed),
        weights=provenance.of_run(run),
        compared=_compared(pictures),
        unread=tuple(pictures.unread),
        targets=by_target(run, every, settings),
    )


def with_before_cleaning(
    scores: ModelScores,
    run: Run,
    pictures: HeldOut,
    batch: int,
    jobs: int,
    track: Track,
    level: int = logging.WARNING,
) -> ModelScores:
    """Return the scores with that on the faces before cleaning, where the network that is scored has cleaned them.

    It is logged at a level: the caller may show it in another place.
    """
    if not pictures.favoured or pictures.requested or run.targets[0].name != IDENTITY:
        return scores
    before = cleaned.before(run, pictures.dataset, pictures.own, scores, batch, jobs, track)
    log.log(level, "%s: accuracy before cleaning: %s", run.folder, before)
    return replace(scores, before_cleaning=before)


def numbers(run: Run, predictions: Predictions) -> Classes:
    """Return the numbers of the true labels of the first target, shape (n,).

    Raises FacekitError for one that the model lacks.
    """
    target = run.targets[0]
    number = {label: place for place, label in enumerate(target.labels)}
    found = [value(record, target.name) for record in predictions.records]
    unknown = next((label for label in found if label not in number), None)
    if unknown is not None and target.name == IDENTITY:
        raise FacekitError(f"{run.folder}: its split has the label {unknown!r}, its model has not; train again")
    return truths.numbers(target, predictions.records)


def by_target(run: Run, predictions: Predictions, settings: Settings) -> tuple[TargetScores, ...]:
    """Return the scores of each target of a model of several, on the pictures that have a label for it.

    A target that none of them has a label for has no scores, and a warning says so.
    """
    if not run.info.targets:
        return ()
    known = [
        one for one in run.targets if any(truths.number(one, record) is not None for record in predictions.records)
    ]
    for target in run.targets:
        if target not in known:
            log.warning("%s: none of the pictures has a label for %s: no score for it", run.folder, target.name)
    return tuple(_of_target(run, target, predictions, settings) for target in known)


def _of_target(run: Run, target: Target, predictions: Predictions, settings: Settings) -> TargetScores:
    found = predictions.of(run, target)
    truth, units = truths.numbers(target, found.records), found.units(run.protocol)
    answers = Answers.of(truth, found.probabilities)
    drawn = rounds_of(answers.rates, units, settings.rounds, settings.seed)
    without = len(predictions.records) - len(found.records)
    if without:
        log.warning("%s: no score for %s: %s", run.folder, target.name, counted(without, "picture has no label for it",
                    "pictures have no label for it"))  # fmt: skip
    return TargetScores(
        target.name,
        classes.score(truth, found.probabilities, target.labels),
        bounds(drawn, answers.summary(), len(set(units))),
        calibration(truth, found.probabilities),
        without,
    )


def _compared(pictures: HeldOut) -> Compared | None:
    found = pictures.overlap
    if found is None:
        return None
    left_out = all(pictures.left[reason] for reason in found.counts)
    cannot_see = CANNOT_SEE if found.looked_at or found.by_groups else None
    return Compared(str(found), left_out, dict(found.counts), found.looked_at, found.unseen, cannot_see)


def _apart(predictions: Predictions, sample: Sample) -> tuple[GroupScores, ...]:
    """Score photos as found and their copies and children apart: a score over both hides what a leak does."""
    synthetic = np.array([record.synthetic is not None for record in predictions.records])
    if not synthetic.any():
        return ()
    return groups.apart(sample, {"photos as found": ~synthetic, "copies and children": synthetic})


def _groups(pictures: HeldOut, predictions: Predictions, sample: Sample, settings: Settings) -> Groups | None:
    """Score by group of people."""
    if settings.by is None:
        return None
    values = tables.groups(pictures.dataset, predictions.records, settings.by, settings.table)
    return groups.by_value(sample, settings.by, values, [lineage.person(record) for record in predictions.records])
