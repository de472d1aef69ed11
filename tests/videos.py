"""Short videos of drawn people, and videos with what real ones have: turned, uneven, broken, silent or empty."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from facekit.base.contract import Image
from facekit.world.draw import staged
from facekit.world.people import Person
from facekit.world.shot import shot

SIZE = (240, 320)
FPS = 10

Stamped = tuple[float, Image]
"""A time in seconds, and a frame."""


@dataclass(frozen=True)
class Walk:
    """Somebody who walks through the picture."""

    person: Person
    start: float
    end: float
    """In seconds."""
    x: tuple[float, float] = (0.1, 0.9)
    """Where they come and where they go, as shares of the width."""

    def at(self, time: float) -> float | None:
        """Return where they are, 0 to 1; None while they are not there."""
        if not self.start <= time < self.end:
            return None
        return self.x[0] + (self.x[1] - self.x[0]) * (time - self.start) / (self.end - self.start)


def film(
    walks: Sequence[Walk], seconds: float, fps: float = FPS, seed: int = 7, size: tuple[int, int] = SIZE
) -> Iterator[Stamped]:
    """Yield the frames of a film in which people walk."""
    rng = np.random.default_rng(seed)
    common = replace(shot(rng), background="wall", noise=2.0, blur=0.0, quality=92, brightness=1.0, contrast=1.0)
    looks = [
        replace(
            shot(rng), expression="neutral", yaw=0.0, pitch=0.0, roll=0.0, face_size=0.42, place_y=0.4, light=0.3,
        )
        for _ in walks
    ]  # fmt: skip
    for number in range(round(seconds * fps)):
        time = number / fps
        there = [
            (walk.person, replace(look, place_x=x))
            for walk, look in zip(walks, looks, strict=True)
            if (x := walk.at(time)) is not None
        ]
        yield time, staged(there, common, size)[0]


def write(
    file: Path,
    frames: Iterable[Stamped],
    codec: str = "libx264",
    rotation: int = 0,
    format: str | None = None,
    head_first: bool = False,
) -> Path:
    """Write a video, each frame at its own time; a player turns it by `rotation` degrees against the clock."""
    options = {"crf": "18", "preset": "ultrafast"} if codec == "libx264" else {}
    with av.open(str(file), "w", format=format, options={"movflags": "faststart"} if head_first else {}) as container:
        stream = container.add_stream(codec, rate=Fraction(30), options=options)
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        base = Fraction(1, 1000)
        begun = False
        for time, image in frames:
            if not begun:
                stream.height, stream.width = image.shape[:2]
                stream.codec_context.time_base = base
                if codec == "mjpeg":
                    stream.codec_context.qmin = stream.codec_context.qmax = 3
                if rotation:
                    stream.set_display_rotation(rotation)
                begun = True
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = round(time / base), base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file


def still(count: int = 10, fps: float = 10, size: tuple[int, int] = (48, 64)) -> Iterator[Stamped]:
    """Yield grey frames with nobody in them, each a little brighter."""
    for number in range(count):
        yield number / fps, np.full((*size, 3), 20 + 5 * number, np.uint8)


def sound(file: Path) -> Path:
    """Write a file with sound alone."""
    with av.open(str(file), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.pts = 8000, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file


def without_frames(file: Path, like: Path) -> Path:
    """Write a video whose packets were all lost: it says what it holds, and holds nothing."""
    data = bytearray(shutil.copy(like, file) and file.read_bytes())
    place = data.find(b"mdat") + 4
    end = data.find(b"moov", place) - 4 if data.find(b"moov", place) > 0 else len(data)
    data[place:end] = bytes(end - place)
    file.write_bytes(data)
    return file
