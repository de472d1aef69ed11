"""A gallery or a trained run whose answers are counted, and what they are compared with."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from facekit import runs
from facekit.base.contract import FacekitError, Track, quiet
from facekit.identity.gallery import Gallery
from facekit.identity.openset.answers import Recogniser
from facekit.runs import Run
from facekit.serving.monitor import places, reference, sqlite
from facekit.serving.monitor.days import DayStore, Reference
from facekit.serving.monitor.recorder import Recorder, today
from facekit.serving.targets import is_run


@dataclass(frozen=True)
class Watched:
    """What is counted, and where."""

    shown: str
    kind: str
    """`gallery` or `model`."""
    enrolled: str
    """What `enrolled` stands for."""
    days: DayStore
    references: dict[str, Reference]
    remedy: str
    """The command that helps where answers have become worse."""


@contextmanager
def opened(place: str, again: bool = False, jobs: int = 0, track: Track = quiet) -> Iterator[Watched]:
    """Open what was counted of a gallery or a run; `again` forgets it first.

    Raises FacekitError for neither, and where nothing was ever counted.
    """
    if is_run(place):
        with _of_run(runs.load(Path(place)), again, jobs, track) as watched:
            yield watched
        return
    with Gallery.open(place) as gallery:
        if not places.is_begun(gallery.place):
            raise _nothing(gallery.shown, "identify")
        store = places.of_place(gallery.place)
        try:
            if again:
                store.clear()
            found = reference.of_gallery(gallery, store, jobs, track)
            remedy = f"facekit enroll PHOTOS -o {shlex.quote(gallery.shown)}"
            yield Watched(gallery.shown, "gallery", "enrolled faces", store, found, remedy)
        finally:
            store.close()


@contextmanager
def _of_run(run: Run, again: bool, jobs: int, track: Track) -> Iterator[Watched]:
    if not (run.folder / sqlite.FILE).exists():
        raise _nothing(str(run.folder), "predict")
    store = sqlite.in_folder(run.folder)
    try:
        if again:
            store.clear()
        found = reference.of_run(run, store, None, jobs, track)
        yield Watched(str(run.folder), "model", "held-out pictures", store, found, "facekit train FACES -o NEW-RUN")
    finally:
        store.close()


def _nothing(shown: str, command: str) -> FacekitError:
    return FacekitError(
        f"nothing was counted of the answers of {shown} yet; they are counted by `facekit serve`, and by "
        f"`facekit {command} {shlex.quote(shown)} PHOTOS --monitor`"
    )


def recorder_of_gallery(
    gallery: Gallery, jobs: int = 0, track: Track = quiet, clock: Callable[[], date] = today
) -> Recorder:
    """Return what counts the answers of a gallery; enrolled faces are measured for it where they are not yet.

    Raises FacekitError where the counts cannot be kept.
    """
    store = places.of_place(gallery.place)
    try:
        return Recorder(store, reference.of_gallery(gallery, store, jobs, track), clock)
    except BaseException:
        store.close()
        raise


def recorder_at(place: str) -> Recorder:
    """Return what counts the answers of a gallery at a folder or an address, which is not kept open."""
    with Gallery.open(place) as gallery:
        return recorder_of_gallery(gallery, 1)


def recorder_of_run(
    run: Run, recogniser: Recogniser, jobs: int = 0, track: Track = quiet, clock: Callable[[], date] = today
) -> Recorder:
    """Return what counts the answers of a run; held-out pictures are measured for it where they are not yet.

    Raises FacekitError for a model that was exported to a file, which keeps no counts.
    """
    if not run.folder.is_dir():
        raise FacekitError(f"--monitor: counts are kept in a trained run, and {run.folder} is a file; give the run")
    store = sqlite.in_folder(run.folder)
    try:
        return Recorder(store, reference.of_run(run, store, recogniser, jobs, track), clock)
    except BaseException:
        store.close()
        raise
