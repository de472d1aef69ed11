"""Decode a video to frames: upright, each with its time, broken ones counted and passed over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import cv2
import numpy as np

from facekit.base.contract import FacekitError, Image
from facekit.video.opening import Opened

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

_MOST_ERRORS = 20
"""Errors of a container in a row after which it is given up: each costs what is left of a packet."""

_BACK = 1.0
"""Seconds that times must go back for a stream to count again; less is a fault of a single frame."""

_LEAST = 0.001
"""Seconds between two frames, at least."""

_USUAL_RATE = 25.0
"""Frames a second of a video that does not say."""


@dataclass
class Counts:
    """What became of the frames of a video."""

    read: int = 0
    """Frames that were decoded."""
    looked_at: int = 0
    broken: int = 0
    """Frames that could not be decoded, and packets that hold none."""
    dropped: int = 0
    """Frames of a live input that were due, and not looked at because newer ones had come."""
    joined: int = 0
    """Times that a stream was joined again."""
    delay: float = 0.0
    """The longest time from a live frame's arrival to its faces, in seconds."""
    seconds: float = 0.0
    """How far the video has been read."""


@dataclass(frozen=True)
class Frame:
    """A frame, not yet turned into pixels: most frames are not looked at."""

    time: float
    """Seconds since the first frame."""
    picture: VideoFrame
    aspect: Fraction | None = None
    """How much wider than high a pixel is."""
    arrived: float = 0.0
    """When it was decoded, by the clock that only goes forward."""

    def image(self) -> Image:
        """Return its pixels, RGB and upright, as a player shows them."""
        pixels = np.asarray(self.picture.to_ndarray(format="rgb24"), np.uint8)
        if self.aspect:
            width = max(1, round(pixels.shape[1] * float(self.aspect)))
            pixels = np.asarray(cv2.resize(pixels, (width, pixels.shape[0]), interpolation=cv2.INTER_AREA), np.uint8)
        # FFmpeg's angle is against the clock, as NumPy's is.
        return np.ascontiguousarray(np.rot90(pixels, round(self.picture.rotation / 90) % 4))


class Ended(Exception):
    """A stream ended by an error, not where it ends."""


def decoded(one: Opened, counts: Counts) -> Iterator[Frame]:
    """Yield the frames of an open video in order, times in seconds as the container has them.

    A broken frame costs that frame. Raises Ended where the container cannot be read on.
    """
    import av

    clock, aspect = _Clock(one.stream), _aspect(one.stream)
    for packet in _packets(one, counts):
        try:
            pictures = packet.decode()
        except av.error.InvalidDataError:
            counts.broken += 1
            continue
        except (OSError, av.FFmpegError) as error:
            raise Ended(getattr(error, "strerror", None) or str(error)) from None
        for picture in pictures:
            if picture.is_corrupt:
                counts.broken += 1
                continue
            counts.read += 1
            yield Frame(clock.time(picture), picture, aspect)


def _packets(one: Opened, counts: Counts) -> Iterator[Packet[VideoStream]]:
    """Yield packets, going on behind what the container cannot read. Raises Ended."""
    import av

    errors = 0
    while True:
        try:
            for packet in one.container.demux(one.stream):
                errors = 0
                yield packet
            return
        except av.error.EOFError:
            return
        except av.error.InvalidDataError as error:
            counts.broken += 1
            errors += 1
            if errors > _MOST_ERRORS:
                raise Ended(error.strerror) from None
        except (OSError, FacekitError, av.FFmpegError) as error:
            raise Ended(getattr(error, "strerror", None) or str(error)) from None


class _Clock:
    """The times of frames, as they are in the file, and always ascending.

    A frame without a time follows from the rate. Where a stream begins to count again, its times go on.
    """

    def __init__(self, stream: VideoStream) -> None:
        rate = float(stream.average_rate or stream.guessed_rate or _USUAL_RATE)
        self._step = 1 / rate if 0.01 < rate < 1000 else 1 / _USUAL_RATE
        self._last: float | None = None
        self._shift = 0.0

    def time(self, picture: VideoFrame) -> float:
        found = None if picture.time is None else float(picture.time) + self._shift
        if self._last is None:
            self._last = found or 0.0
            return self._last
        if found is None or found < self._last - _BACK:
            self._shift += 0.0 if found is None else self._last + self._step - found
            found = self._last + self._step
        self._last = max(found, self._last + _LEAST)
        return self._last


def _aspect(stream: VideoStream) -> Fraction | None:
    found = stream.sample_aspect_ratio
    return found if found and found != 1 and Fraction(1, 4) <= found <= 4 else None


class Due:
    """Which frames are looked at: the first one at or after each tick of a clock of so many ticks a second."""

    def __init__(self, fps: float) -> None:
        """Take every frame that a clock of `fps` ticks a second asks for."""
        self.fps, self._next = fps, 0

    def take(self, time: float) -> bool:
        """Return whether the frame of this time, in seconds, is due; times only go forward."""
        tick = int(time * self.fps + 1e-6)
        if tick < self._next:
            return False
        self._next = tick + 1
        return True
