"""Decoding: frames upright and at their own times, a broken one passed over."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
from videos import still, write

from facekit.base.contract import Image
from facekit.video.frames import Counts, Due, Ended, Frame, _Clock, decoded
from facekit.video.opening import Opened, opened
from facekit.video.sources import Source


def frames(file: Path, counts: Counts | None = None) -> list[Frame]:
    with opened(Source.of_file(file)) as one:
        return list(decoded(one, counts or Counts()))


def corner() -> Image:
    """A dark picture that is red in its upper left corner."""
    image = np.full((48, 64, 3), 20, np.uint8)
    image[:16, :16] = (220, 20, 20)
    return image


@pytest.mark.parametrize(
    ("turned", "shape", "place"),
    [
        (0, (48, 64), (8, 8)),
        (90, (64, 48), (56, 8)),
        (-90, (64, 48), (8, 40)),
        (180, (48, 64), (40, 56)),
    ],
)
def test_a_frame_is_turned_as_a_player_turns_it(
    tmp_path: Path, turned: int, shape: tuple[int, int], place: tuple[int, int]
) -> None:
    file = write(tmp_path / "v.mp4", [(0.0, corner())] * 1, "mpeg4", turned)
    (frame,) = frames(file)
    image = frame.image()
    assert image.shape[:2] == shape
    assert image[place][0] > 150
    assert image[shape[0] // 2, shape[1] // 2][0] < 80


def test_times_are_those_of_the_file(tmp_path: Path) -> None:
    times = [0.0, 0.1, 0.15, 0.9, 2.5, 2.54]
    images = [image for _, image in still(len(times))]
    file = write(tmp_path / "v.mp4", zip(times, images, strict=True), "mpeg4")
    assert [frame.time for frame in frames(file)] == pytest.approx(times, abs=0.002)


def test_a_stream_that_counts_anew_goes_on(tmp_path: Path) -> None:
    times = [0.0, 0.5, 1.0, 1.5, 2.0]
    images = [image for _, image in still(len(times))]
    one = write(tmp_path / "v.ts", zip(times, images, strict=True), "mpeg4", format="mpegts").read_bytes()
    (tmp_path / "twice.ts").write_bytes(one + one)
    found = [frame.time for frame in frames(tmp_path / "twice.ts")]
    steps = np.diff(found)
    assert len(found) == 10
    assert steps[[0, 1, 2, 3, 5, 6, 7, 8]] == pytest.approx(np.full(8, 0.5), abs=0.01)
    assert 0 < steps[4] <= 0.5


@pytest.mark.parametrize(
    ("times", "wanted"),
    [
        ([0, 0.1, None, 0.3], [0, 0.1, 0.2, 0.3]),
        ([5, 5.1, 5.1, 5.2], [5, 5.1, 5.101, 5.2]),
        ([5, 5.1, 5.05, 5.2], [5, 5.1, 5.101, 5.2]),
        ([90, 90.5, 0, 0.5, 1.5], [90, 90.5, 90.6, 91.1, 92.1]),
    ],
)
def test_times_always_ascend(times: list[float | None], wanted: list[float]) -> None:
    clock = _Clock(SimpleNamespace(average_rate=10, guessed_rate=10))  # type: ignore[arg-type]
    assert [clock.time(SimpleNamespace(time=time)) for time in times] == pytest.approx(wanted)  # type: ignore[arg-type]


def test_looking_goes_by_the_clock_and_not_by_the_number_of_frames() -> None:
    due = Due(2)
    assert [time for time in (0.0, 0.1, 0.15, 0.9, 2.5, 2.54, 3.2) if due.take(time)] == [0.0, 0.9, 2.5, 3.2]
    every = Due(30)
    assert all(every.take(number / 30) for number in range(300))


def test_a_broken_frame_costs_that_frame(tmp_path: Path) -> None:
    whole = write(tmp_path / "whole.avi", still(10), "mjpeg")
    data = bytearray(whole.read_bytes())
    starts = [place for place in range(len(data)) if data[place : place + 3] == b"\xff\xd8\xff"]
    assert len(starts) == 10
    data[starts[4] : starts[5] - 16] = bytes(starts[5] - 16 - starts[4])
    (tmp_path / "broken.avi").write_bytes(data)
    counts = Counts()
    bright = [int(frame.image().mean()) for frame in frames(tmp_path / "broken.avi", counts)]
    assert bright == [int(frame.image().mean()) for number, frame in enumerate(frames(whole)) if number != 4]
    assert (counts.read, counts.broken) == (9, 1)


def test_a_file_that_breaks_off_gives_what_is_there(tmp_path: Path) -> None:
    data = write(tmp_path / "whole.ts", still(30), "mpeg4", format="mpegts").read_bytes()
    (tmp_path / "half.ts").write_bytes(data[: len(data) // 2])
    assert 5 <= len(frames(tmp_path / "half.ts")) < 30


def test_pixels_that_are_not_square_are_made_so(tmp_path: Path) -> None:
    file = tmp_path / "v.mkv"
    with av.open(str(file), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(3, 2)
        for _, image in still(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    assert frames(file)[0].image().shape[:2] == (48, 96)


def test_a_container_that_gives_nothing_but_errors_is_given_up() -> None:
    class Torn:
        def demux(self, stream: object) -> object:
            raise av.error.InvalidDataError(1, "bad")

    stream = SimpleNamespace(average_rate=25, guessed_rate=25, sample_aspect_ratio=None)
    counts = Counts()
    with pytest.raises(Ended, match="bad"):
        list(decoded(Opened(Torn(), stream, None), counts))  # type: ignore[arg-type]
    assert counts.broken > 5


def test_nothing_of_ffmpeg_is_printed(tmp_path: Path) -> None:
    data = bytearray(write(tmp_path / "v.mp4", still(10), "mpeg4").read_bytes())
    data[200:260] = bytes(60)
    (tmp_path / "v.mp4").write_bytes(data)
    code = (
        "import sys; from pathlib import Path; from facekit.video.joining import Reader\n"
        "from facekit.video.sources import Source\n"
        "list(Reader(Source.of_file(Path(sys.argv[1]))).frames())"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "v.mp4"], capture_output=True, text=True, timeout=60)
    assert done.stderr == done.stdout == ""
