"""Measure a trained contender: its scores on held-out pictures, and its speed."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from itertools import cycle, islice

from facekit import runs
from facekit.base import images
from facekit.base.contract import BadImage, Face, Image, Record, Track
from facekit.base.files import sha256_of
from facekit.base.parallel import ordered_map
from facekit.commands.compare.contenders import SET
from facekit.commands.compare.joint import answers
from facekit.dataset import Dataset
from facekit.dataset.lineage import TEST, VALIDATION
from facekit.identity import classifier, evaluation, held_out
from facekit.identity.classifier import Classifier
from facekit.identity.embedders import face_in
from facekit.identity.evaluation import Settings
from facekit.identity.examples import examples
from facekit.identity.held_out import HeldOut
from facekit.identity.openset.evaluation import identify
from facekit.identity.overlap import Overlap
from facekit.identity.split import Split
from facekit.options.base import describe
from facekit.options.compare import Compare
from facekit.options.train import Train
from facekit.report import scores as page
from facekit.report.comparison import AmongStrangers, Row, Score, Test
from facekit.runs import Run, provenance, reports
from facekit.scores.classes import ClassScores, Intervals
from facekit.scores.groups import GroupScores
from facekit.scores.model import ModelScores

_ROUNDS = 3


@dataclass(frozen=True)
class Course:
    """What all contenders are trained and scored on, and how."""

    split: Split
    given: Dataset | None
    """The pictures of `--test`."""
    options: Compare
    track: Track
    overlaps: dict[Test, Overlap] = field(default_factory=dict)
    """What of each test the training of all contenders used, as far as it was looked for."""

    @cached_property
    def given_digest(self) -> str | None:
        """The digest of the given pictures."""
        return self.given.digest() if self.given else None


def described(name: str, options: Train, reason: str | None = None) -> Row:
    """Return a contender's row without any number: what it is, and why it has none."""
    defaults = {option.name: option.default for option in describe(Train) if option.name not in SET}
    settings = {key: getattr(options, key) for key in defaults if getattr(options, key) != defaults[key]}
    learned = {key: value for key in ("targets", "target_weights") if (value := getattr(options, key)) is not None}
    settings = {**settings, **learned}
    if options.backbone:
        return Row(name, f"{options.backbone}, frozen", settings, reason)
    parts = [options.network, f"{options.size} px", "gray" if options.color == "gray" else ""]
    weights = "" if options.weights == "none" else f"from {options.weights}"
    return Row(name, ", ".join(filter(None, [*parts, weights])), settings, reason)


def measured(name: str, options: Train, run: Run, course: Course) -> Row:
    """Return a contender's row with all numbers: of its training, on the pictures held out, and its speed.

    Photos as found, and their copies and children, are scored apart where there are both: a score over all of them
    hides what a leak does.
    """
    info = run.info
    scored = list(_scored(run, course))
    only = run.targets[0].name if course.options.targets and not run.info.targets else None
    held = course.split.part(TEST) or course.split.part(VALIDATION) or course.split.records
    return replace(
        described(name, options),
        train=info.scores.accuracy,
        validation=info.scores.val_accuracy,
        scores=[score for test, scores, link, _ in scored for score in _scores(test, scores, link, only)],
        open_set=[AmongStrangers.of(test, one) for test, scores, _, _ in scored if (one := scores.identification)],
        parameters=info.parameters,
        epochs=info.epochs,
        best_epoch=info.best_epoch,
        seconds_per_epoch=_seconds(run),
        training_seconds=info.training_seconds,
        pictures_per_second=speed(run, course.split.dataset, held, course.options.batch, course.options.jobs),
        banners=list(dict.fromkeys(banner for _, scores, _, _ in scored for banner in scores.banners)),
        weights=provenance.of_run(run),
        compared=[line for test, scores, _, _ in scored for line in _compared(name, test, scores)],
        model=identity(run),
        test=course.given_digest,
        right=next((right for test, _, _, right in scored if test == "own"), {}),
    )


def speed(run: Run, dataset: Dataset, records: Sequence[Record], batch: int, jobs: int) -> float | None:
    """Return pictures a second from file to answer, the way `predict` goes: warm, the median of three rounds.

    A round is one full batch. Where a face is in a picture that was cropped is known; no detector looks for it.
    None where no picture can be read.
    """
    model = classifier.load(run)
    some = list(records[:batch])
    inputs = ordered_map(partial(_input, model, dataset), some, jobs)
    readable = [record for record, one in zip(some, inputs, strict=True) if one is not None]
    if not readable:
        return None
    some = list(islice(cycle(readable), batch))
    times = []
    for _ in range(1 + _ROUNDS):
        began = time.perf_counter()
        for _ in model.probabilities(_inputs(model, dataset, some, jobs), batch):
            pass
        times.append(time.perf_counter() - began)
    return len(some) / statistics.median(times[1:])


def identity(run: Run) -> str:
    """Return what changes when a run is trained again."""
    return sha256_of(run.folder / runs.MODEL)


Scored = tuple[Test, ModelScores, str, dict[str, str]]
"""The scores on a test, the link to their page from the folder of the comparison, and what became of each picture."""


def _scored(run: Run, course: Course) -> Iterator[Scored]:
    """Yield the scores of a run on each test."""
    if course.split.part(TEST):
        yield "own", *_evaluate(run, _chosen(run, course, "own"), course, "")
    if course.given:
        yield "given", *_evaluate(run, _chosen(run, course, "given"), course, "given")


def _chosen(run: Run, course: Course, test: Test) -> HeldOut:
    """Return the pictures of a test without what training used: the same ones for all contenders, found once."""
    data = None if course.given is None or test == "own" else course.given.root
    pictures = held_out.choose(run, data, None, course.track)
    held_out.separate(run, pictures, jobs=course.options.jobs, track=course.track, known=course.overlaps.get(test))
    if pictures.overlap is not None:
        course.overlaps[test] = pictures.overlap
    return pictures


def _evaluate(run: Run, pictures: HeldOut, course: Course, name: str) -> tuple[ModelScores, str, dict[str, str]]:
    """Score a run on some pictures, and write its report into the run's folder."""
    options = course.options
    output = reports.folder(run.folder, *filter(None, [name]))
    reports.check(output, pictures.data, "evaluate")
    predictions = held_out.predict(run, pictures, options.batch, options.jobs, course.track)
    among = identify(run, pictures, predictions, None, options.jobs, course.track)
    scores = evaluation.score(run, pictures, predictions, Settings(seed=options.seed), among)
    scores = evaluation.with_before_cleaning(scores, run, pictures, options.batch, options.jobs, course.track)
    page.write(output, run, scores, examples(run, pictures, predictions, options.jobs, course.track), run.history)
    right = answers(run, predictions, course.split.part(TEST)) if options.targets and not name else {}
    return scores, os.path.relpath(output / reports.PAGE, options.output), right


def _compared(name: str, test: Test, scores: ModelScores) -> Iterator[str]:
    """Yield in words what was left out of a test, and what the accuracy on it is before cleaning."""
    if (found := scores.compared) is not None:
        counts = ", ".join(f"{count:,} {reason}" for reason, count in found.used.items())
        left = f"Left out: {counts}." if counts else "None of its pictures were used in training."
        yield f"{test.capitalize()} test: compared with the training pictures {found.said}. {left}"
    if scores.before_cleaning is not None:
        yield f"{name}, accuracy on the {test} test before cleaning: {scores.before_cleaning}."


def _scores(test: Test, scores: ModelScores, link: str, only: str | None) -> list[Score]:
    """Return what the table shows of the scores; `only` is the target of a run of one, beside runs of several."""
    if scores.targets:
        found = [(one.name, one.classes, one.intervals) for one in scores.targets]
    elif only is not None:
        found = [(only, scores.classes, scores.intervals)]
    else:
        found = []
    if found:
        return [_of_target(test, name, classes, intervals, link) for name, classes, intervals in found]
    if scores.apart:
        return [_part(test, part, link) for part in scores.apart]
    classes, intervals = scores.classes, scores.intervals
    accuracy, f1 = (intervals.accuracy, intervals.macro_f1) if intervals is not None else (None, None)
    return [Score(test, None, classes.pictures, classes.accuracy, accuracy, classes.macro.f1, f1, link)]


def _of_target(test: Test, name: str, classes: ClassScores, intervals: Intervals | None, link: str) -> Score:
    ends = (intervals.accuracy, intervals.macro_f1) if intervals is not None else (None, None)
    return Score(test, name, classes.pictures, classes.accuracy, ends[0], classes.macro.f1, ends[1], link)


def _part(test: Test, part: GroupScores, link: str) -> Score:
    rates, intervals = part.scores, part.intervals
    accuracy, f1 = (intervals.accuracy, intervals.macro_f1) if intervals is not None else (None, None)
    return Score(test, part.name, part.pictures, rates.accuracy, accuracy, rates.macro_f1, f1, link)


def _seconds(run: Run) -> float | None:
    """Return the median seconds of an epoch; the first, in which the network is compiled, counts only if alone."""
    seconds = [epoch.seconds for epoch in run.history]
    return statistics.median(seconds[1:] or seconds) if seconds else None


def _input(model: Classifier, dataset: Dataset, record: Record) -> Image | None:
    try:
        image = images.read(dataset.root / record.path)
        box = face_in(image, record, dataset.info)
        return model.sees(image, None if box is None else Face(box, 0.0))
    except BadImage:
        return None


def _inputs(model: Classifier, dataset: Dataset, records: Sequence[Record], jobs: int) -> Iterator[Image]:
    inputs = ordered_map(partial(_input, model, dataset), records, jobs)
    return (one for one in inputs if one is not None)
