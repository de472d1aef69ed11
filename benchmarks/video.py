"""Who is in a video, and when: films of known length and people, streams that drop, and hours of live input.

    python benchmarks/video.py [DATA] [--part drawn] [--part lfw] [--part speed] [--part stream] [--part live]

`drawn`: six drawn people, three of them enrolled, walk through films, leave and come back; a hundred other drawn people
are given as strangers when the three are enrolled. `lfw`: photos of LFW's people (DATA, else FACEKIT_DATA) move over
drawn backgrounds, at changing sizes, light and sharpness, up to three at a time; each appearance shows another photo,
none of which is enrolled. Half of each known person's photos are enrolled. `speed`: frames a CPU second, for each
embedder with the detector that suits it. `stream`: a short film comes from an HTTP server that breaks off three times,
once as a file and once as a live stream, and from a camera over RTSP whose server is killed three times, and over TLS,
where Debian's `gir1.2-gst-rtsp-server-1.0` is installed. `live`: a stream that never ends is watched for `--minutes`,
and the memory of the process is noted.

Seconds of persons count: each tenth of a second, who is named is held against who is there; all strangers are one
name there. Beside it, how many names one walk through the picture got, and how many numbers a stranger.

Measured are every second of LFW's 42 people and strangers whose names have an odd CRC-32, and drawn films from number
200 on. `--development` takes the others, and drawn films from 100 on: whoever changes how tracks are linked, weighed or
named chooses on these.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from video_films import KNOWN_PHOTOS, Film, drawn_films, drawn_gallery, facekit, lfw, short_film
from video_scores import Scored, scored
from video_streams import live, streams

SPEED_SECONDS = 12
"""Of the film in which frames are counted by the second."""

PARTS = ("drawn", "lfw", "speed", "stream", "live")


def identify(gallery: Path, video: object, *more: object) -> tuple[list[dict[str, Any]], float, str]:
    """Return the answers of the command, the seconds that the processor was busy, and what it said."""
    before = os.times()
    words = [sys.executable, "-m", "facekit", "identify", str(gallery), str(video), *map(str, more)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    after = os.times()
    if done.returncode:
        raise SystemExit(done.stderr)
    busy = after.children_user + after.children_system - before.children_user - before.children_system
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    return [one for one in answers if one.get("name")], busy, done.stderr


def counted(said: str) -> tuple[int, int]:
    """Return how many frames were looked at, and how many were read."""
    line = next(line for line in said.splitlines() if "looked at" in line)
    words = line.partition(": ")[2].replace(",", "").split()
    return int(words[0]), int(words[3])


def measure(title: str, gallery: Path, films: Sequence[Film], fps: float) -> None:
    """Watch films, and print a row."""
    total: Scored | None = None
    for film in films:
        answers, _, _ = identify(gallery, film.file, "--fps", fps)
        one = scored(answers, film.there, film.seconds)
        print(f"  {film.file.name}: F1 {one.f1:.3f}, {one}", flush=True)
        total = one if total is None else total.plus(one)
    assert total is not None
    print("| films | films | walks | tracks | F1 | walks of two names | strangers of two numbers | "
          "numbers of two people |")  # fmt: skip
    print(
        f"| {title} | {len(films)} | {total.walks} | {total.tracks} | {total.f1:.3f} | {total.split} | "
        f"{total.more_numbers} of {total.strangers} | {total.shared_numbers} |",
        flush=True,
    )


def speed(film: Film, photos: Path, folder: Path, fps: float) -> None:
    """Watch a film with each embedder and detector; what it takes to start is measured on the first frame alone.

    The gallery has four people: more cost nothing that would be seen here.
    """
    print("| embedder | detector | CPU seconds to start | CPU ms a frame looked at | frames looked at a CPU second | "
          "frames read a CPU second |")  # fmt: skip
    few = folder / "few"
    for person in sorted(photos.iterdir())[:4]:
        (few / person.name).mkdir(parents=True, exist_ok=True)
        for photo in sorted(person.iterdir())[:4]:
            if not (few / person.name / photo.name).is_symlink():
                (few / person.name / photo.name).symlink_to(photo.resolve())
    for embedder, detector in (("dlib", "dlib"), ("dlib", "yunet"), ("dlib", "haar"), ("sface", "yunet")):
        gallery = folder / f"speed-{embedder}-{detector}"
        if not gallery.exists():
            facekit("enroll", few, "-o", gallery, "--embedder", embedder, "--detector", detector)
        start = identify(gallery, film.file, "--fps", fps, "--seconds", 0.5 / fps)[1]
        _, busy, said = identify(gallery, film.file, "--fps", fps, "--seconds", SPEED_SECONDS)
        looked, read = counted(said)
        for_frames = max(1e-9, busy - start)
        print(f"| {embedder} | {detector} | {start:.1f} | {1000 * for_frames / (looked - 1):.0f} | "
              f"{(looked - 1) / for_frames:.1f} | {read / for_frames:.0f} |", flush=True)  # fmt: skip


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", type=Path, default=os.environ.get("FACEKIT_DATA"))
    parser.add_argument("--part", action="append", choices=PARTS)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--films", type=int, default=6)
    parser.add_argument("--first", type=int, help="number of the first film")
    parser.add_argument("--fps", type=float, default=5)
    parser.add_argument("--live-fps", type=float, default=2)
    parser.add_argument("--development", action="store_true")
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        _run(options, folder, options.part or PARTS)


def _run(options: argparse.Namespace, folder: Path, parts: Sequence[str]) -> None:
    kind = "development" if options.development else "held out"
    if "drawn" in parts:
        first = options.first if options.first is not None else 100 if options.development else 200
        films = drawn_films(folder, range(first, first + options.films))
        measure(f"drawn people, {kind}", drawn_gallery(folder), films, options.fps)
    if {"lfw", "speed"} & set(parts):
        if options.data is None:
            raise SystemExit("give a folder with lfw, or set FACEKIT_DATA")
        inner = folder / kind.replace(" ", "-")
        inner.mkdir(exist_ok=True)
        first = options.first or 0
        gallery, films = lfw(Path(options.data), inner, range(first, first + options.films), options.development)
        if "lfw" in parts:
            measure(f"LFW, {kind}", gallery, films, options.fps)
        if "speed" in parts:
            speed(films[0], inner / KNOWN_PHOTOS, inner, options.fps)
    if "stream" in parts:
        streams(drawn_gallery(folder), short_film(folder), folder)
    if "live" in parts:
        live(drawn_gallery(folder), short_film(folder), folder, options.minutes, options.live_fps)


if __name__ == "__main__":
    main()
