"""Predict: name the faces in photos, one answer per face."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

from facekit import runs
from facekit.base import images
from facekit.base.contract import BadImage, Track, quiet
from facekit.base.names import spelled_as
from facekit.base.parallel import ordered_map
from facekit.base.text import counted
from facekit.dataset.given import Given, open_given, while_open
from facekit.identity.predictor import FoundFace, Prediction, Predictor
from facekit.options.common import STRANGER
from facekit.options.predict import Predict
from facekit.report import sheet
from facekit.report.grid import Tile
from facekit.runs import Run

STAGE = "predict"
NO_FACE = "no face"

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
        box, sure = self.box, self.probability
        nearest = f" (nearest: {self.top[0].label})" if self.label == STRANGER else ""
        return {
            "photo": self.picture,
            "face": box.words if box is not None else "",
            "name": f"{self.label or ''}{nearest}",
            "probability": f"{sure:.2f}" if sure is not None else "",
            "similarity": f"{self.similarity:.2f}" if self.similarity is not None else "",
        }


@dataclass(frozen=True)
class NoAnswer(Answer):
    """A picture that cannot be read or shows no face: all but `picture` and `reason` is empty."""

    reason: str

    def row(self) -> dict[str, str]:
        """Return the answer as a row of a table for people: column -> text."""
        return {**Answer.row(self), "face": self.reason}


def predict(options: Predict, track: Track = quiet) -> Iterator[Answer]:
    """Name every face of the pictures, streaming one answer a face, in order, a photo's largest face first.

    Raises FacekitError, before the first answer, for a folder that is no trained run, and for pictures that are not
    there; while it answers, for a model whose weights give no probabilities.
    """
    run = runs.load(options.run)
    if options.grid is not None:
        sheet.check_file("--grid", options.grid)
    with ExitStack() as stack:
        given = open_given(options.pictures, stack, track)
        if options.dry_run:
            log.info("%s would be read", counted(len(given.files), "picture"))
            return iter(())
        return while_open(_answers(_predictor(run, options), given, options, track), stack.pop_all())


def _predictor(run: Run, options: Predict) -> Predictor:
    """Load the model, and what finds faces, so that a fault shows before the first answer. Raises FacekitError."""
    predictor = Predictor(run, options.fpir, options.flip)
    if options.detect:
        _ = predictor.crop
    return predictor


def _answers(predictor: Predictor, given: Given, options: Predict, track: Track) -> Iterator[Answer]:
    results = ordered_map(partial(_faces, predictor, options.detect), given.files, options.jobs)
    faces = (
        (picture, face)
        for picture, some in track(zip(given.files, results, strict=True), STAGE, total=len(given.files))
        for face in some
    )
    tiles: list[Tile] = []
    count = 0
    while chunk := list(islice(faces, _BATCH)):
        seen = [face for _, face in chunk if isinstance(face, FoundFace)]
        named = iter(predictor.name(seen, options.min_confidence))
        for picture, face in chunk:
            if not isinstance(face, FoundFace):
                yield _no_answer(given.name(picture), face)
                continue
            answer = Answer(given.name(picture), **vars(next(named)))
            count += 1
            if options.grid is not None and len(tiles) < sheet.most(options.grid):
                tiles.append(_tile(predictor.run, picture, face, answer, given.names.get(picture)))
            yield answer
    if options.grid is not None:
        sheet.write(options.grid, tiles, count, "no picture shows a face")


def _faces(predictor: Predictor, detect: bool, picture: Path) -> list[FoundFace | BadImage]:
    """Return the faces of a picture, or the reason why there is none."""
    try:
        return predictor.look(images.read(picture), detect) or [BadImage(NO_FACE)]
    except BadImage as error:
        return [error]


def _no_answer(picture: str, error: BadImage) -> NoAnswer:
    return NoAnswer(picture, None, None, None, None, None, (), error.reason)


def _tile(run: Run, picture: Path, face: FoundFace, answer: Answer, name: str | None) -> Tile:
    """Return a face for the sheet; its truth is known where its folder is called like one of the labels.

    `name` is what a picture is called that is only here until the end.
    """
    folder, label = picture.resolve().parent.name, answer.label or STRANGER
    folder = spelled_as([folder], run.labels)[folder]
    right = label == folder if folder in run.labels and label != STRANGER else None
    note = f"is {run.name(folder)}" if right is False else None
    shown: str = run.name(label)
    sure: float | None = answer.confidence or 0.0
    if label == STRANGER:  # how sure the model is, it is of a name
        shown, sure, note = label, None, f"nearest: {run.name(answer.top[0].label)}"
    photo = picture if name is None else None
    return Tile(face.seen.pixels, shown, sure, right, note, name or picture.name, photo)
