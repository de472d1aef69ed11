"""Count what answers were like, while they are given."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from types import TracebackType

from facekit.base.contract import Box, FacekitError, Image
from facekit.faces import quality
from facekit.serving.monitor.days import DayStore, Reference, limits
from facekit.serving.monitor.measures import CONFIDENCE, FACES, SIMILARITY, UNKNOWN, WRONG, of_face, place

EVERY = 2.0
"""Seconds for which counts are held in memory: what a kill loses."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Counted:
    """What is counted of one answer; of who it is about, nothing."""

    quality: Mapping[str, float]
    """As `measured` returns it."""
    named: bool
    similarity: float | None = None
    """To the person named; of a stranger it is not counted."""
    confidence: float | None = None
    """Of a model that gives no similarity."""


def measured(image: Image, box: Box | None) -> dict[str, float]:
    """Return what is counted of a face where it is in its photo: some milliseconds of work. Threads may share it."""
    return of_face(quality.in_photo(image, box))


def today() -> date:
    """Return the day that is counted for: UTC, so that servers in several places agree."""
    return datetime.now(UTC).date()


class Recorder:
    """Adds answers to the counts of their day, as a context manager. Threads may share one."""

    def __init__(self, days: DayStore, references: Mapping[str, Reference], clock: Callable[[], date] = today) -> None:
        """Take over a store, and count over the bins of these references."""
        self.days, self.references = days, references
        self._edges, self._clock = limits(references), clock
        self._waiting: Counter[tuple[str, str, int]] = Counter()
        self._lock, self._since, self._failed = threading.Lock(), time.monotonic(), False

    def __enter__(self) -> Recorder:
        """Begin."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Write what is left, and close the store."""
        self.close()

    def picture(self, faces: Sequence[Counted]) -> None:
        """Count one picture, and the answers to its faces; there may be none."""
        self._count([(FACES.name, float(len(faces))), *(value for face in faces for value in _values(face))])

    def seen(self, faces: int) -> None:
        """Count one picture that shows so many faces; each answer is counted by `answer`."""
        self._count([(FACES.name, float(faces))])

    def answer(self, face: Counted) -> None:
        """Count one answer, such as that to a face through a video."""
        self._count(_values(face))

    def feedback(self, right: bool) -> None:
        """Count that somebody said an answer was right, or wrong."""
        self._count([(WRONG.name, float(not right))])

    def flush(self) -> None:
        """Write what waits. What cannot be written waits on, and is said once: answers do not depend on it."""
        with self._lock:
            waiting, self._waiting = self._waiting, Counter()
            self._since = time.monotonic()
        if not waiting:
            return
        try:
            self.days.add(waiting)
            self._failed = False
        except FacekitError as error:
            with self._lock:
                self._waiting.update(waiting)
            if not self._failed:
                log.warning("what the answers are like is not written at the moment: %s", error)
            self._failed = True

    def close(self) -> None:
        """Write what waits, and close the store."""
        self.flush()
        self.days.close()

    def _count(self, values: Sequence[tuple[str, float]]) -> None:
        day = self._clock().isoformat()
        with self._lock:
            self._waiting.update((day, name, place(self._edges[name], value)) for name, value in values)
            due = time.monotonic() - self._since >= EVERY
        if due:
            self.flush()


def _values(face: Counted) -> list[tuple[str, float]]:
    values = [*face.quality.items(), (UNKNOWN.name, float(not face.named))]
    if face.named and face.similarity is not None:
        values.append((SIMILARITY.name, face.similarity))
    if face.confidence is not None:
        values.append((CONFIDENCE.name, face.confidence))
    return values
