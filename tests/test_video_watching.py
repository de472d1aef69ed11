"""Watching: what is said while somebody is there, at Ctrl-C, and of frames that show somebody for a moment only."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from videos import still, write

from facekit.base.contract import Box, Image
from facekit.video import opening
from facekit.video.evidence import Evidence
from facekit.video.eyes import Who
from facekit.video.joining import Joining
from facekit.video.sources import Source
from facekit.video.tracking import Likeness, Sighting
from facekit.video.watching import Appearance, Settings, Watch

NONE = np.empty(0, np.float32)


class Bright:
    """Eyes that see a face wherever a frame is bright: its embedding is how bright, and nobody is known.

    They stand in for networks, which see no faces in frames as small and plain as these.
    """

    likeness: Likeness | None = Likeness("euclidean", 0.6)
    changing = False

    @staticmethod
    def telling(people: int) -> float:
        return 0.5

    def see(self, image: Image) -> list[Sighting]:
        found = []
        for half, part in enumerate((image[:, : image.shape[1] // 2], image[:, image.shape[1] // 2 :])):
            level = round(float(part.mean()) / 50)
            if level:
                vector = np.eye(8, dtype=np.float32)[level]
                found.append(Sighting(Box(half * 32, 8, 24, 24), vector, NONE, 0.5))
        return found

    def name(self, tracks: Sequence[Evidence], taken: Sequence[Collection[str]]) -> list[Who]:
        return [Who(None, 0.1, 0.1) for _ in tracks]


def frames(*seconds: tuple[int, int], fps: int = 10) -> Iterator[tuple[float, Image]]:
    """Frames whose halves are so bright, a second of each."""
    for second, (left, right) in enumerate(seconds):
        image = np.zeros((48, 64, 3), np.uint8)
        image[:, :32], image[:, 32:] = left, right
        for number in range(fps):
            yield second + number / fps, image


def watched(file: Path, **more: object) -> list[Appearance]:
    return list(Watch(Source.of_file(file), Bright(), Settings(**more)).appearances())  # type: ignore[arg-type]


def test_strangers_are_numbered_in_the_order_in_which_they_leave(tmp_path: Path) -> None:
    video = write(tmp_path / "v.mp4", frames((100, 0), (100, 200), (0, 200), (0, 0), (0, 100)), "mpeg4")
    found = watched(video)
    assert [(one.who.stranger, round(one.start), round(one.end)) for one in found] == [(1, 0, 2), (2, 1, 3), (1, 4, 5)]
    assert [one.who.label for one in found] == ["stranger 1", "stranger 2", "stranger 1"]


def test_a_face_of_a_single_frame_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    video = write(tmp_path / "v.mp4", [*frames((0, 0)), (1.0, np.full((48, 64, 3), 100, np.uint8)), *frames()], "mpeg4")
    with caplog.at_level("INFO"):
        assert watched(video) == []
    assert "2 faces of a single frame left out" in caplog.text


def test_every_worker_count_gives_the_same(tmp_path: Path) -> None:
    video = write(tmp_path / "v.mp4", frames((100, 200), (0, 200), (150, 0)), "mpeg4")
    assert watched(video, jobs=1) == watched(video, jobs=4)


def test_frames_are_kept_whole_only_to_be_annotated(tmp_path: Path) -> None:
    video = write(tmp_path / "v.mp4", frames((100, 0)), "mpeg4")
    assert [one.best.frame for one in watched(video)] == [None]
    assert all(one.best.frame for one in watched(video, keep_frames=True))


@pytest.fixture
def camera(monkeypatch: pytest.MonkeyPatch) -> Source:
    """A camera that shows a bright picture: FFmpeg's own source of colours is a device like one."""
    monkeypatch.setattr(opening, "camera", lambda number: ("lavfi", "color=c=gray:size=64x48:rate=10,realtime"))
    return Source.of_camera("0")


def test_ctrl_c_ends_a_live_input_and_loses_nothing(camera: Source) -> None:
    def interrupted(looked: Iterable[object]) -> Iterator[object]:
        for number, one in enumerate(looked):
            if number == 15:
                raise KeyboardInterrupt
            yield one

    watch = Watch(camera, Bright(), Settings(fps=10, joining=Joining(0)))
    assert watch.live
    found = []
    with pytest.raises(KeyboardInterrupt):
        for one in watch.appearances(interrupted):  # type: ignore[arg-type]
            found.append((one.track, one.ended))
    assert sorted(found) == [(1, False), (1, True), (2, False), (2, True)]


def test_a_live_input_ends_after_the_seconds_that_were_asked_for(camera: Source) -> None:
    watch = Watch(camera, Bright(), Settings(fps=10, seconds=1.0, joining=Joining(0)))
    assert {one.ended for one in watch.appearances()} == {True}
    assert watch.counts.looked_at >= 1
    assert watch.counts.delay < 30


def test_ctrl_c_on_a_file_is_an_interruption(tmp_path: Path) -> None:
    def interrupted(looked: Iterable[object]) -> Iterator[object]:
        raise KeyboardInterrupt
        yield

    watch = Watch(Source.of_file(write(tmp_path / "v.mp4", still(5), "mpeg4")), Bright(), Settings())
    with pytest.raises(KeyboardInterrupt):
        list(watch.appearances(interrupted))  # type: ignore[arg-type]
