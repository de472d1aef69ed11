"""Who was there when, in each of the files that `--summary` writes."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from facekit.base import images
from facekit.base.contract import Box, FacekitError
from facekit.report.timeline import Presence, Span, Video, clock, page
from facekit.video.eyes import Who
from facekit.video.sources import Source
from facekit.video.summary import Summary, timestamp, webvtt
from facekit.video.tracking import Best
from facekit.video.watching import Appearance

PICTURE = images.encode(np.full((20, 20, 3), 90, np.uint8))


def seen(
    name: str | None, start: float, end: float, stranger: int | None = None, track: int = 1, ended: bool = True
) -> Appearance:
    best = Best((start + end) / 2, 0.5, Box(1, 2, 3, 4), PICTURE, None)
    who = Who(name, 0.7, 0.9 if name else 0.1, stranger=stranger)
    return Appearance(track, start, end, round(5 * (end - start)), who, best, ended)


def written(folder: Path, *videos: tuple[str, list[Appearance]]) -> list[dict[str, object]]:
    summary = Summary(folder)
    for name, some in videos:
        watch = SimpleNamespace(counts=SimpleNamespace(seconds=20.0))
        summary.begin(Source.of_file(Path(name)), watch)  # type: ignore[arg-type]
        for one in some:
            summary.add(one)
    summary.write()
    return list(json.loads((folder / "summary.json").read_text())["videos"])


def test_short_absences_are_none(tmp_path: Path) -> None:
    some = [seen("Ada", 0, 2), seen("Ada", 3, 5), seen("Ada", 9, 10)]
    (video,) = written(tmp_path / "s", ("v.mp4", some))
    (ada,) = video["people"]  # type: ignore[misc]
    assert [(span["start"], span["end"], span["frames"]) for span in ada["spans"]] == [(0, 5, 20), (9, 10, 5)]
    assert ada["seconds"] == 6


def test_the_order_in_which_tracks_end_does_not_matter(tmp_path: Path) -> None:
    some = [seen("Ada", 8, 9), seen("Ben", 0, 9), seen("Ada", 1, 2), seen("Ada", 2.5, 7.5)]
    (video,) = written(tmp_path / "s", ("v.mp4", some))
    people = {one["name"]: one["spans"] for one in video["people"]}  # type: ignore[attr-defined]
    assert list(people) == ["Ben", "Ada"]  # whoever came first
    assert [(span["start"], span["end"]) for span in people["Ada"]] == [(1, 9)]


def test_what_goes_on_counts_when_it_has_ended(tmp_path: Path) -> None:
    (video,) = written(tmp_path / "s", ("v.mp4", [seen("Ada", 0, 1, ended=False), seen("Ada", 0, 4)]))
    assert [one["seconds"] for one in video["people"]] == [4]  # type: ignore[attr-defined]


def test_strangers_without_numbers_are_kept_apart(tmp_path: Path) -> None:
    some = [seen(None, 0, 1, track=1), seen(None, 5, 6, track=2), seen(None, 8, 9, stranger=1), seen(None, 12, 13, 1)]
    (video,) = written(tmp_path / "s", ("v.mp4", some))
    assert [(one["stranger"], len(one["spans"])) for one in video["people"]] == [(None, 1), (None, 1), (1, 2)]  # type: ignore[attr-defined]


def test_captions_are_called_like_their_videos(tmp_path: Path) -> None:
    written(tmp_path / "s", ("a/film.mp4", [seen("Ada", 0, 1)]), ("b/film.mp4", []), ("b/../odd.mp4", []))
    names = sorted(path.name for path in (tmp_path / "s").glob("*.vtt"))
    assert names == ["film-2.vtt", "film.vtt", "odd.vtt"]
    assert (tmp_path / "s" / "film-2.vtt").read_text() == "WEBVTT\n"


def test_captions_hold_no_markup_of_others() -> None:
    span = Span(1.0, 3723.5, 0.5, 2.0, 3)
    names = ["<b>Ada</b> & --> Ben", "Ada\n\n00:00 --> 01:00\nEve"]
    text = webvtt(Video("v", 9, [Presence(name, name, None, PICTURE, [span]) for name in names]))
    assert "00:00:01.000 --> 01:02:03.500" in text
    assert "&lt;b&gt;Ada&lt;/b&gt; &amp; --&gt; Ben (0.50)" in text
    assert text.count(" --> ") == 2
    assert len([line for line in text.splitlines() if line]) == 5


@pytest.mark.parametrize(
    ("seconds", "people", "captions"),
    [(0, "0:00.0", "00:00:00.000"), (59.96, "1:00.0", "00:00:59.960"), (3725.04, "1:02:05", "01:02:05.040")],
)
def test_times_as_people_and_players_read_them(seconds: float, people: str, captions: str) -> None:
    assert (clock(seconds), timestamp(seconds)) == (people, captions)


def test_the_page_shows_each_time_and_no_markup_of_others() -> None:
    spans = [Span(0, 10, 0.9, 5, 50), Span(15, 15.001, 0.9, 15, 1)]
    people = [
        Presence("<script>alert(1)</script>", "x", None, PICTURE, spans),
        Presence("stranger 1", None, 1, PICTURE, []),
    ]
    text = page([Video("http://127.0.0.1/live", 20, people)])
    assert text.count("<rect") == 2
    assert 'x="0.000%" width="50.000%"' in text
    assert 'width="0.150%"' in text  # too short to be seen otherwise
    assert "<script>alert" not in text
    assert "1 known person, 1 stranger" in text
    assert "0:10.0 in all" in text


def test_a_video_of_nobody_has_a_page_all_the_same(tmp_path: Path) -> None:
    assert written(tmp_path / "s", ("v.mp4", [])) == [{"video": "v.mp4", "seconds": 20.0, "people": []}]
    assert "No face was seen" in (tmp_path / "s" / "summary.html").read_text()


def test_a_folder_that_cannot_be_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FacekitError, match="--summary is .*file, which is a file; give a folder"):
        Summary(tmp_path / "file")
