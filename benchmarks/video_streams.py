"""Streams that drop, and hours of live input: what is found, how often they are joined again, and the memory."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from video_films import DRAWN_FPS, Film
from video_hosts import Camera, Pace, as_stream
from video_scores import There, scored

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from certificates import certificate
from streaming import hosting

CUTS = 3


class Watched:
    """A command that watches a video, and what came of it."""

    def __init__(self, gallery: Path, video: object, *more: object, **environment: str) -> None:
        """Start it."""
        words = [sys.executable, "-m", "facekit", "identify", str(gallery), str(video), *map(str, more)]
        self.process = subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **environment}
        )
        self.answers: list[dict[str, Any]] = []
        self.said: list[str] = []

    def end(self, seconds: float) -> Watched:
        """Wait for its end; whatever lasts longer is ended as by Ctrl-C, and says so."""
        try:
            out, said = self.process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGINT)
            out, said = self.process.communicate(timeout=60)
            said += f"\nended after {seconds:g} s"
        self.answers = [one for one in map(json.loads, out.splitlines()) if one.get("name")]
        self.said = said.splitlines()
        return self

    @property
    def summary(self) -> str:
        """What it says of the video at the end, and its exit code."""
        counts = next((line for line in self.said if "looked at" in line), self.said[-1] if self.said else "")
        return f"code {self.process.returncode}; {counts}"

    @property
    def names(self) -> list[str]:
        """The names in the order in which they ended, one that is joined from parts once."""
        ended = [one["name"] for one in self.answers if one["ended"]]
        return [name for place, name in enumerate(ended) if place == 0 or name != ended[place - 1]]


def _really(there: Sequence[There]) -> list[str]:
    return [one.name if one.known else "unknown" for one in there]


def streams(gallery: Path, film: Film, folder: Path) -> None:
    """Watch one film from hosts that break off three times: as a file, as a live stream, from a camera."""
    with hosting() as host:
        host.pages["/film.mp4"] = ("video/mp4", film.file.read_bytes())
        host.cuts = CUTS
        cut = Watched(gallery, host.url("/film.mp4")).end(60)
        whole = Watched(gallery, film.file).end(60)
    same = [[(one["name"], one["start"], one["end"]) for one in some.answers] for some in (cut, whole)]
    print(f"a file over HTTP, cut {CUTS - host.cuts} times: F1 {scored(cut.answers, film.there, film.seconds).f1:.3f}, "
          f"as uncut: {same[0] == same[1]}; {cut.summary}", flush=True)  # fmt: skip
    stream = as_stream(film.file, DRAWN_FPS)
    pace = Pace(stream, CUTS)
    live = Watched(gallery, pace.url, "--rejoin", 2).end(90)
    pace.close()
    print(f"a live stream over HTTP, cut {CUTS} times: {live.summary}")
    print(f"  names: {live.names}\n  there: {_really(film.there)}", flush=True)
    missing = Camera.missing()
    if missing:
        print(f"RTSP: not tried here ({missing})")
        return
    _camera(gallery, film, stream, folder)
    _secure_camera(gallery, film, stream, folder)


def _camera(gallery: Path, film: Film, stream: Path, folder: Path) -> None:
    """Watch a camera for twice its film, while its server is killed three times."""
    camera = Camera(folder)
    with camera.filming(stream):
        camera.start()
        watched = Watched(gallery, camera.url, "--seconds", 2 * film.seconds)
        for _ in range(CUTS):
            time.sleep(film.seconds / 2)
            camera.kill()
            time.sleep(1)
            camera.start()
        watched.end(90)
    print(f"RTSP, its server killed {CUTS} times: {watched.summary}")
    print(f"  names: {watched.names}\n  there, again and again: {_really(film.there)}", flush=True)


def _secure_camera(gallery: Path, film: Film, stream: Path, folder: Path) -> None:
    """Watch a camera over TLS whose certificate is known, and one whose certificate is not."""
    file, key = certificate(folder)
    both = folder / "both.pem"
    both.write_bytes(file.read_bytes() + key.read_bytes())
    camera = Camera(folder, both)
    with camera.filming(stream):
        camera.start()
        refused = Watched(gallery, camera.url, "--seconds", 5).end(60)
        watched = Watched(gallery, camera.url, "--seconds", film.seconds / 2, SSL_CERT_FILE=str(file)).end(90)
    print(f"RTSP over TLS, certificate unknown: {refused.summary}")
    print(f"RTSP over TLS, certificate known: {watched.summary}\n  names: {watched.names}", flush=True)


def live(gallery: Path, film: Film, folder: Path, minutes: float, fps: float) -> None:
    """Watch a stream without an end, and note the memory of the process and its time once a minute."""
    pace = Pace(as_stream(film.file, DRAWN_FPS), None)
    words = ["identify", gallery, pace.url, "--summary", folder / "live", "--seconds", minutes * 60, "--fps", fps]
    with (folder / "live.jsonl").open("w") as out:
        one = subprocess.Popen(
            [sys.executable, "-m", "facekit", *map(str, words)], stdout=out, stderr=subprocess.PIPE, text=True
        )
    sizes: list[float] = []
    began = time.monotonic()
    while one.poll() is None:
        at = time.monotonic() - began
        if at >= 60 * (len(sizes) + 1):
            sizes.append(_memory(one.pid))
            print(f"  minute {len(sizes)}: {sizes[-1]:.1f} MB", flush=True)
        if at > minutes * 60 + 120:
            one.send_signal(signal.SIGINT)
        time.sleep(1)
    pace.close()
    used = os.times()
    answers = [json.loads(line) for line in (folder / "live.jsonl").read_text().splitlines()]
    said = one.stderr.read().splitlines() if one.stderr else []
    first, last = sizes[:10], sizes[-10:]
    print(f"live, {minutes:g} minutes at {fps:g} frames a second: code {one.returncode}; "
          f"{next((line for line in said if 'looked at' in line), '')}")  # fmt: skip
    print(f"  MB of memory, mean and range: first ten minutes {_range(first)}, last ten {_range(last)}; "
          f"CPU seconds {used.children_user + used.children_system:.0f}")  # fmt: skip
    print(f"  answers: {len(answers)}, of which {sum(one['ended'] for one in answers)} at a track's end", flush=True)


def _memory(process: int) -> float:
    """Return the resident memory of a process in MB."""
    status = Path(f"/proc/{process}/status").read_text()
    return next((int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS")), 0.0)


def _range(sizes: Sequence[float]) -> str:
    return f"{sum(sizes) / max(1, len(sizes)):.1f} ({min(sizes, default=0):.1f} to {max(sizes, default=0):.1f})"
