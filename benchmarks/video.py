"""Who is in a video, and when: films of known length and people, streams that drop, and hours of live input.

    python benchmarks/video.py [DATA] [--part drawn] [--part lfw] [--part stream] [--part live] [--minutes 30]

`drawn`: six drawn people, three of them enrolled, walk through two films, leave and come back. `lfw`: photos of LFW's
people (DATA, else FACEKIT_DATA) move over drawn backgrounds, at changing sizes, light and sharpness, up to three at a
time; each appearance shows another photo, none of which is enrolled. Half of each known person's photos are enrolled.
`stream`: one of the films comes from an HTTP server that breaks off three times, once as a live stream and once as a
file, and over RTSP where Debian's `gir1.2-gst-rtsp-server-1.0` is installed. `live`: a stream that never ends is
watched for `--minutes`, and the memory of the process is noted.

Seconds of persons count: each tenth of a second, who is named is held against who is there; all strangers are one
name there. Beside it, how many names one walk through the picture got, and how many numbers a stranger.

Measured are every second of LFW's 42 people and strangers whose names have an odd CRC-32. `--development` takes the
others: whoever changes how tracks are linked, weighed or named chooses on these.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from facekit.base import images
from facekit.base.contract import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from streaming import hosting
from videos import Walk, film, write

SIZE = (480, 640)
FPS = 12
DRAWN_SIZE, DRAWN_FPS = (360, 480), 10
STEP = 0.1


@dataclass(frozen=True)
class There:
    """Somebody is to be seen from one second to another."""

    name: str
    known: bool
    start: float
    end: float


@dataclass(frozen=True)
class Scored:
    """How well a film was watched."""

    true: float
    """Seconds of persons that are right."""
    said: float
    there: float
    walks: int
    split: int
    """Walks that got more than one name, unknown among them."""
    tracks: int
    strangers: int
    more_numbers: int
    """Strangers with more than one number."""
    shared_numbers: int
    """Numbers that more than one stranger has, or somebody known."""

    @property
    def f1(self) -> float:
        """F1 of seconds of persons."""
        return 2 * self.true / max(1e-9, self.said + self.there)

    def plus(self, other: Scored) -> Scored:
        """Add two films."""
        return Scored(*(a + b for a, b in zip(vars(self).values(), vars(other).values(), strict=True)))


def scored(answers: Sequence[dict[str, Any]], there: Sequence[There], seconds: float) -> Scored:
    """Hold what was answered against who was there."""
    true = said = present = 0.0
    for at in np.arange(STEP / 2, seconds, STEP):
        told = Counter(one["name"] for one in answers if one["start"] <= at < one["end"])
        real = Counter(one.name if one.known else "unknown" for one in there if one.start <= at < one.end)
        true += STEP * sum((told & real).values())
        said += STEP * sum(told.values())
        present += STEP * sum(real.values())
    names: dict[int, set[str]] = defaultdict(set)
    numbers, people = defaultdict(set), defaultdict(set)
    for one in answers:
        walk = _walk_of(one, there)
        if walk is None:
            continue
        who = there[walk]
        names[walk].add(one["name"])
        if one["stranger"] is not None:
            people[one["stranger"]].add(who.name)
            if not who.known:
                numbers[who.name].add(one["stranger"])
    strangers = {one.name for one in there if not one.known}
    return Scored(
        true, said, present, len(there), sum(len(some) > 1 for some in names.values()), len(answers), len(strangers),
        sum(len(some) > 1 for some in numbers.values()), sum(len(some) > 1 for some in people.values()),
    )  # fmt: skip


def _walk_of(answer: dict[str, Any], there: Sequence[There]) -> int | None:
    """Return whose walk an answer is about: the one of its name that it shares the most time with, else any."""

    def shared(one: There) -> float:
        alike = (one.name if one.known else "unknown") == answer["name"]
        return (min(one.end, answer["end"]) - max(one.start, answer["start"])) * (1.0 if alike else 0.5)

    best = max(range(len(there)), key=lambda place: shared(there[place]), default=None)
    return best if best is not None and shared(there[best]) > 0 else None


def identify(
    gallery: Path, video: object, *more: object, check: bool = True
) -> tuple[list[dict[str, Any]], float, str]:
    """Return the answers of the command, the seconds that the processor was busy, and what it said."""
    before = os.times()
    words = [sys.executable, "-m", "facekit", "identify", str(gallery), str(video), *map(str, more)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    after = os.times()
    if check and done.returncode:
        raise SystemExit(done.stderr)
    busy = after.children_user + after.children_system - before.children_user - before.children_system
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    return [one for one in answers if one.get("name")], busy, done.stderr


def _once(file: Path, frames: Iterator[tuple[float, Image]]) -> None:
    """Write a film, if it is not there from an earlier run."""
    if not file.exists():
        write(file.with_name(f"new-{file.name}"), frames).rename(file)


def facekit(*words: object) -> None:
    """Run a command."""
    subprocess.run([sys.executable, "-m", "facekit", *map(str, words), "--quiet"], check=True)


# Drawn people.


def drawn(folder: Path, first: int = 0) -> tuple[Path, list[tuple[Path, list[There], float]]]:
    """Return a gallery of three drawn people, and two films."""
    from facekit.world.people import people

    everybody = people(6, 42)
    if not (folder / "gallery").exists():
        facekit("draw", "-o", folder / "photos", "--people", 3, "--photos", 20)
        # Drawn people are more alike than real ones, on whom a threshold for three people leans.
        facekit("enroll", folder / "photos", "-o", folder / "gallery", "--fpir", 0.0001)
    films = []
    for number in range(first, first + 2):
        rng = np.random.default_rng([7, number])
        walks, at = [], 0.0
        for turn in range(10):
            start = at + float(rng.uniform(0, 1.5))
            end = start + float(rng.uniform(3, 6))
            side = (0.0, 0.4) if turn % 2 else (1.0, 0.6)  # one at the left, one at the right
            walks.append(Walk(everybody[(turn * 5 + number) % 6], round(start, 1), round(end, 1), side))
            at = start + float(rng.uniform(2, 3)) if turn % 2 == 0 else end
        seconds = max(walk.end for walk in walks) + 1
        file = folder / f"drawn-{number}.mp4"
        _once(file, film(walks, seconds, DRAWN_FPS, seed=number, size=DRAWN_SIZE))
        known = {one.name for one in everybody[:3]}
        films.append((file, [There(w.person.name, w.person.name in known, w.start, w.end) for w in walks], seconds))
    return folder / "gallery", films


# LFW's people over drawn backgrounds.


@dataclass(frozen=True)
class Part:
    """A photo that moves through a film."""

    who: There
    face: Image
    path: tuple[tuple[float, float], tuple[float, float]]
    sizes: tuple[float, float]
    light: float
    blur: float
    phase: float


def lfw(data: Path, folder: Path, options: argparse.Namespace) -> tuple[Path, list[tuple[Path, list[There], float]]]:
    """Return a gallery of half the photos of LFW people, and films of others."""
    development = options.development
    names = sorted(path.name for path in (data / "lfw/identities").iterdir())[0 if development else 1 :: 2]
    rng = np.random.default_rng(14)
    unseen: dict[str, list[Path]] = {}
    photos = folder / "known"
    for name in names:
        files = sorted((data / "lfw/identities" / name).glob("*.jpg"))
        order = rng.permutation(len(files))
        half = order[: max(1, min(20, len(files) // 2))]
        unseen[name] = [files[place] for place in order[len(files) // 2 :]]
        (photos / name).mkdir(parents=True, exist_ok=True)
        for place in half:
            link = photos / name / files[place].name
            link.unlink(missing_ok=True)
            link.symlink_to(files[place].resolve())
    strangers = {}
    for path in sorted((data / "lfw/pairs_images").iterdir()):
        files = sorted(path.glob("*.jpg"))
        mine = (zlib.crc32(path.name.encode()) % 2 == 0) == development
        if mine and len(files) >= 3 and not (data / "lfw/identities" / path.name).exists():
            strangers[path.name] = files
    if not (folder / "gallery").exists():
        facekit("enroll", photos, "-o", folder / "gallery")
    return folder / "gallery", [
        _lfw_film(folder / f"lfw-{number}.mp4", unseen, strangers, number)
        for number in range(options.first, options.first + options.films)
    ]


def _lfw_film(
    file: Path, known: dict[str, list[Path]], strangers: dict[str, list[Path]], seed: int
) -> tuple[Path, list[There], float]:
    rng = np.random.default_rng([14, seed])
    cast = [(name, True) for name in rng.choice(sorted(known), 4, replace=False)]
    cast += [(name, False) for name in rng.choice(sorted(strangers), 3, replace=False)]
    parts, seconds = [], 30.0
    lanes = [0.0, 0.0, 0.0]  # three people at a time, each in a third of the picture
    used: Counter[str] = Counter()
    gone = dict.fromkeys([name for name, _ in cast], -2.0)
    while min(lanes) < seconds - 6:
        lane = int(np.argmin(lanes))
        start = lanes[lane] + float(rng.uniform(0.2, 2.0))
        free = [one for one in cast if gone[one[0]] + 1.5 <= start]
        if not free:
            lanes[lane] = start
            continue
        name, is_known = free[int(rng.integers(len(free)))]
        end = min(start + float(rng.uniform(3, 8)), seconds)
        photos = (known if is_known else strangers)[str(name)]
        photo = photos[used[str(name)] % len(photos)]
        used[str(name)] += 1
        gone[name] = lanes[lane] = end
        parts.append(_part(There(str(name), is_known, start, end), photo, lane, rng))
    _once(file, _frames(parts, seconds, seed))
    return file, [part.who for part in parts], seconds


def _part(who: There, photo: Path, lane: int, rng: np.random.Generator) -> Part:
    face = images.read(photo)
    face = face[25:225, 35:215]  # LFW's photos are 250 pixels wide, the face in the middle
    across = SIZE[1] / 3 * (lane + np.array([0.35, 0.65])[rng.permutation(2)])
    down = SIZE[0] * rng.uniform(0.35, 0.65, 2)
    path = ((float(across[0]), float(down[0])), (float(across[1]), float(down[1])))
    sizes = (float(rng.uniform(130, 200)), float(rng.uniform(130, 200)))
    return Part(
        who, face, path, sizes, float(rng.uniform(0.6, 1.2)), float(rng.uniform(0, 1.5)), float(rng.uniform(0, 6))
    )


def _frames(parts: Sequence[Part], seconds: float, seed: int) -> Iterator[tuple[float, Image]]:
    from facekit.world.scenery import scene

    rng = np.random.default_rng([15, seed])
    wide = scene((SIZE[0], SIZE[1] * 2), rng)
    noise = [np.repeat(rng.integers(0, 9, (*SIZE, 1), np.uint8), 3, axis=2) for _ in range(7)]
    for number in range(round(seconds * FPS)):
        at = number / FPS
        left = round((np.sin(at / 9) + 1) / 2 * SIZE[1])
        frame = wide[:, left : left + SIZE[1]].copy()
        for part in parts:
            if part.who.start <= at < part.who.end:
                _paste(frame, part, at)
        cv2.add(frame, noise[number % len(noise)], frame)
        yield at, cv2.subtract(frame, noise[(number + 1) % len(noise)])


def _paste(frame: Image, part: Part, at: float) -> None:
    share = (at - part.who.start) / (part.who.end - part.who.start)
    size = part.sizes[0] + share * (part.sizes[1] - part.sizes[0])
    x, y = (a + share * (b - a) for a, b in zip(*part.path, strict=True))
    x, y = x + 6 * np.sin(3 * at + part.phase), y + 4 * np.sin(5 * at + part.phase)
    high, wide = part.face.shape[:2]
    turn = cv2.getRotationMatrix2D((wide / 2, high / 2), 8 * float(np.sin(2 * at + part.phase)), size / wide)
    turn[:, 2] += (x - wide / 2, y - high / 2)
    face = cv2.convertScaleAbs(part.face, alpha=part.light * (1 + 0.15 * float(np.sin(4 * at + part.phase))))
    blur = part.blur * abs(float(np.sin(at + part.phase)))
    face = cv2.GaussianBlur(face, (0, 0), blur) if blur > 0.3 else face
    mask = np.zeros((high, wide), np.float32)
    cv2.ellipse(mask, (wide // 2, high // 2), (round(wide * 0.47), round(high * 0.48)), 0, 0, 360, 1.0, -1)
    mask = cv2.GaussianBlur(mask, (0, 0), 3)
    top, left = max(0, round(y - size)), max(0, round(x - size))
    part_of = frame[top : round(y + size), left : round(x + size)]
    turn[:, 2] -= (left, top)
    there = cv2.warpAffine(mask, turn, part_of.shape[1::-1])[..., None]
    moved = cv2.warpAffine(face, turn, part_of.shape[1::-1])
    part_of[:] = (part_of * (1 - there) + moved * there).astype(np.uint8)


def measure(title: str, gallery: Path, films: Sequence[tuple[Path, list[There], float]], fps: float) -> None:
    """Watch films, and print a row."""
    total, busy, looked, read = None, 0.0, 0, 0
    for file, there, seconds in films:
        answers, cpu, said = identify(gallery, file, "--fps", fps)
        one = scored(answers, there, seconds)
        print(f"  {file.name}: F1 {one.f1:.3f}, {one}", flush=True)
        total = one if total is None else total.plus(one)
        busy += cpu
        words = (
            next(line for line in said.splitlines() if "looked at" in line).partition(": ")[2].replace(",", "").split()
        )
        looked, read = looked + int(words[0]), read + int(words[3])
    assert total is not None
    print(
        f"| {title} | {len(films)} | {total.walks} | {total.tracks} | {total.f1:.3f} | {total.split} | "
        f"{total.more_numbers} of {total.strangers} | {total.shared_numbers} | {looked / busy:.1f} | "
        f"{read / busy:.0f} |",
        flush=True,
    )


# Streams.


def streams(gallery: Path, film_: tuple[Path, list[There], float], folder: Path) -> None:
    """Watch one film from a host that breaks off three times."""
    file, there, seconds = film_
    with hosting() as host:
        host.pages["/film.mp4"] = ("video/mp4", file.read_bytes())
        host.cuts = 3
        answers, _, _ = identify(gallery, host.url("/film.mp4"), "--summary", folder / "cut")
        whole, _, _ = identify(gallery, file)
        same = [(one["name"], one["start"], one["end"]) for one in answers] == [
            (one["name"], one["start"], one["end"]) for one in whole
        ]
        print(
            f"a file over HTTP, cut three times: F1 {scored(answers, there, seconds).f1:.3f}, as uncut: {same}",
            flush=True,
        )
    part = _as_stream(file, folder)
    pace = Pace(part, cuts=3)
    answers, _, said = identify(gallery, pace.url, "--rejoin", 2, check=False)
    pace.server.shutdown()
    joined = next((line for line in said.splitlines() if "looked at" in line), "")
    there = [replace(one, start=one.start, end=one.end) for one in there]
    ended = [one for one in answers if one["ended"]]
    print(f"a live stream over HTTP, cut three times: {joined}")
    print(f"  names, in order: {[one['name'] for one in ended]}")
    print(f"  were there:      {[one.name if one.known else 'unknown' for one in there]}", flush=True)
    rtsp(gallery, part, folder)


def _as_stream(file: Path, folder: Path) -> Path:
    """Return a film as an MPEG stream, which can be joined anywhere at a key frame."""
    import av

    out = folder / f"{file.stem}.ts"
    with av.open(str(file)) as source, av.open(str(out), "w", format="mpegts") as target:
        stream = target.add_stream("libx264", rate=DRAWN_FPS, options={"g": "10", "preset": "ultrafast", "bf": "0"})
        stream.height, stream.width = DRAWN_SIZE
        stream.pix_fmt = "yuv420p"
        for frame in source.decode(video=0):
            frame.pict_type = 0
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    return out


def _packets(file: Path) -> tuple[list[bytes], float]:
    """Return a stream in parts of a tenth of a second, and its length."""
    import av

    with av.open(str(file)) as source:
        seconds = float(source.duration or 0) / 1_000_000
    data, count = file.read_bytes(), max(1, round(seconds * 10))
    ends = [round(len(data) * n / count / 188) * 188 for n in range(count + 1)]
    return [data[a:b] for a, b in zip(ends, ends[1:], strict=False)], seconds


class Pace:
    """A film that is served at the pace of a camera: with some cuts and an end, or again for ever."""

    def __init__(self, file: Path, cuts: int | None) -> None:
        """Cut the connection so many times before the end; with None there is neither a cut nor an end."""
        self.parts, _ = _packets(file)
        self.place, self.cuts, self.left = 0, cuts or 0, cuts
        pace = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                pace.answer(self)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/live"

    def answer(self, asked: BaseHTTPRequestHandler) -> None:
        """Send the film from where it is, until the next cut."""
        if self.left is not None and self.place >= len(self.parts):
            asked.send_error(404)
            return
        asked.send_response(200)
        asked.send_header("Content-Type", "video/mp2t")
        asked.end_headers()
        watched = asked.headers.get("User-Agent", "").startswith("Lavf")
        began, sent = time.monotonic(), 0
        try:
            while self.place < len(self.parts):
                asked.wfile.write(self.parts[self.place])
                if not watched or self._forward():  # whoever only looks what is there hangs up
                    return
                sent += 1
                time.sleep(max(0.0, began + sent / 10 - time.monotonic()))
        except OSError:
            return

    def _forward(self) -> bool:
        """Go on by a tenth of a second; return whether the connection is cut here."""
        self.place += 1
        if self.left is None:
            self.place %= len(self.parts)
        elif self.left and self.place >= len(self.parts) * (1 + self.cuts - self.left) // (1 + self.cuts):
            self.left -= 1
            return True
        return False


RTSP = """
import sys, gi
gi.require_version("Gst", "1.0"); gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gst, GstRtspServer, GLib
Gst.init(None)
server = GstRtspServer.RTSPServer()
server.set_address("127.0.0.1"); server.set_service(sys.argv[2])
factory = GstRtspServer.RTSPMediaFactory()
pay = "rtph264pay name=pay0 pt=96 config-interval=1"
factory.set_launch(f"( filesrc location={sys.argv[1]} ! tsdemux ! h264parse ! {pay} )")
server.get_mount_points().add_factory("/film", factory)
server.attach(None)
GLib.MainLoop().run()
"""


def rtsp(gallery: Path, part: Path, folder: Path) -> None:
    """Watch a film over RTSP whose server is killed three times, where Debian's packages for it are here."""
    script = folder / "rtsp.py"
    script.write_text(RTSP)
    port = "8599"
    words = ["/usr/bin/python3", str(script), str(part), port]
    probe = subprocess.run([words[0], "-c", RTSP.partition("Gst.init")[0]], capture_output=True, check=False)
    if probe.returncode:
        print("RTSP: gir1.2-gst-rtsp-server-1.0 is not installed")
        return
    server = subprocess.Popen(words)
    time.sleep(2)
    watching = subprocess.Popen(
        [sys.executable, "-m", "facekit", "identify", str(gallery), f"rtsp://127.0.0.1:{port}/film", "--seconds", "40"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    for _ in range(3):
        time.sleep(9)
        server.kill()
        server.wait()
        time.sleep(1)
        server = subprocess.Popen(words)
    out, said = watching.communicate(timeout=300)
    server.kill()
    server.wait()
    answers = [json.loads(line) for line in out.splitlines()]
    print(f"RTSP, its server killed three times: code {watching.returncode}; {said.splitlines()[-1]}")
    print(f"  names, in order: {[one['name'] for one in answers if one['ended']]}", flush=True)


def live(gallery: Path, film_: tuple[Path, list[There], float], folder: Path, minutes: float) -> None:
    """Watch a stream without an end, and note the memory of the process once a minute."""
    pace = Pace(_as_stream(film_[0], folder), cuts=None)
    words = [
        sys.executable, "-m", "facekit", "identify", str(gallery), pace.url, "--summary", str(folder / "live"),
        "--seconds", str(minutes * 60),
    ]  # fmt: skip
    with (folder / "live.jsonl").open("w") as out:
        one = subprocess.Popen(words, stdout=out, stderr=subprocess.PIPE, text=True)
    began, sizes = time.monotonic(), []
    while one.poll() is None:
        status = Path(f"/proc/{one.pid}/status").read_text()
        found = [int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS")]
        sizes += [(time.monotonic() - began, found[0])] if found else []
        if time.monotonic() - began > minutes * 60 + 120:
            one.send_signal(signal.SIGINT)
        time.sleep(5)
    pace.server.shutdown()
    marks = [next((size for at, size in sizes if at >= 60 * n), None) for n in range(int(minutes) + 1)]
    said = one.stderr.read().splitlines()[-1] if one.stderr else ""
    print(f"live, {minutes:g} minutes: code {one.returncode}; {said}")
    print(f"  MB of memory each minute: {[round(size) for size in marks if size]}")
    print(f"  answers: {len((folder / 'live.jsonl').read_text().splitlines())}", flush=True)


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", type=Path, default=os.environ.get("FACEKIT_DATA"))
    parser.add_argument("--part", action="append", choices=["drawn", "lfw", "stream", "live"])
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--films", type=int, default=6)
    parser.add_argument("--first", type=int, default=0, help="number of the first film")
    parser.add_argument("--fps", type=float, default=5)
    parser.add_argument("--development", action="store_true")
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    parts = options.part or ["drawn", "lfw", "stream", "live"]
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        print("| films | films | walks | tracks | F1 | walks of two names | strangers of two numbers | "
              "numbers of two people | frames looked at a CPU second | frames read a CPU second |")  # fmt: skip
        made = drawn(folder, options.first) if {"drawn", "stream", "live"} & set(parts) else None
        if "drawn" in parts and made:
            measure("drawn people", *made, options.fps)
        if "lfw" in parts:
            if options.data is None:
                raise SystemExit("give a folder with lfw, or set FACEKIT_DATA")
            kind = "development" if options.development else "held out"
            inner = folder / kind.replace(" ", "-")
            inner.mkdir(exist_ok=True)
            measure(f"LFW, {kind}", *lfw(Path(options.data), inner, options), options.fps)
        if "stream" in parts and made:
            streams(made[0], made[1][0], folder)
        if "live" in parts and made:
            live(made[0], made[1][0], folder, options.minutes)


if __name__ == "__main__":
    main()
