"""Count the answers of a server beside its work: in one thread of its own, and no more than that has time for."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock

from facekit.base import images
from facekit.base.contract import Box, FacekitError, Image
from facekit.serving.monitor import gauges
from facekit.serving.monitor.recorder import Counted, Recorder, measured

MOST_WAITING = 16
"""Pictures that wait to be counted; further ones are left out, so that a busy server does not hold them all."""

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
class _Held:
    """A face with its surroundings: the photo itself is let go."""

    image: Image
    inside: Box | None
    asked: Asked


class Counting:
    """Counts what answers were like. All methods return at once, and none raises: answers do not depend on it."""

    def __init__(self, begin: Callable[[], Recorder], fault: Callable[[str, Exception], None]) -> None:
        """Count by what `begin` returns, called once in the thread: enrolled faces may have to be measured first.

        `fault` is told once, under a name, of what cannot be counted.
        """
        self._pool, self._begin, self._fault = ThreadPoolExecutor(1, "count"), begin, fault
        self._recorder: Recorder | None = None
        self._waiting, self._lock, self._failed = 0, Lock(), False
        self._text, self._until = b"", 0.0
        self._submit(lambda recorder: None)

    def picture(self, image: Image, faces: Sequence[Asked]) -> None:
        """Count a picture, and the answers to its faces."""
        with self._lock:
            if self._waiting >= MOST_WAITING:
                return
            self._waiting += 1
        held = [_held(image, one) for one in faces]
        self._submit(lambda recorder: _count(recorder, held), self._one_less)

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

    def _submit(self, work: Callable[[Recorder], None], done: Callable[[], None] = lambda: None) -> None:
        self._pool.submit(self._do, work, done)

    def _do(self, work: Callable[[Recorder], None], done: Callable[[], None]) -> None:
        try:
            self._recorder = self._recorder or self._begin()
            work(self._recorder)
            self._failed = False
        except Exception as error:  # noqa: BLE001 - it must not end the thread unseen
            if not self._failed:
                self._fault("not-counted" if isinstance(error, FacekitError) else "bug", error)
            self._failed = True
        finally:
            done()

    def _one_less(self) -> None:
        with self._lock:
            self._waiting -= 1

    def _find(self, recorder: Recorder) -> None:
        recorder.flush()
        self._text = gauges.rendered(recorder.days.days(), recorder.references)


def _count(recorder: Recorder, held: Sequence[_Held]) -> None:
    recorder.picture([
        Counted(measured(one.image, one.inside), one.asked.named, one.asked.similarity, one.asked.confidence)
        for one in held
    ])  # fmt: skip


def _held(image: Image, asked: Asked) -> _Held:
    """Return a face cut out of its photo with what is around it."""
    if asked.box is None:
        return _Held(image, None, asked)
    around = images.square(asked.box, _AROUND)
    inside = Box(asked.box.x - around.x, asked.box.y - around.y, asked.box.w, asked.box.h)
    return _Held(images.cut(image, around).copy(), inside, asked)
