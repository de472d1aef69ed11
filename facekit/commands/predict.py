"""Predict: name the faces in photos, one answer per face."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import islice
from pathlib import Path

from facekit.base import digests, images
from facekit.base.contract import BadImage, Track, quiet
from facekit.base.names import spelled_as
from facekit.base.parallel import ordered_map
from facekit.dataset.credits import credit_of
from facekit.dataset.given import Given, while_open
from facekit.dataset.reasons import NO_FACE
from facekit.dataset.sorting import SortedPhotos
from facekit.identity.predictor import FoundFace, Prediction, Predictor, Shown
from facekit.identity.tally import Tallied
from facekit.options.common import STRANGER
from facekit.options.predict import Predict
from facekit.report import sheet
from facekit.report.grid import Tile
from facekit.report.timeline import clock
from facekit.runs import Run
from facekit.runs.export import open_model
from facekit.runs.pictures import trained_on
from facekit.serving.monitor.recorder import Counted, Recorder, measured
from facekit.serving.monitor.watched import recorder_of_run
from facekit.video.answering import Watcher
from facekit.video.eyes import RunEyes
from facekit.video.inputs import Part, open_inputs, said, videos
from facekit.video.sources import Source
from facekit.video.watching import Appearance, Times

STAGE = "predict"

_BATCH = 16

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _OfPicture:
    picture: str


@dataclass(frozen=True)
class Answer(Prediction, _OfPicture):  # in this order, `picture` is the first field
    """Who a face is: one line of the command's output."""

    def row(self) -> dict[str, str]:
        """Return the answer as a row of a table for people: column -> text."""
        box, sure = self.box, "" if self.probability is None else f"{self.probability:.2f}"
        name = self.label or ""
        if self.label == STRANGER and self.top:  # the probability is that of the nearest name: it stands with it
            name, sure = f"{STRANGER} (nearest: {', '.join(filter(None, (self.top[0].label, sure)))})", ""
        return {
            "photo": self.picture,
            "face": box.words if box is not None else "",
            "name": name,
            "probability": sure,
            "similarity": f"{self.similarity:.2f}" if self.similarity is not None else "",
            **({} if self.targets is None else {"shows": _shown(self.targets)}),
        }


def _shown(targets: Mapping[str, Shown]) -> str:
    return ", ".join(f"{one.label} {one.probability:.2f}" for one in targets.values())


@dataclass(frozen=True)
class NoAnswer(Answer):
    """A picture that cannot be read or shows no face: all but `picture` and `reason` is empty."""

    reason: str

    def row(self) -> dict[str, str]:
        """Return the answer as a row of a table for people: column -> text."""
        return {**Answer.row(self), "face": self.reason}


@dataclass(frozen=True, kw_only=True)
class VideoAnswer(Times, Answer):
    """Who a face is through a part of a video; the box is that of its best frame."""

    def row(self) -> dict[str, str]:
        """Return the answer as a row of a table for people: column -> text."""
        return {**Answer.row(self), **self.cells}


def predict(options: Predict, track: Track = quiet) -> Iterator[Answer]:
    """Name every face of the pictures, streaming one answer a face, in order, a photo's largest face first.

    Of videos, streams and cameras there is one answer for each time that a face is to be seen, and, of a model of
    classes such as expressions, for each time that its class changes. Raises FacekitError, before the first answer,
    for what is neither a trained run nor a model that was exported from one, and for pictures that are not there; while
    it answers, for a model whose weights give no probabilities; after the last one, for a video that could not be
    watched to its end.
    """
    if options.grid is not None:
        sheet.check_file("--grid", options.grid)
    run = open_model(options.run)
    with ExitStack() as stack:
        parts = open_inputs(options.pictures, stack, track)
        if options.dry_run:
            log.info("%s would be read", said(parts))
            return iter(())
        into = None if options.sort_into is None else SortedPhotos(options.sort_into, options.pictures)
        predictor = _predictor(run, options)
        watcher = Watcher(RunEyes(predictor, options.least, options.detect), options, STAGE)
        counting = None
        if options.monitor:
            counting = stack.enter_context(recorder_of_run(run, predictor.recogniser, options.jobs, track))
        answers = _of_parts(parts, predictor, watcher, options, counting, track)
        if into is not None:
            answers = into.during(parts, answers, _place)
        return Tallied(while_open(answers, stack.pop_all()), _counts, [one.name for one in videos(parts)])


def _counts(one: Answer) -> tuple[str, str | None] | None:
    """Return what an answer is counted by; None for one that another follows."""
    return None if isinstance(one, VideoAnswer) and not one.ended else (one.picture, one.label)


def _place(answer: Answer) -> tuple[str, str | None]:
    """Return the photo of an answer, and the folder that it is sorted into."""
    reason = NO_FACE if isinstance(answer, NoAnswer) and answer.reason == NO_FACE else None
    return answer.picture, answer.label or reason


def _predictor(run: Run, options: Predict) -> Predictor:
    """Load the model, and what finds faces, so that a fault shows before the first answer. Raises FacekitError."""
    predictor = Predictor(run, options.fpir)
    if options.detect:
        log.info("faces are found with `%s`, as in the photos that the model was trained on", predictor.crop.detector)
    return predictor


@dataclass
class _Grid:
    """The faces for `--grid`."""

    file: Path | None
    run: Run
    tiles: list[Tile] = field(default_factory=list)
    count: int = 0

    @cached_property
    def trained_on(self) -> frozenset[str]:
        """The hashes of the pictures and photos that the model was trained on."""
        return trained_on(self.run)

    def add(self, tile: Callable[[], Tile]) -> None:
        """Count a face, and keep its tile where the sheet shows so many."""
        self.count += 1
        if self.file is not None and len(self.tiles) < sheet.most(self.file):
            self.tiles.append(tile())

    def write(self) -> None:
        """Write the sheet."""
        if self.file is not None:
            sheet.write(self.file, self.tiles, self.count, "no picture shows a face", "face")


def _of_parts(
    parts: Sequence[Part],
    predictor: Predictor,
    watcher: Watcher,
    options: Predict,
    counting: Recorder | None,
    track: Track,
) -> Iterator[Answer]:
    grid = _Grid(options.grid, predictor.run)
    try:
        for part in parts:
            if isinstance(part, Source):
                yield from _of_video(part, predictor.run, watcher, grid, counting, track)
            else:
                yield from _answers(predictor, part, options, grid, counting, track)
    finally:
        watcher.write()
    grid.write()
    watcher.close()


def _of_video(
    source: Source, run: Run, watcher: Watcher, grid: _Grid, counting: Recorder | None, track: Track
) -> Iterator[Answer]:
    one: Appearance | None = None
    for one in watcher.watch(source, track):
        said = one.who.prediction or Prediction(None, STRANGER, None, None, None, (), targets=_nothing(run))
        answer = VideoAnswer(source.name, **{**vars(said), "box": one.best.box}, **one.times())
        if one.ended:
            grid.add(partial(_video_tile, run, one, answer))
            if counting is not None:
                counting.answer(_counted(answer))
        yield answer
    if one is None and not watcher.failed(source):
        yield _no_answer(source.name, BadImage(NO_FACE), run)


def _answers(
    predictor: Predictor, given: Given, options: Predict, grid: _Grid, counting: Recorder | None, track: Track
) -> Iterator[Answer]:
    results = ordered_map(partial(_faces, predictor, options.detect, counting), given.files, options.jobs)
    faces = (
        (picture, face, values)
        for picture, some in track(zip(given.files, results, strict=True), STAGE, total=len(given.files))
        for face, values in some
    )
    while chunk := list(islice(faces, _BATCH)):
        seen = [face for _, face, _ in chunk if isinstance(face, FoundFace)]
        named = iter(predictor.name(seen, options.least))
        for picture, face, values in chunk:
            if not isinstance(face, FoundFace):
                yield _no_answer(given.name(picture), face, predictor.run)
                continue
            answer = Answer(given.name(picture), **vars(next(named)))
            grid.add(partial(_tile, grid, picture, face, answer, given.names.get(picture)))
            if counting is not None:
                counting.answer(_counted(answer, values))
            yield answer


def _faces(
    predictor: Predictor, detect: bool, counting: Recorder | None, picture: Path
) -> list[tuple[FoundFace | BadImage, dict[str, float]]]:
    """Return the faces of a picture, each with what is counted of it, or the reason why there is none."""
    try:
        image = images.read(picture)
        found = predictor.look(image, detect)
    except BadImage as error:
        return [(error, {})]
    if counting is None:
        return [(one, {}) for one in _told(found)]
    counting.seen(len(found))
    return [(one, measured(image, one.box) if isinstance(one, FoundFace) else {}) for one in _told(found)]


def _told(found: Sequence[FoundFace | BadImage]) -> list[FoundFace | BadImage]:
    """Return what is answered to a photo: its faces, else once why it has none."""
    faces = [one for one in found if isinstance(one, FoundFace)]
    return [*faces] or [next(iter(found), BadImage(NO_FACE))]


def _counted(answer: Answer, values: dict[str, float] | None = None) -> Counted:
    confidence = answer.probability if answer.similarity is None else None
    return Counted(values or {}, answer.label not in (None, STRANGER), answer.similarity, confidence)


def _no_answer(picture: str, error: BadImage, run: Run) -> NoAnswer:
    return NoAnswer(picture, None, None, None, None, None, (), error.reason, targets=_nothing(run))


def _nothing(run: Run) -> Mapping[str, Shown] | None:
    """Return what is said of the targets of a face that has no answer; None of a model of one target."""
    return {} if run.more else None


def _tile(grid: _Grid, picture: Path, face: FoundFace, answer: Answer, name: str | None) -> Tile:
    """Return a face for the sheet; its truth is known where its folder is called like one of the labels.

    `name` is what a picture is called that is only here until the end.
    """
    run = grid.run
    folder, label = picture.resolve().parent.name, answer.label or STRANGER
    folder = spelled_as([folder], run.labels)[folder]
    right = label == folder if folder in run.labels and label != STRANGER else None
    note = f"is {run.name(folder)}" if right is False else None
    shown: str = run.name(label)
    sure = answer.probability
    if label == STRANGER:  # the probability is that of the nearest name
        near = "" if sure is None else f", {sure:.0%}"
        shown, sure, note = label, None, f"nearest: {run.name(answer.top[0].label)}{near}"
    photo = picture if name is None else None
    file, credit = name or picture.name, credit_of(photo)
    trained = digests.of(picture) in grid.trained_on
    return Tile(face.seen.pixels, shown, sure, right, note, file, photo, credit=credit, trained=trained)


def _video_tile(run: Run, one: Appearance, answer: VideoAnswer) -> Tile:
    """Return the best picture of a face in a video for the sheet."""
    label = answer.label or STRANGER
    when = f"{answer.picture} at {clock(answer.best)}"
    if label == STRANGER:
        return Tile(images.decode(one.best.picture), one.who.label, None, None, None, when, None)
    return Tile(images.decode(one.best.picture), run.name(label), answer.probability, None, None, when, None)
