"""Predict: the names of the faces in photos, one answer a face."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np

from facekit import runs
from facekit.base import contract, images
from facekit.base.contract import BadImage, Box, FacekitError, Image, Track, quiet
from facekit.base.names import spelled_as
from facekit.base.parallel import ordered_map
from facekit.base.text import counted
from facekit.dataset import pictures
from facekit.dataset.archives import is_archive
from facekit.dataset.inputs import Input, open_input
from facekit.faces.detectors import find, ready
from facekit.identity.openset.answers import Named, Recogniser, Seen
from facekit.options.common import STRANGER, is_stranger
from facekit.options.crop import FaceCrop
from facekit.options.predict import Predict
from facekit.report import sheet
from facekit.report.grid import Tile
from facekit.runs import Run

STAGE = "predict"
NO_FACE = "no face"

_BATCH = 16

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FoundFace:
    """A face to be named: where it is in its photo (None: it is the photo), and what the model sees of it."""

    picture: Path
    box: Box | None
    seen: Seen


Face = FoundFace | tuple[Path, BadImage]
"""A face, or a picture that shows none, with the reason."""


@dataclass(frozen=True)
class Guess:
    """A label, and the probability that the model gives it."""

    label: str
    confidence: float


@dataclass(frozen=True)
class Answer:
    """Who a face is: one line of the command's output."""

    picture: str
    box: Box | None
    """Where the face is in the picture; None where the picture is the face."""
    label: str | None
    """The most probable label; `unknown` for a face that is too far from the known faces of that label, and below
    `min_confidence`."""
    confidence: float | None
    """The model's own probability of the most probable label, which takes every face for one of its people."""
    similarity: float | None
    """How near the face is to the known faces of that label: one minus a distance. None where nothing can tell."""
    probability: float | None
    """The calibrated probability that the label is right, where half of all faces are of strangers. Of a model that
    cannot tell strangers: where none is."""
    top: tuple[Guess, ...]
    """The three most probable labels."""

    def row(self) -> dict[str, str]:
        """Return the answer as a row of a table for people: column -> text."""
        box, sure = self.box, self.confidence
        return {
            "photo": self.picture,
            "face": f"{box.w} x {box.h} at {box.x}, {box.y}" if box is not None else "",
            "name": self.label or "",
            "confidence": f"{sure:.2f}" if sure is not None else "",
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
    if any(map(is_stranger, run.labels)):
        log.warning("%s has a label %r, which also says that a face is of nobody the model knows", run.folder, STRANGER)
    with ExitStack() as stack:
        inputs = _inputs(options.pictures, stack, track)
        held = [(one, file) for one in inputs for file in _pictures(one)]
        pictures = [file for _, file in held]
        if options.dry_run:
            log.info("%s would be read", counted(len(pictures), "picture"))
            return iter(())
        names = {file: one.name(file) for one, file in held if one.is_copy}
        answers = _answers(run, Recogniser(run, options.fpir), pictures, options, names, track)
        return _named(answers, names, stack.pop_all())


def _named(answers: Iterator[Answer], names: Mapping[Path, str], held: ExitStack) -> Iterator[Answer]:
    """Yield the answers with what the pictures are called; what is unpacked is removed at the end."""
    with held:
        for answer in answers:
            name = names.get(Path(answer.picture))
            yield answer if name is None else replace(answer, picture=name)


def _answers(
    run: Run,
    recogniser: Recogniser,
    pictures: Sequence[Path],
    options: Predict,
    names: Mapping[Path, str],
    track: Track,
) -> Iterator[Answer]:
    crop = _crop(run) if options.detect else None
    results = ordered_map(partial(_faces, recogniser, crop), pictures, options.jobs)
    faces = (face for some in track(results, STAGE, total=len(pictures)) for face in some)
    tiles: list[Tile] = []
    while chunk := list(islice(faces, _BATCH)):
        named = iter(recogniser.named([face.seen for face in chunk if isinstance(face, FoundFace)]))
        for face in chunk:
            if not isinstance(face, FoundFace):
                yield _no_answer(*face)
                continue
            answer = _answer(run, face, next(named), options.min_confidence)
            if options.grid is not None and len(tiles) < sheet.most(options.grid):
                tiles.append(_tile(run, face, answer, names.get(face.picture)))
            yield answer
    if options.grid is not None:
        sheet.write(options.grid, tiles, "no picture shows a face")


def _faces(recogniser: Recogniser, crop: FaceCrop | None, picture: Path) -> list[Face]:
    try:
        image = images.read(picture)
        if crop is None:
            return [FoundFace(picture, None, recogniser.sees(image))]
        faces = find(image, crop)
        if not faces:
            raise BadImage(NO_FACE)
    except BadImage as error:
        return [(picture, error)]
    return [_cut(recogniser, crop, picture, image, face) for face in faces]


def _cut(recogniser: Recogniser, crop: FaceCrop, picture: Path, image: Image, face: contract.Face) -> Face:
    try:
        return FoundFace(picture, face.box, recogniser.sees(image, face, crop))
    except BadImage as error:
        return picture, error


def _crop(run: Run) -> FaceCrop:
    """Return how the model's own faces were cut; defaults where facekit did not cut them."""
    if not run.detects:
        log.warning(
            "%s was trained on pictures that facekit did not crop; faces are cropped with the defaults", run.folder
        )
    ready(run.face_crop)
    return run.face_crop


def _answer(run: Run, face: FoundFace, named: Named, least: float) -> Answer:
    order = np.argsort(-named.probabilities, kind="stable")[:3]
    top = tuple(Guess(run.labels[i], round(float(named.probabilities[i]), 4)) for i in order)
    known = float(named.probabilities[order[0]]) >= least and not named.stranger
    label = top[0].label if known else STRANGER
    similarity = None if named.similarity is None else round(named.similarity, 4)
    return Answer(str(face.picture), face.box, label, top[0].confidence, similarity, round(named.probability, 4), top)


def _no_answer(picture: Path, error: BadImage) -> NoAnswer:
    return NoAnswer(str(picture), None, None, None, None, None, (), error.reason)


def _tile(run: Run, face: FoundFace, answer: Answer, name: str | None) -> Tile:
    """Return a face for the sheet; its truth is known where its folder is called like one of the labels.

    `name` is what a picture is called that is only here until the end.
    """
    folder, label = face.picture.resolve().parent.name, answer.label or STRANGER
    folder = spelled_as([folder], run.labels)[folder]
    right = label == folder if folder in run.labels and label != STRANGER else None
    note = f"is {run.name(folder)}" if right is False else None
    shown: str = run.name(label)
    sure: float | None = answer.confidence or 0.0
    if label == STRANGER:  # how sure the model is, it is of a name
        shown, sure, note = label, None, f"nearest: {run.name(answer.top[0].label)}"
    photo = face.picture if name is None else None
    return Tile(face.seen.pixels, shown, sure, right, note, name or face.picture.name, photo)


def _inputs(paths: Iterable[Path], stack: ExitStack, track: Track) -> list[Input]:
    """Return the folders, photos and archives; a photo is read where it is."""
    found: list[Input] = []
    for path in paths:
        if not path.exists():
            raise FacekitError(f"no such picture or folder: {path}; give photos, or folders of photos")
        is_photo = not path.is_dir() and not is_archive(path)
        found.append(Input(path, path) if is_photo else stack.enter_context(open_input(path, track)))
    if not found:
        raise FacekitError("no pictures given; give photos, or folders of photos")
    return found


def _pictures(held: Input) -> list[Path]:
    folder = held.folder
    if not folder.is_dir():
        return [folder]
    found = pictures.below(folder)
    if found.left:
        log.warning("%s: left out: %s", held.given, found)
    if not found.files:
        raise FacekitError(f"{held.given} has no pictures; give photos, or folders of photos")
    return found.files
