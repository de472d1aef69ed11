"""Evaluate: score a trained model on pictures that it was not trained on, as JSON and as a page."""

from __future__ import annotations

import hashlib
import logging
import os
import time
from dataclasses import dataclass
from pathlib import Path

from facekit import runs
from facekit.base import plugins
from facekit.base.contract import FacekitError, Report, Track, quiet
from facekit.base.files import read_json
from facekit.commands.evaluate.embedder import evaluate_embedder
from facekit.dataset import protocol
from facekit.dataset.groups import leave_out_joined
from facekit.dataset.lineage import TEST
from facekit.dataset.made_from import MadeFrom
from facekit.dataset.records import own_file
from facekit.identity import evaluation, held_out
from facekit.identity.embedders.registry import KIND
from facekit.identity.evaluation import Settings
from facekit.identity.examples import examples
from facekit.identity.held_out import HeldOut
from facekit.identity.openset.evaluation import identify, open_strangers
from facekit.options.evaluate import Evaluate
from facekit.options.typed import typed
from facekit.report import scores as page
from facekit.runs import Run, reports
from facekit.runs.pictures import CHANGED
from facekit.runs.renewal import check_no_additions

STAGE = "evaluate"


def evaluate(options: Evaluate, track: Track = quiet) -> Report:
    """Score a run on a part of its own split, or on other pictures; write `scores.json` and `report.html`.

    Raises FacekitError: not a trained run, its pictures gone, labels the model does not know, a split by
    group that does not keep photos apart, a column that nobody knows.
    """
    began = time.monotonic()
    if str(options.run) in plugins.names(KIND) and not options.run.is_dir():
        raise FacekitError(
            f"{options.run} is an embedder, which knows no names; use `facekit evaluate-pairs {options.run} LIST`"
        )
    run = runs.load(options.run)
    if run.embeds:
        return evaluate_embedder(options, run, track)
    protocol.check(leave_out_joined(run.split)[0], run.protocol, str(run.folder))
    pictures = held_out.choose(run, options.data, options.part, track)
    _refuse_grown(run, pictures, options)
    settings = Settings(options.rounds, options.seed, options.by, options.table)
    output = _output(options, pictures)
    reports.check(output, pictures.data, STAGE)
    made_from = MadeFrom.of(pictures.asked_for, run.folder)
    if not options.overwrite:
        made_from.check(output, typed(options, overwrite=True))
    settings.check(pictures)
    strangers = None if options.strangers is None else open_strangers(run, options.strangers, track)
    if options.dry_run:
        count = len(pictures.records)
        return Report(STAGE, str(output), 0, count, pictures.left, details={"pictures": count})
    held_out.separate(run, pictures, options.include_training, options.jobs, track)
    predictions = held_out.predict(run, pictures, options.batch, options.jobs, track)
    among = identify(run, pictures, predictions, strangers, options.jobs, track)
    scores = evaluation.score(run, pictures, predictions, settings, among)
    scores = evaluation.with_before_cleaning(scores, run, pictures, options.batch, options.jobs, track, logging.DEBUG)
    page.write(output, run, scores, examples(run, pictures, predictions, options.jobs, track), run.history)
    made_from.write(output)
    seconds, details = round(time.monotonic() - began, 2), page.details(scores, output)
    report = Report(STAGE, str(output), 0, len(predictions.records), pictures.left, seconds, details)
    report.shown, report.notes = page.shown(details), (page.more(scores),)
    return report


def _refuse_grown(run: Run, pictures: HeldOut, options: Evaluate) -> None:
    """Refuse to score an old model under the name of a tree that has grown since. Raises StaleError."""
    if options.data is None and not pictures.left[CHANGED]:
        of_then = typed(options, data=run.root, part=options.part or TEST)
        check_no_additions(run, f"score the pictures as they were then with `{of_then}`")


def _output(options: Evaluate, pictures: HeldOut) -> Path:
    """Return the folder for the report: the one asked for, else one in the run.

    Another part, other data or a column are in its name, so that no score overwrites that of something else.
    """
    if options.output is not None:
        return options.output
    own, data = pictures.own, pictures.data
    parts = [] if own else [data.stem if data.is_file() else data.resolve().name]
    parts += [options.part] if options.part and not (own and options.part == "test") else []
    parts += [f"by-{options.by}"] if options.by else []
    parts += ["with-training"] if options.include_training else []
    folder = reports.folder(options.run, *parts)
    if not own and _is_of_other_data(folder, data):  # of the same name, as in old/faces and new/faces
        folder = folder.with_name(f"{folder.name}-{hashlib.sha256(str(data.resolve()).encode()).hexdigest()[:8]}")
    return folder


def _is_of_other_data(folder: Path, data: Path) -> bool:
    try:
        before = read_json(own_file(folder / reports.SCORES), _Scored).data
        return os.path.realpath(before) != os.path.realpath(data)
    except (OSError, ValueError, FacekitError):  # a path with a zero byte is none
        return False


@dataclass(frozen=True)
class _Scored:
    """What is read of an earlier report."""

    data: str
    """The tree that was scored."""
