"""A stream that drops is joined again, a bounded number of times; a file that breaks off goes on where it was."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from streaming import Host, hosting
from videos import still, write

from facekit.video.joining import Joining, Lost, Reader
from facekit.video.sources import Source

SOON = Joining(tries=2, pause=0.02)


@pytest.fixture
def host() -> Iterator[Host]:
    with hosting() as one:
        yield one


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A second of a stream: ten frames."""
    return write(tmp_path_factory.mktemp("live") / "v.ts", still(10), "mpeg4", format="mpegts").read_bytes()


def test_a_stream_that_drops_three_times_is_joined_three_times(
    host: Host, live: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    host.live["/live"] = [live] * 4
    reader = Reader(Source.of_url(host.url("/live")), SOON)
    assert reader.live
    times = []
    with (
        caplog.at_level(logging.WARNING),
        pytest.raises(Lost, match=r"could not be joined again in 2 tries .*--rejoin"),
    ):
        times.extend(frame.time for frame in reader.frames())
    assert (len(times), reader.counts.joined) == (40, 3)
    assert times == sorted(set(times))
    assert "joining it again in 0.02 s" in caplog.text
    assert "joining it again in 0.04 s" in caplog.text  # the second try in a row waits twice as long


def test_a_stream_that_may_not_be_joined_again_ends_where_it_drops(host: Host, live: bytes) -> None:
    host.live["/live"] = [live] * 2
    reader = Reader(Source.of_url(host.url("/live")), Joining(tries=0))
    assert len(list(reader.frames())) == 10
    assert len(host.live["/live"]) == 1


def test_pauses_grow_and_are_bounded() -> None:
    pauses = [Joining(pause=1).before(number) for number in (0, 1, 2, 3, 10)]
    assert pauses == [1, 2, 4, 8, 30]


def noisy(folder: Path, head_first: bool) -> bytes:
    """A video of forty frames."""
    rng = np.random.default_rng(1)
    some = ((number / 10, rng.integers(0, 255, (96, 128, 3), np.uint8)) for number in range(40))
    return write(folder / "v.mp4", some, "mpeg4", head_first=head_first).read_bytes()


@pytest.mark.parametrize("head_first", [False, True])
def test_a_video_that_breaks_off_goes_on_where_it_was(host: Host, tmp_path: Path, head_first: bool) -> None:
    host.pages["/v.mp4"] = ("video/mp4", noisy(tmp_path, head_first))
    host.cuts = 3
    reader = Reader(Source.of_url(host.url("/v.mp4")), SOON)
    assert not reader.live
    times = [frame.time for frame in reader.frames()]
    assert times == pytest.approx([number / 10 for number in range(40)], abs=0.001)
    assert host.cuts == 0


def test_a_video_whose_host_is_gone_for_a_while_is_not_read_twice(host: Host, tmp_path: Path) -> None:
    host.pages["/v.mp4"] = ("video/mp4", noisy(tmp_path, head_first=True))
    host.cuts, host.refusals = 1, 3
    reader = Reader(Source.of_url(host.url("/v.mp4")), Joining(tries=4, pause=0.02))
    times = [frame.time for frame in reader.frames()]
    assert times == pytest.approx([number / 10 for number in range(40)], abs=0.001)
    assert (reader.counts.joined, host.refusals) == (1, 0)


def test_a_reader_that_is_stopped_ends(host: Host, live: bytes) -> None:
    host.live["/live"] = [live] * 2
    reader = Reader(Source.of_url(host.url("/live")), Joining(tries=5, pause=30))
    began = time.monotonic()
    for _ in reader.frames():
        reader.stop()
    assert time.monotonic() - began < 20


def test_a_file_is_read_once(tmp_path: Path) -> None:
    reader = Reader(Source.of_file(write(tmp_path / "v.mkv", still(10), "mpeg4")), SOON)
    assert not reader.live
    assert [round(frame.time, 2) for frame in reader.frames()] == [number / 10 for number in range(10)]


def test_a_file_that_was_not_copied_completely_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    whole = write(tmp_path / "v.mp4", still(11, fps=1), "mjpeg", head_first=True)
    with caplog.at_level(logging.WARNING):
        assert len(list(Reader(Source.of_file(whole)).frames())) == 11
        assert caplog.text == ""
        whole.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
        assert 1 < len(list(Reader(Source.of_file(whole)).frames())) < 10
    assert "though it says that it lasts for 1" in caplog.text
    assert "was it copied completely?" in caplog.text
