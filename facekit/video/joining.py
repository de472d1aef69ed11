"""The frames of a file, or of a stream that is joined again when it drops."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace

from facekit.base.contract import FacekitError
from facekit.base.text import counted, visible
from facekit.video.frames import Counts, Ended, Frame, decoded
from facekit.video.opening import Opened, Unreachable, Waits, open_source
from facekit.video.sources import Source

log = logging.getLogger(__name__)

_LONGEST_PAUSE = 30.0
_AT_END = 1.0
"""Seconds before its end from which a video counts as complete: its last frames may be shorter than it says."""

_SHOWN = 0.02
"""Share of a video, at most, for which its last frame may be shown, until the video counts as cut off."""

_APART = 0.001
"""Seconds between the last frame of a live stream and the first one when it was joined again, at least."""


@dataclass(frozen=True)
class Joining:
    """How often a stream is joined again, and how long is waited."""

    tries: int = 5
    """In a row, without a frame between; 0: the stream ends where it drops."""
    pause: float = 1.0
    """Seconds before the first try; each further one waits twice as long, up to half a minute."""
    waits: Waits = field(default_factory=Waits)

    def before(self, number: int) -> float:
        """Return the seconds to wait before a try, counted from 0."""
        return min(_LONGEST_PAUSE, self.pause * float(2**number))


class Lost(FacekitError):
    """A stream that dropped and could not be joined again."""


class Reader:
    """Reads one video from its beginning to its end. Not thread-safe; `stop` may be called by another thread."""

    def __init__(self, source: Source, joining: Joining | None = None, counts: Counts | None = None) -> None:
        """Open the video. Raises FacekitError for one that cannot be opened."""
        self.source, self.joining, self.counts = source, joining or Joining(), counts or Counts()
        self._stopped = threading.Event()
        self._began = time.monotonic()
        self._open: Opened | None = open_source(source, self.joining.waits)
        self.seconds = self._open.seconds
        """How long it is; None: live."""
        self._zero: float | None = None
        """The time in the container that is second 0."""
        self._last = -1.0
        self._read = False

    @property
    def live(self) -> bool:
        """Whether frames come when they happen, not when they are asked for."""
        return self.source.kind != "file" and self.seconds is None

    def stop(self) -> None:
        """End the reading at the next packet."""
        self._stopped.set()

    def close(self) -> None:
        """Close a video of which no frame was asked for; who reads it closes it at the end."""
        if not self._read:
            self._close()

    def frames(self) -> Iterator[Frame]:
        """Yield frames in order, times in seconds since the first one, ascending over all that was joined.

        Raises Lost for a stream that drops and cannot be joined again.
        """
        self._read = True
        try:
            while self._open is not None:
                why = "it ended"
                try:
                    yield from self._from(self._open)
                except Ended as error:
                    why = self._reason(visible(str(error)).lower())
                if self._stopped.is_set() or self._complete(why):
                    return
                self._close()
                self._join(why)
        finally:
            self._close()

    def _from(self, one: Opened) -> Iterator[Frame]:
        offset = None if self._zero is None or self.live else -self._zero
        for frame in decoded(one, self.counts):
            if self._stopped.is_set():
                return
            now = time.monotonic()
            if self._zero is None:
                self._zero, self._began = frame.time, now
            if offset is None:  # what a live stream counts from changes each time that it is joined: the clock does not
                offset = max(now - self._began, self._last + _APART) - frame.time
            at = frame.time + offset
            if at > self._last:  # a video that is joined again may begin before the place where it dropped
                self._last = self.counts.seconds = at
                yield replace(frame, time=at, arrived=now)

    def _complete(self, why: str) -> bool:
        """Return whether a video that ended is at its end. Raises FacekitError for one without a single frame."""
        if self._last < 0 and not self.live:
            raise FacekitError(f"{self.source.name} has no frame that can be decoded; give a video that a player shows")
        if self.source.kind == "file":
            self._say_where(why)
            return True
        if self.seconds is not None and self._last >= self.seconds - _AT_END:
            return True
        return not self.joining.tries

    def _say_where(self, why: str) -> None:
        """Say where a file breaks off that cannot be read to its end, or is shorter than it says."""
        if why != "it ended":
            log.warning("%s cannot be read beyond second %.1f: %s", self.source.name, self._last, why)
        elif self.seconds is not None and self._last < self.seconds - max(_AT_END, _SHOWN * self.seconds):
            log.warning(
                "%s ends at second %.1f, though it says that it lasts for %.1f s; was it copied completely?",
                self.source.name, self._last, self.seconds,
            )  # fmt: skip

    def _join(self, why: str) -> None:
        """Open the stream again, waiting longer each time. Raises Lost."""
        for number in range(self.joining.tries):
            pause = self.joining.before(number)
            log.warning("%s dropped (%s); joining it again in %g s", self.source.name, why, pause)
            if self._stopped.wait(pause):
                return
            try:
                self._open = open_source(self.source, self.joining.waits)
            except Unreachable as error:
                why = str(error).partition(" (")[2].partition(")")[0] or "no answer"
                continue
            except FacekitError as error:  # the host is there, and answers an error page
                why = self._reason(str(error))
                continue
            self.counts.joined += 1
            self._seek()
            return
        raise Lost(
            f"{self.source.name} dropped at second {max(self._last, 0):.0f} and could not be joined again in "
            f"{counted(self.joining.tries, 'try', 'tries')} ({why}); check it, and start again, or give more --rejoin"
        )

    def _reason(self, message: str) -> str:
        """Return what a message says of this video, to be put into another."""
        why = message.partition(";")[0]
        return why.removeprefix(self.source.name).removeprefix(self.source.name.lower()).lstrip(": ")

    def _seek(self) -> None:
        """Go on near where a video dropped; where that is not possible, it is read again from its beginning."""
        if self.live or self._open is None or self._zero is None or self._last <= 0:
            return
        stream = self._open.stream
        if stream.time_base:
            with suppress(OSError):
                self._open.container.seek(int((self._last + self._zero) / stream.time_base), stream=stream)

    def _close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None
