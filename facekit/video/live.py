"""The newest frames of a live input: what cannot be looked at in time is dropped, and never queued."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from facekit.video.frames import Due, Frame
from facekit.video.joining import Reader

_PATIENCE = 0.2
"""Seconds between two looks at the keyboard's Ctrl-C while nothing comes."""

_FAREWELL = 2.0
"""Seconds that a reading thread has to end; one that hangs in a driver is left to end with the process."""


class Newest:
    """A thread that reads a live input, and holds the newest frame that is due: one, whatever the others do."""

    def __init__(self, reader: Reader, fps: float) -> None:
        """Begin to read; `fps` frames a second are due."""
        self._reader, self._due = reader, Due(fps)
        self._changed = threading.Condition()
        self._held: Frame | None = None
        self._over = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._read, name="facekit-live", daemon=True)
        self._thread.start()

    def frames(self) -> Iterator[Frame]:
        """Yield the newest frame each time that one is asked for, and wait for one that is newer than the last.

        Raises what the reader raises.
        """
        try:
            while True:
                with self._changed:
                    while self._held is None and not self._over:
                        self._changed.wait(_PATIENCE)
                    frame, self._held = self._held, None
                if frame is None:
                    if self._error is not None:
                        raise self._error
                    return
                yield frame
        finally:
            self._reader.stop()
            if threading.current_thread() is not self._thread:  # the collector may end this in any thread
                self._thread.join(_FAREWELL)

    def _read(self) -> None:
        try:
            for frame in self._reader.frames():
                if self._due.take(frame.time):
                    self._hold(frame)
        except BaseException as error:  # noqa: BLE001 - it is raised where the frames are taken
            self._error = error
        finally:
            with self._changed:
                self._over = True
                self._changed.notify()

    def _hold(self, frame: Frame) -> None:
        with self._changed:
            if self._held is not None:
                self._reader.counts.dropped += 1
            self._held = frame
            self._changed.notify()
