"""Live input: the newest frame is looked at, and the others are dropped."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from facekit.base.contract import FacekitError
from facekit.video.frames import Counts, Frame
from facekit.video.live import Newest


class Camera:
    """Gives a frame each time that it is told to; it stands in for a device, whose clock no test can turn."""

    def __init__(self) -> None:
        self.counts, self.stopped = Counts(), threading.Event()
        self.frames_ready = threading.Semaphore(0)
        self.given = 0
        self.fault: Exception | None = None

    def frames(self) -> Iterator[Frame]:
        while not self.stopped.is_set():
            if not self.frames_ready.acquire(timeout=0.05):
                continue
            if self.fault is not None:
                raise self.fault
            self.given += 1
            yield Frame(self.given / 10, SimpleNamespace())  # type: ignore[arg-type]

    def stop(self) -> None:
        self.stopped.set()

    def give(self, count: int) -> None:
        wanted = self.given + count
        self.frames_ready.release(count)
        while self.given < wanted:
            time.sleep(0.005)
        time.sleep(0.05)  # the last one is being held


def test_the_newest_frame_is_taken_and_the_others_are_dropped() -> None:
    camera = Camera()
    newest = Newest(camera, fps=10)  # type: ignore[arg-type]
    frames = newest.frames()
    camera.give(1)
    assert next(frames).time == pytest.approx(0.1)
    camera.give(50)  # whoever looks is slow
    assert next(frames).time == pytest.approx(5.1)
    assert camera.counts.dropped == 49
    frames.close()  # type: ignore[attr-defined]
    assert camera.stopped.is_set()


def test_frames_between_looks_are_no_loss() -> None:
    camera = Camera()
    frames = Newest(camera, fps=2).frames()  # type: ignore[arg-type]
    camera.give(4)  # 0.1 to 0.4 s: the first alone is due
    assert next(frames).time == pytest.approx(0.1)
    assert camera.counts.dropped == 0
    frames.close()  # type: ignore[attr-defined]


def test_a_fault_of_the_reader_is_raised_where_frames_are_taken() -> None:
    camera = Camera()
    camera.fault = FacekitError("lost")
    frames = Newest(camera, fps=10).frames()  # type: ignore[arg-type]
    camera.frames_ready.release()
    with pytest.raises(FacekitError, match="lost"):
        next(frames)
