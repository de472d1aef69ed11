"""Cross-validation: divide a run's pictures into K folds; train on all but one, and score on the one left out."""

from __future__ import annotations

import logging
import shlex
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from facekit import runs, training
from facekit.base.contract import FacekitError, Record, Report, StaleError, Track, quiet, replace
from facekit.base.plain import Json
from facekit.base.text import counted
from facekit.dataset import Dataset, changes, lineage, protocol
from facekit.dataset.groups import leave_out_joined
from facekit.dataset.lineage import TEST, TRAIN, VALIDATION
from facekit.identity import classifier, cleaned, evaluation, held_out
from facekit.identity.evaluation import Settings, numbers
from facekit.identity.examples import examples
from facekit.identity.groups import grouped
from facekit.identity.held_out import HeldOut, Predictions
from facekit.identity.openset.evaluation import Among, identify, together
from facekit.identity.split import Split
from facekit.options.cross_validate import CrossValidate
from facekit.options.typed import typed
from facekit.report import scores as page
from facekit.runs import Run, reports
from facekit.runs.pictures import CHANGED, dataset_of, updated
from facekit.runs.renewal import additions, command
from facekit.runs.run import refuse_targets
from facekit.scores.classes import Answers
from facekit.scores.model import Folds, FoldScores

STAGE = "cross-validate"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Fold:
    """One fold: its number from 1, and the pictures with their parts in it."""

    number: int
    records: list[Record]

    @property
    def held(self) -> list[Record]:
        """The pictures that this fold is scored on."""
        return [record for record in self.records if record.split == TEST]

    def counts(self) -> dict[str, int]:
        """Return how many pictures each part has."""
        counts = Counter(str(record.split) for record in self.records)
        return {part: counts[part] for part in (TRAIN, VALIDATION, TEST)}


def cross_validate(options: CrossValidate, track: Track = quiet) -> Report:
    """Train a run again on each fold of its pictures, score each on the part left out, and all of them together.

    Each fold is a run folder below the output; one that is complete is not trained again. Raises FacekitError:
    too few groups of a name for so many folds, pictures that changed since the run was trained, other folds in
    the output, and whatever training raises.
    """
    began = time.monotonic()
    run = runs.load(options.run)
    classifier.refuse_embedder(run)
    refuse_targets(run, "facekit cross-validate")
    protocol.check(leave_out_joined(run.split)[0], run.protocol, str(run.folder))  # the folds are drawn again
    dataset = _unchanged(run, options, track)
    folds = cut(run, options.folds, options.seed, dataset, track)
    output = _output(options)
    reports.check(output, dataset.root, STAGE)
    pictures = _held_out(run, dataset, folds)
    settings = Settings(options.rounds, options.seed, options.by, options.table)
    settings.check(pictures)
    if options.dry_run:
        count = len(pictures.records)
        planned: dict[str, Json] = {"pictures": count, "folds": [fold.counts() for fold in folds]}
        return Report(STAGE, str(output), 0, count, pictures.left, details=planned)
    if run.protocol == protocol.IMAGE:
        pictures.banners.append(protocol.BANNER)
    if favoured := cleaned.favoured(run, replace(dataset.info, cleaned_with=run.info.cleaned_with)):
        evaluate = f"facekit evaluate {shlex.quote(str(run.folder))}"
        pictures.banners.append(f"{favoured}; `{evaluate}` gives one before cleaning")
    held_out.warn(run, pictures, 0, run.info.drawn)
    predictions, rows, among = _score(run, folds, pictures, options, track)
    scores = replace(evaluation.score(run, pictures, predictions, settings, among), folds=Folds(tuple(rows)))
    page.write(output, run, scores, examples(run, pictures, predictions, options.jobs, track, near=False), [])
    details = page.details(scores, output)
    seconds = round(time.monotonic() - began, 2)
    report = Report(STAGE, str(output), 0, len(predictions.records), pictures.left, seconds, details)
    report.shown, report.notes = page.shown(details), (page.more(scores),)
    return report


def _output(options: CrossValidate) -> Path:
    by = [f"by-{options.by}"] if options.by else []
    return options.output or reports.folder(options.run, f"{options.folds}-folds", *by)


def _held_out(run: Run, dataset: Dataset, folds: Sequence[Fold]) -> HeldOut:
    """Return the pictures of all folds, each of which is scored once."""
    records = [record for fold in folds for record in fold.held]
    pictures = HeldOut(dataset, records, f"{len(folds)} folds of its own pictures", dataset.root, own=True)
    pictures.left += Counter({"copies and children, which no fold is scored on": len(run.split) - len(records)})
    return pictures


def cut(run: Run, count: int, seed: int, dataset: Dataset, track: Track = quiet) -> list[Fold]:
    """Return the folds: by group, or by person where the run is, stratified by label, seeded.

    Photos that turn out to be one photo are joined first, also where the run's own split did not know it.
    Validation is drawn from what is left, by group too, in the share that the run has. Copies and children
    stand in training alone, and only with the photo that they were made from; under the `image` protocol they
    stand anywhere. Raises FacekitError for a label with fewer groups than folds.
    """
    by_image = run.protocol == protocol.IMAGE
    whole = _current(run, dataset)
    photos = [record for record in whole if by_image or not record.synthetic]
    photos = photos if by_image else _joined(run, replace(dataset, records=photos), track)
    units = [f"{r.label}/{r.id}" if by_image else r.group or r.origin for r in photos]
    labels = [record.label for record in photos]
    _refuse_few(labels, units, count, protocol.WHAT[run.protocol])
    cutter = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    return [
        Fold(number, _parted(run, [photos[n] for n in rest], [photos[n] for n in test], whole, seed))
        for number, (rest, test) in enumerate(cutter.split(np.zeros(len(photos)), labels, units), 1)
    ]


def _joined(run: Run, photos: Dataset, track: Track) -> list[Record]:
    """Return the photos with groups that hold all that show one photo."""
    known = replace(photos, info=replace(photos.info, matchers=run.info.matchers))
    joined = grouped(known, STAGE, track).records
    before = {record.group or record.origin for record in photos.records}
    fewer = len(before) - len({record.group or record.origin for record in joined})
    if fewer:
        log.warning(
            "%s: %s",
            run.folder,
            counted(
                fewer,
                "group of photos repeats a photo of another, and is kept in one fold with it",
                "groups of photos repeat photos of other groups, and are kept in one fold with them",
            ),
        )
    return joined


def _parted(
    run: Run, rest: Sequence[Record], test: Sequence[Record], whole: Sequence[Record], seed: int
) -> list[Record]:
    """Return the pictures of one fold with their parts, in the order of the run's."""
    parts = Counter(record.split for record in run.split if not record.synthetic or run.protocol == protocol.IMAGE)
    share = parts[VALIDATION] / (parts[VALIDATION] + parts[TRAIN])
    shares = (1 - share, 0.0, share)
    fresh = [replace(record, split=None) for record in rest]
    if run.protocol == protocol.IMAGE:
        drawn = lineage.draw_split_by_image(fresh, shares, seed)
    else:
        drawn = lineage.draw_split(fresh, shares, seed, protocol.WHAT[run.protocol])
        drawn += lineage.still_for_training((record for record in whole if record.synthetic), drawn)
    return drawn + [replace(record, split=TEST) for record in test]


def _current(run: Run, dataset: Dataset) -> list[Record]:
    """Return the run's pictures, with the targets that their folder has by now."""
    there = {(record.path, record.id): record.targets for record in dataset.records}
    return [updated(run, record, there[record.path, record.id]) for record in run.split]


def _unchanged(run: Run, options: CrossValidate, track: Track) -> Dataset:
    root = options.data or run.root
    if not root.is_dir():
        raise FacekitError(f"{root} is not a folder; use --data to say where the pictures of {run.folder} are now")
    if options.data is None and len(dataset_of(run, run.split, track).records) < len(run.split):
        # A stranger's run may name any folder: it is listed only once all pictures of the split were found in it, and
        # no other file there is opened.
        raise FacekitError(
            f"{root} is not what {run.folder} was trained on: pictures are {CHANGED}; {_train_again(run, root)}"
        )
    if options.data is None and (more := additions(run)):
        raise FacekitError(f"{root} is not what {run.folder} was trained on ({more}); {_train_again(run, root)}")
    dataset = Dataset.open(root, track).hashed(track)
    if changed := runs.changes(run, dataset):
        raise FacekitError(f"{root} is not what {run.folder} was trained on ({changed}); {_train_again(run, root)}")
    return dataset


def _train_again(run: Run, root: Path) -> str:
    return f"train again first, with `{command(run, root)}`"


def _score(
    run: Run, folds: Sequence[Fold], pictures: HeldOut, options: CrossValidate, track: Track
) -> tuple[Predictions, list[FoldScores], Among | None]:
    """Train and score each fold; return all predictions and all searches together, and a row for each fold.

    There are no searches where the model of a fold cannot tell strangers.
    """
    # The same whichever column they are scored by.
    home = options.output or reports.folder(options.run, f"{options.folds}-folds")
    parts: list[Predictions] = []
    searches: list[Among] = []
    rows = []
    for fold in folds:
        log.info("fold %d of %d: %s", fold.number, len(folds), _counted(fold))
        trained_fold = _train(run, fold, pictures.dataset, home / f"{runs.FOLD}-{fold.number}", options, track)
        some = HeldOut(pictures.dataset, fold.held, pictures.title, pictures.data, own=True)
        part = held_out.predict(trained_fold, some, options.batch, options.jobs, track)
        pictures.left += some.left
        answers = Answers.of(numbers(run, part), part.probabilities)
        among = identify(trained_fold, some, part, None, options.jobs, track)
        rates = None if among is None else among.rates
        rows.append(
            FoldScores(fold.number, len(part.records), **fold.counts(), scores=answers.summary(), open_set=rates)
        )
        parts.append(part)
        searches += [] if among is None else [among]
    predictions = Predictions(
        [record for part in parts for record in part.records], np.concatenate([part.probabilities for part in parts])
    )
    return predictions, rows, together(searches) if len(searches) == len(folds) else None


def _train(run: Run, fold: Fold, dataset: Dataset, folder: Path, options: CrossValidate, track: Track) -> Run:
    runs.refuse_link(folder)
    chosen = training.options_of(run, dataset.root, folder, options.jobs, options.overwrite)
    protocol.check(fold.records, run.protocol, str(folder))
    plan = training.plan(chosen, Split(dataset, fold.records, run.protocol), track)
    if plan.run is not None and _parts(plan.run.split) != _parts(fold.records):
        then, now = (
            [replace(r, split=None) for r in all_ if not r.synthetic] for all_ in (plan.run.split, fold.records)
        )
        changed = changes.of_records(then, now)
        what = f"was trained on other pictures ({changed})" if changed else "is of other folds"
        raise StaleError(f"{folder} {what}", typed(options, overwrite=True), "choose another folder with -o")
    return training.fit(plan, track)


def _parts(records: Sequence[Record]) -> set[tuple[str, str, str, str | None]]:
    return {(record.label, record.id, record.sha256, record.split) for record in records}


def _refuse_few(labels: Sequence[str], units: Sequence[str], folds: int, what: str) -> None:
    own: dict[str, set[str]] = {label: set() for label in labels}
    for label, unit in zip(labels, units, strict=True):
        own[label].add(unit)
    few, label = min((len(mine), label) for label, mine in own.items())
    if few < folds:
        raise FacekitError(
            f"{label} has {few} {what} that can be separated, and {folds} folds need {folds}; give --folds {few}"
            if few > 1
            else f"{label} has only one of the {what} that can be separated, and folds need at least two; add {what}"
        )


def _counted(fold: Fold) -> str:
    return ", ".join(f"{count} {part}" for part, count in fold.counts().items())
