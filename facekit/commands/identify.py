"""Identify: who is in photos, by a gallery. One answer a face."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, fields
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

from facekit.base import images
from facekit.base.cluster.client import hired
from facekit.base.contract import BadImage, Box, FacekitError, Image, Track, quiet
from facekit.base.files import write_csv
from facekit.base.parallel import Jobs, must_see, ordered_map
from facekit.dataset.given import Given, while_open
from facekit.dataset.sorting import SortedPhotos
from facekit.faces.landmarks import NO_FACE
from facekit.identity.embedders.metrics import Embeddings
from facekit.identity.faces import Finder, Seen
from facekit.identity.gallery import Gallery, Namer
from facekit.identity.gallery.answers import Answer, NoAnswer, named, no_answer, who_is
from facekit.identity.tally import Tallied
from facekit.options.common import STRANGER
from facekit.options.identify import Identify
from facekit.report.annotated import Annotated, Mark
from facekit.serving.monitor.recorder import Counted, Recorder, measured
from facekit.serving.monitor.watched import recorder_of_gallery
from facekit.video.answering import Watcher
from facekit.video.eyes import GalleryEyes
from facekit.video.inputs import Part, open_inputs, said, videos
from facekit.video.sources import Source
from facekit.video.watching import Appearance, Times

STAGE = "identify"

Cells = dict[str, Callable[["Answer"], str | int | float | None]]

_BATCH = 8
"""Photos whose faces are embedded together."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class VideoAnswer(Times, Answer):
    """Who a face is through a part of a video; the box is that of its best frame."""

    def row(self) -> dict[str, str]:
        """Return the answer as a row of a table for people: column -> text."""
        return {**Answer.row(self), **self.cells}


def identify(options: Identify, track: Track = quiet) -> Iterator[Answer]:
    """Name every face of the pictures, streaming one answer a face, in order, a photo's largest face first.

    Of videos, streams and cameras there is one answer for each time that a face is to be seen. Raises FacekitError,
    before the first answer, for a gallery that is not there or empty, or made by another embedder, and for pictures
    that are not there; after the last one, for a video that could not be watched to its end.
    """
    if options.csv is not None and (options.csv.is_dir() or not options.csv.parent.is_dir()):
        raise FacekitError(f"--csv is {options.csv}, which cannot be a file; give a name in a folder that exists")
    with ExitStack() as stack:
        gallery = stack.enter_context(Gallery.open(options.gallery))
        gallery.embedder()
        parts = open_inputs(options.pictures, stack, track)
        if options.dry_run:
            log.info("%s would be read", said(parts))
            return iter(())
        namer = gallery.namer(options.fpir, options.allow_repeats)
        _say(gallery, namer)
        finder = Finder(gallery.about.embedder.name, gallery.about.finding(options.detect))
        into = None if options.sort_into is None else SortedPhotos(options.sort_into, options.pictures)
        drawn = None if options.annotate is None else Annotated("--annotate", options.annotate)
        eyes = GalleryEyes(namer, finder, gallery.about.embedder.name, gallery.telling(namer))
        watcher = Watcher(eyes, options, STAGE, drawn)
        counting = None
        if options.monitor:
            counting = stack.enter_context(recorder_of_gallery(gallery, options.jobs, track))
        jobs = stack.enter_context(hired(options.cluster, options.jobs))
        asked = _Asked(Looking(finder, counting is not None), namer, drawn, jobs, counting)
        answers = _of_parts(parts, asked, watcher, track)
        if into is not None:
            answers = into.during(parts, answers, _place)
        listed = answers if options.csv is None else _listed(answers, options.csv, _cells(any(videos(parts))))
        return Tallied(while_open(listed, stack.pop_all()), _counts, [one.name for one in videos(parts)])


def _counts(one: Answer) -> tuple[str, str | None] | None:
    """Return what an answer is counted by; None for one that another follows."""
    return None if isinstance(one, VideoAnswer) and not one.ended else (one.picture, one.name)


def _place(answer: Answer) -> tuple[str, str | None]:
    """Return the photo of an answer, and the folder that it is sorted into."""
    reason = NO_FACE if isinstance(answer, NoAnswer) and answer.reason == NO_FACE else None
    return answer.picture, answer.name or reason


def _say(gallery: Gallery, namer: Namer) -> None:
    """Say what the threshold stands for. Raises FacekitError for a gallery of nobody."""
    if not len(namer.people.numbers):
        raise FacekitError(
            f"{gallery.shown} is an empty gallery; enroll people with `facekit enroll FACES -o {gallery.shown}`"
        )
    (log.info if namer.promise.promised else log.warning)("%s: %s", gallery.shown, namer.promise.line)


class Looked(NamedTuple):
    """The faces of a photo, largest first, as far as they are named by."""

    image: Image | None
    """The photo, where it was looked at in this process."""
    boxes: list[Box | None]
    vectors: Embeddings
    reasons: list[str | None]
    """Why a face has no embedding."""
    values: list[dict[str, float]]
    """What is counted of each face; of none where nothing counts."""


@dataclass(frozen=True)
class Looking:
    """What looks at photos: in threads of this process, or in a worker on another machine."""

    finder: Finder
    counts: bool

    def photo(self, file: Path) -> tuple[Seen | BadImage, list[dict[str, float]]]:
        """Return the faces of a photo, and what is counted of each; that is left out where nothing counts."""
        seen = self.finder.look(file)
        if not self.counts or isinstance(seen, BadImage):
            return seen, []
        return seen, [measured(seen.image, face.box) for face in seen.faces]

    def embedded(self, some: Sequence[tuple[Seen | BadImage, list[dict[str, float]]]]) -> list[Looked | BadImage]:
        """Return a few photos with the embeddings of their faces, which are made together."""
        faces = [face for seen, _ in some if isinstance(seen, Seen) for face in seen.faces]
        vectors, reasons = self.finder.embed([face.aligned for face in faces])
        looked: list[Looked | BadImage] = []
        first = 0
        for seen, values in some:
            if isinstance(seen, BadImage):
                looked.append(seen)
                continue
            rows = slice(first, first + len(seen.faces))
            first = rows.stop
            looked.append(Looked(seen.image, [face.box for face in seen.faces], vectors[rows], reasons[rows], values))
        return looked

    def far(self, files: Sequence[Path]) -> list[Looked | BadImage]:
        """Look at a few photos for another machine, to which none of them is sent."""
        looked = self.embedded([self.photo(file) for file in files])
        return [one if isinstance(one, BadImage) else one._replace(image=None) for one in looked]


@dataclass(frozen=True)
class _Asked:
    """What finds faces and names them, and who else is told of the answers."""

    looking: Looking
    namer: Namer
    drawn: Annotated | None
    jobs: Jobs
    counting: Recorder | None

    def look(self, files: Sequence[Path]) -> Iterator[Looked | BadImage]:
        """Yield what is seen in each photo, in order."""
        if isinstance(self.jobs, int):
            seen = ordered_map(self.looking.photo, files, self.jobs)
            while some := list(islice(seen, _BATCH)):
                yield from self.looking.embedded(some)
            return
        must_see(self.jobs, Path(), [str(file) for file in files])
        away = [file.absolute() for file in files]
        batches = (away[start : start + _BATCH] for start in range(0, len(away), _BATCH))
        yield from chain.from_iterable(ordered_map(self.looking.far, batches, self.jobs))

    def draw(self, photo: Path, looked: Looked, answers: Sequence[Answer]) -> None:
        """Write the annotated copy of a photo, if one is asked for."""
        if self.drawn is not None:
            try:
                image = images.read(photo) if looked.image is None else looked.image
            except BadImage as error:  # it was there when the worker read it
                log.warning("%s is not annotated: %s", photo, error.reason)
                return
            self.drawn.write(photo, image, [mark for answer in answers if (mark := _mark(answer))])

    def count(self, looked: Looked | BadImage, answers: Sequence[Answer]) -> None:
        """Count the answers to a photo; one that cannot be read says nothing."""
        if self.counting is None or (isinstance(looked, BadImage) and looked.reason != NO_FACE):
            return
        values = [] if isinstance(looked, BadImage) else looked.values
        named = zip(values, answers, strict=True)  # of a picture without a face, nothing
        self.counting.picture([_counted(one, value) for value, one in named if one.name is not None])


def _counted(answer: Answer, values: dict[str, float] | None = None) -> Counted:
    return Counted(values or {}, answer.name != STRANGER, answer.similarity)


def _of_parts(parts: Sequence[Part], asked: _Asked, watcher: Watcher, track: Track) -> Iterator[Answer]:
    try:
        for part in parts:
            if isinstance(part, Source):
                yield from _of_video(part, asked, watcher, track)
            else:
                yield from _answers(asked, part, track)
    finally:
        watcher.write()
    watcher.close()


def _of_video(source: Source, asked: _Asked, watcher: Watcher, track: Track) -> Iterator[Answer]:
    one: Appearance | None = None
    for one in watcher.watch(source, track):
        answer = VideoAnswer(**who_is(source.name, None, one.best.box, one.who, asked.namer), **one.times())
        if asked.counting is not None and one.ended:
            asked.counting.answer(_counted(answer))
        yield answer
    if one is None and not watcher.failed(source):
        yield no_answer(source.name, NO_FACE)


def _answers(asked: _Asked, given: Given, track: Track) -> Iterator[Answer]:
    namer = asked.namer
    seen = zip(given.files, asked.look(given.files), strict=True)
    for picture, looked in track(seen, STAGE, total=len(given.files)):
        if isinstance(looked, BadImage):
            asked.count(looked, ())
            yield no_answer(given.name(picture), looked.reason)
            continue
        named_as = namer.name(looked.vectors)
        answers = list(named(given.name(picture), looked.boxes, looked.reasons, named_as, namer))
        asked.draw(picture, looked, answers)
        asked.count(looked, answers)
        yield from _told(answers)


def _told(answers: Sequence[Answer]) -> Sequence[Answer]:
    """Return what is answered to a photo: that of its faces, else once that it shows none."""
    faces = [one for one in answers if not (isinstance(one, NoAnswer) and one.reason == NO_FACE)]
    return faces or [no_answer(answers[0].picture, NO_FACE)]


def _mark(answer: Answer) -> Mark | None:
    return None if answer.name is None else Mark(answer.box, answer.name, answer.name != STRANGER)


def _listed(answers: Iterator[Answer], file: Path, cells: Cells) -> Iterator[Answer]:
    """Yield the answers, and write them as a table at the end, also of those so far where it is interrupted."""
    rows: list[list[str | int | float | None]] = []
    try:
        for answer in answers:
            rows.append([cell(answer) for cell in cells.values()])
            yield answer
    finally:
        write_csv(file, list(cells), rows)


def _cells(with_videos: bool) -> Cells:
    """Return the columns of the table; those of videos only where there are videos."""
    ours = {field.name for field in fields(Answer)}
    more = [field.name for field in fields(VideoAnswer) if field.name not in ours] if with_videos else []
    return {
        **_CELLS,
        **{name: (lambda answer, name=name: getattr(answer, name, None)) for name in more},  # type: ignore[misc]
    }


def _side(place: int) -> Callable[[Answer], int | None]:
    return lambda answer: answer.box[place] if answer.box is not None else None


_CELLS: Cells = {
    "picture": lambda answer: answer.picture,
    "face": lambda answer: answer.face,
    **{side: _side(place) for place, side in enumerate("xywh")},
    **{
        f.name: (lambda answer, name=f.name: getattr(answer, name))  # type: ignore[misc]
        for f in fields(Answer)
        if f.name not in ("picture", "face", "box", "nearest")
    },
    "reason": lambda answer: answer.reason if isinstance(answer, NoAnswer) else None,
}
"""Column -> what it holds of an answer."""
