"""Who is in a video, and when: from a file, a stream or a camera to answers and a summary."""

from __future__ import annotations

import csv
import json
import logging
import re
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Facekit
from streaming import Host, hosting
from videos import Walk, film, still, write

from facekit.base import images
from facekit.commands.train import train
from facekit.options.train import Train
from facekit.world.people import people

pytest.importorskip("onnxruntime", reason="the extra `faces` is not installed")

PEOPLE = people(6, 42)
ADA, BEN, STRANGER = PEOPLE[0], PEOPLE[1], PEOPLE[4]
WALKS = [
    Walk(ADA, 0, 3, (0, 0.35)),
    Walk(BEN, 1, 4, (1, 0.65)),
    Walk(STRANGER, 4.5, 6, (0.1, 0.5)),
    Walk(ADA, 5.5, 7.5, (1, 0.75)),
    Walk(STRANGER, 8, 10, (0.8, 0.4)),
]
"""Two who are in the gallery, and a stranger who leaves and comes back."""

FPIR = "0.0001"
"""The false positive identification rate that is asked for: drawn people are more alike than real ones."""


@pytest.fixture(scope="module")
def movie(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("movie") / "walk.mp4", film(WALKS, 10))


@pytest.fixture
def host() -> Iterator[Host]:
    with hosting() as one:
        yield one


def answers(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def called(answer: dict[str, Any]) -> str:
    return answer["name"] if answer["stranger"] is None else f"stranger {answer['stranger']}"


@pytest.fixture(scope="module")
def watched(movie: Path, enrolled: Path) -> tuple[str, Path]:
    """What `identify` says of the film, and the folder with what it writes."""
    from contextlib import redirect_stdout
    from io import StringIO
    from unittest.mock import patch

    from facekit import cli

    root = movie.parent / "out"
    argv = [
        "facekit", "identify", str(enrolled), str(movie), "--fpir", FPIR, "--summary", str(root / "summary"),
        "--csv", str(movie.parent / "who.csv"), "--annotate", str(root / "drawn"),
    ]  # fmt: skip
    out = StringIO()
    with redirect_stdout(out), patch("sys.argv", argv), pytest.raises(SystemExit) as left:
        cli.main()
    assert not left.value.code
    return out.getvalue(), root


def test_one_name_a_track_and_one_number_a_stranger(watched: tuple[str, Path], movie: Path) -> None:
    found = answers(watched[0])
    wanted = [(ADA.name, 0, 3), (BEN.name, 1, 4), ("stranger 1", 4.5, 6), (ADA.name, 5.5, 7.5), ("stranger 1", 8, 10)]
    assert [called(one) for one in sorted(found, key=lambda one: one["start"])] == [name for name, _, _ in wanted]
    for one, (_, start, end) in zip(sorted(found, key=lambda one: one["start"]), wanted, strict=True):
        assert one["start"] == pytest.approx(start, abs=0.3)
        assert one["end"] == pytest.approx(end, abs=0.3)
        assert one["start"] <= one["best"] <= one["end"]
        assert one["picture"] == str(movie)
        assert one["ended"] is True
        assert one["face"] is None
        assert (one["similarity"] >= one["threshold"]) == (one["name"] != "unknown")
    assert len({one["track"] for one in found}) == len(found)


def test_the_summary_says_who_was_there_when(watched: tuple[str, Path]) -> None:
    folder = watched[1] / "summary"
    assert sorted(path.name for path in folder.iterdir()) == [
        "summary.csv", "summary.html", "summary.json", "walk.vtt",
    ]  # fmt: skip
    (video,) = json.loads((folder / "summary.json").read_text())["videos"]
    there = {(one["name"], one["stranger"]): one["spans"] for one in video["people"]}
    assert set(there) == {(ADA.name, None), (BEN.name, None), ("unknown", 1)}
    assert [len(spans) for spans in there.values()] == [2, 1, 2]
    assert video["seconds"] == pytest.approx(9.9, abs=0.01)
    with (folder / "summary.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert sorted((row["name"], row["stranger"]) for row in rows) == sorted(
        (name, "" if stranger is None else "1") for (name, stranger), spans in there.items() for _ in spans
    )
    captions = (folder / "walk.vtt").read_text()
    assert captions.startswith("WEBVTT\n\n00:00:00.000 --> 00:00:0")
    assert (
        len(
            re.findall(
                r"^\d\d:\d\d:\d\d\.\d{3} --> \d\d:\d\d:\d\d\.\d{3}\n(?:.+ \(0\.\d\d\)|stranger 1)$", captions, re.M
            )
        )
        == 5
    )
    page = (folder / "summary.html").read_text()
    assert page.count("<rect") == 5
    assert page.count("data:image/jpeg") == 3
    assert "://" not in re.sub(r"<script>.*?</script>|<style>.*?</style>", "", page, flags=re.S)


def test_the_table_has_a_row_for_each_answer(watched: tuple[str, Path], movie: Path) -> None:
    with (movie.parent / "who.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    found = answers(watched[0])
    assert [row["name"] for row in rows] == [one["name"] for one in found]
    assert [float(row["start"]) for row in rows] == [one["start"] for one in found]
    assert [row["stranger"] for row in rows] == ["" if one["stranger"] is None else "1" for one in found]


def test_the_best_frame_of_each_face_is_annotated(watched: tuple[str, Path]) -> None:
    found = answers(watched[0])
    drawn = sorted((watched[1] / "drawn").glob("[!.]*"))
    assert [path.name for path in drawn] == sorted(f"walk-{one['track']}.jpg" for one in found)
    assert {images.read(path).shape for path in drawn} == {(240, 320, 3)}


def test_a_turned_video_is_named_like_any_other(enrolled: Path, tmp_path: Path, facekit: Facekit) -> None:
    frames = [(time, image.swapaxes(0, 1)[::-1]) for time, image in film(WALKS[:1], 2)]
    video = write(tmp_path / "turned.mp4", frames, rotation=-90)
    found = answers(facekit("identify", enrolled, video, "--fpir", FPIR).out)
    assert [one["name"] for one in found] == [ADA.name]


def test_it_stops_after_the_seconds_that_were_asked_for(enrolled: Path, movie: Path, facekit: Facekit) -> None:
    found = answers(facekit("identify", enrolled, movie, "--fpir", FPIR, "--seconds", 2, "--fps", 2).out)
    assert [one["name"] for one in found] == [ADA.name, BEN.name]
    assert max(one["end"] for one in found) <= 2.25


def test_a_folder_of_photos_and_videos(enrolled: Path, movie: Path, tmp_path: Path, facekit: Facekit) -> None:
    frame = next(iter(film(WALKS[:1], 0.1)))[1]
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_bytes(images.encode_png(frame))
    (tmp_path / "in" / "b.mp4").symlink_to(movie)
    write(tmp_path / "in" / "nobody.mkv", still(), "mpeg4")
    done = facekit("identify", enrolled, tmp_path / "in", "--fpir", FPIR, "--seconds", 1, "--csv", tmp_path / "o.csv")
    found = answers(done.out)
    assert [Path(one["picture"]).name for one in found] == ["a.png", "b.mp4", "nobody.mkv"]
    assert [one["name"] for one in found] == [ADA.name, ADA.name, None]
    assert found[2]["reason"] == "no face"
    dry = facekit("identify", enrolled, tmp_path / "in", "--dry-run")
    assert "1 picture and 2 videos would be read" in dry.err


def test_a_broken_video_does_not_keep_the_others_from_being_watched(
    enrolled: Path, movie: Path, tmp_path: Path, facekit: Facekit
) -> None:
    (tmp_path / "text.mp4").write_text("words\n" * 100)
    done = facekit("identify", enrolled, tmp_path / "text.mp4", movie, "--seconds", 1, "--summary", tmp_path / "s")
    assert done.code == 2
    assert len(answers(done.out)) == 1
    assert done.err.splitlines()[-1].startswith("error: ") or "is no video that can be read" in done.err
    assert len(json.loads((tmp_path / "s" / "summary.json").read_text())["videos"]) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{folder}/none.mp4"], "no such video: .*none.mp4; give"),
        (["{text}"], "text.mp4 is no video that can be read; give one that a player opens"),
        (["{movie}", "--summary", "{text}"], "--summary is .*text.mp4, which is a file; give a folder"),
        (["{movie}", "--fps", "0"], "--fps is 0"),
        (["gopher://example.org/v"], "has a scheme that is not read; give one of http, https, rtsp"),
        (["http://127.0.0.1:9/v.mp4"], r"does not answer \(no connection\); check the address"),
        (["rtsp://127.0.0.1:9/v"], "does not answer .*check the address"),
        (["{host}/page"], "is a web page; give the address of the picture, video or stream itself"),
        (["{host}/sneaky.mp4"], "is a web page; give the address"),
        (["{host}/text.mp4"], "answers something that is no video"),
        (["{host}/none"], "answers with HTTP status 404; check the address"),
        (["9876"], "there is no camera 9876|opens no cameras|camera 9876 .* does not answer"),
    ],
)
def test_bad_input_is_one_line(
    enrolled: Path, movie: Path, host: Host, tmp_path: Path, facekit: Facekit, arguments: list[str], message: str
) -> None:
    (tmp_path / "text.mp4").write_text("words\n" * 100)
    html = b"<!DOCTYPE html><html><body>Sign in</body></html>" + b" " * 200
    host.pages |= {"/page": ("text/html; charset=utf-8", html), "/sneaky.mp4": ("video/mp4", html)}
    host.pages["/text.mp4"] = ("video/mp4", b"words\n" * 100)
    places = {"folder": tmp_path, "movie": movie, "text": tmp_path / "text.mp4", "host": host.address}
    done = facekit("identify", enrolled, *(one.format(**places) for one in arguments), "-q", "--rejoin", 0)
    assert (done.code, done.out) == (2, "")
    (line,) = [line for line in done.err.splitlines() if "cannot be promised" not in line]
    assert re.search(message, line)


def test_a_full_disk_loses_no_answer(enrolled: Path, movie: Path, tmp_path: Path, facekit: Facekit) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, limits[1]))  # room for all but the page
    try:
        done = facekit("identify", enrolled, movie, "--fpir", FPIR, "--seconds", 1, "--summary", tmp_path / "s")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert done.code == 2
    assert "no space left to write" in done.err
    assert [one["name"] for one in answers(done.out)] == [ADA.name]


def test_a_picture_at_a_web_address(enrolled: Path, host: Host, facekit: Facekit) -> None:
    frame = next(iter(film(WALKS[:1], 0.1)))[1]
    host.pages["/Ada%20L.png"] = ("image/png", images.encode_png(frame))
    (one,) = answers(facekit("identify", enrolled, host.url("/Ada%20L.png"), "--fpir", FPIR).out)
    assert (one["picture"], one["name"]) == (host.url("/Ada%20L.png"), ADA.name)


def test_a_video_at_a_web_address_that_breaks_off(enrolled: Path, movie: Path, host: Host, facekit: Facekit) -> None:
    host.pages["/walk.mp4"] = ("video/mp4", movie.read_bytes())
    host.cuts = 2
    found = answers(facekit("identify", enrolled, host.url("/walk.mp4"), "--fpir", FPIR, "--seconds", 3.5).out)
    assert [one["name"] for one in found] == [ADA.name, BEN.name]


def test_a_live_stream_says_who_comes_and_who_has_gone(
    enrolled: Path, host: Host, tmp_path: Path, facekit: Facekit, caplog: pytest.LogCaptureFixture
) -> None:
    part = write(tmp_path / "part.ts", film(WALKS[:1], 3), format="mpegts").read_bytes()
    host.live["/live"] = [part] * 2
    with caplog.at_level(logging.INFO):
        done = facekit(
            "identify", enrolled, host.url("/live"), "--fpir", FPIR, "--rejoin", 1, "--summary", tmp_path / "s"
        )
    assert done.code == 2  # it could not be joined a second time, and whoever waits for it must know
    assert "could not be joined again in 1 try" in done.err
    found = answers(done.out)
    assert {one["name"] for one in found} == {ADA.name}
    assert found[-1]["ended"]
    assert "joined again 1 time" in done.err
    (video,) = json.loads((tmp_path / "s" / "summary.json").read_text())["videos"]
    assert [one["name"] for one in video["people"]] == [ADA.name]


def test_predict_names_by_a_run(even: Path, movie: Path, tmp_path: Path, facekit: Facekit) -> None:
    train(Train(input=even, output=tmp_path / "run", backbone="dlib", fpir=0.2))
    done = facekit("predict", tmp_path / "run", movie, "--summary", tmp_path / "s", "--grid", tmp_path / "grid.png")
    assert done.code == 0, done.err
    found = sorted(answers(done.out), key=lambda one: one["start"])
    labels = [one["label"] for one in found]
    assert [labels[0], labels[1], labels[3]] == [ADA.name, BEN.name, ADA.name]
    assert [one["stranger"] for one in found] == [None, None, 1, None, 1]
    assert found[0]["top"][0]["label"] == ADA.name
    assert (tmp_path / "grid.png").exists()


def test_predict_tells_when_a_class_changes(even: Path, tmp_path: Path, facekit: Facekit) -> None:
    # The classes are three people, and one face becomes another at second 1.5 without leaving its place.
    train(Train(input=even, output=tmp_path / "run", backbone="dlib", labels="classes"))
    one, other = (list(film([Walk(who, 0, 3, (0.5, 0.5))], 3)) for who in (ADA, BEN))
    video = write(tmp_path / "v.mp4", one[:15] + other[15:])
    found = answers(facekit("predict", tmp_path / "run", video).out)
    assert [one["label"] for one in found] == [ADA.name, BEN.name]
    assert found[0]["end"] == pytest.approx(1.5, abs=0.3)
    assert found[1]["start"] == pytest.approx(1.5, abs=0.3)
    assert {one["stranger"] for one in found} == {None}


def test_a_class_that_changes_within_one_track(even: Path, tmp_path: Path, facekit: Facekit) -> None:
    train(Train(input=even, output=tmp_path / "run", network="cnn3", size=32, epochs=1, batch=8, labels="classes"))
    video = write(tmp_path / "v.mp4", film([Walk(ADA, 0, 2, (0.4, 0.6))], 2))
    (one,) = answers(facekit("predict", tmp_path / "run", video).out)
    assert (one["start"], one["stranger"], one["similarity"]) == (0.0, None, None)
    assert one["label"] in {person.name for person in PEOPLE[:3]}


def test_the_extra_is_named_where_it_is_missing(
    enrolled: Path, movie: Path, facekit: Facekit, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "av", None)
    done = facekit("identify", enrolled, movie)
    assert done.code == 2
    assert "needs av: pip install 'facekit-cli[video]'" in done.err
