"""Count the answers of a server beside its work: in one thread of its own, and no more than that has time for."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from threading import Lock

from facekit.base import images
from facekit.base.contract import Box, FacekitError, Image
from facekit.serving.monitor import gauges
from facekit.serving.monitor.recorder import Counted, Recorder, measured

MOST_WAITING = 16
"""Pictures that wait to be counted; further ones are left out, so that a busy server does not hold them all."""

MOST_BYTES = 64_000_000
"""Of the pixels of their faces together; one picture alone may have more."""

GAUGES_SECONDS = 60.0
"""How long numbers for Prometheus are given again before days are compared anew."""

_AROUND = 0.6
"""Surroundings of a face that are held for its landmarks, as a share of its side."""


@dataclass(frozen=True)
class Asked:
    """A face that was asked about, and its answer."""

    box: Box | None
    named: bool
    similarity: float | None = None
    confidence: float | None = None


@dataclass(frozen=True)
class _Face:
    """A face with its surroundings: the photo itself is let go."""

    image: Image
    inside: Box | None


@dataclass(frozen=True)
class Held:
    """The faces of a picture that waits to be counted."""

    faces: list[_Face]


class Counting:
    """Counts what answers were like. All methods return at once, and none raises: answers do not depend on it."""

    def __init__(self, begin: Callable[[], Recorder], fault: Callable[[str, Exception], None]) -> None:
        """Count by what `begin` returns, called once in the thread: enrolled faces may have to be measured first.

        `fault` is told once, under a name, of what cannot be counted.
        """
        self._pool, self._begin, self._fault = ThreadPoolExecutor(1, "count"), begin, fault
        self._recorder: Recorder | None = None
        self._waiting, self._bytes, self._lock, self._failed = 0, 0, Lock(), False
        self._text, self._until = b"", 0.0
        self._submit(lambda recorder: None)

    def picture(self, image: Image, faces: Sequence[Asked]) -> None:
        """Count a picture, and the answers to its faces."""
        self.count(self.hold(image, [one.box for one in faces]), faces)

    def hold(self, image: Image, boxes: Sequence[Box | None]) -> Held | None:
        """Cut out faces that are to be counted once they are answered; None where too much waits already.

        What is held is let go with the last reference to it.
        """
        around = [_around(image, box) for box in boxes]
        size = sum(3 * box.w * box.h for box in around)
        with self._lock:
            if self._waiting >= MOST_WAITING or (self._waiting and self._bytes + size > MOST_BYTES):
                return None
            self._add(1, size)
        held = Held([_cut(image, box, area) for box, area in zip(boxes, around, strict=True)])
        weakref.finalize(held, self._let_go, size)
        return held

    def count(self, held: Held | None, answers: Sequence[Asked | None]) -> None:
        """Count a picture that is held, and the answer to each of its faces; None of one that could not be compared."""
        if held is not None:
            self._submit(partial(_count, held, answers))

    def feedback(self, right: bool) -> None:
        """Count that somebody said an answer was right, or wrong."""
        self._submit(lambda recorder: recorder.feedback(right))

    def gauges(self) -> bytes:
        """Return numbers for Prometheus, of at most a minute ago; none until the first were found."""
        if time.monotonic() >= self._until:
            self._until = time.monotonic() + GAUGES_SECONDS
            self._submit(self._find)
        return self._text

    def close(self) -> None:
        """Count what waits, and write it."""
        self._submit(lambda recorder: recorder.close())
        self._pool.shutdown(wait=True)

    def _submit(self, work: Callable[[Recorder], None]) -> None:
        self._pool.submit(self._do, work)

    def _do(self, work: Callable[[Recorder], None]) -> None:
        try:
            self._recorder = self._recorder or self._begin()
            work(self._recorder)
            self._failed = False
        except Exception as error:  # noqa: BLE001 - it must not end the thread unseen
            if not self._failed:
                self._fault("not-counted" if isinstance(error, FacekitError) else "bug", error)
            self._failed = True

    def _let_go(self, size: int) -> None:
        with self._lock:
            self._add(-1, -size)

    def _add(self, pictures: int, size: int) -> None:
        self._waiting += pictures
        self._bytes += size

    def _find(self, recorder: Recorder) -> None:
        recorder.flush()
        self._text = gauges.rendered(recorder.days.days(), recorder.references)


def _count(held: Held, answers: Sequence[Asked | None], recorder: Recorder) -> None:
    pairs = zip(held.faces, answers, strict=True)
    recorder.picture([
        Counted(measured(face.image, face.inside), one.named, one.similarity, one.confidence)
        for face, one in pairs
        if one is not None
    ])  # fmt: skip


def _around(image: Image, box: Box | None) -> Box:
    """Return the part of a photo that is held of a face."""
    return images.whole(image) if box is None else images.square(box, _AROUND)


def _cut(image: Image, box: Box | None, around: Box) -> _Face:
    """Return a face cut out of its photo with what is around it."""
    if box is None:
        return _Face(image, None)
    return _Face(images.cut(image, around).copy(), Box(box.x - around.x, box.y - around.y, box.w, box.h))
