"""The API server under load: requests a second, how long they take, errors, memory.

    python benchmarks/server.py [--minutes 5] [--clients 1 8 64] [--workers 1] [--soak MINUTES] [--json FILE]

Needs `wrk` (Debian: `apt install wrk`) and FACEKIT_DATA with `lfw` and `scraped`. Enrolls 50 people of LFW, runs
the real `facekit serve` in processes of its own, and has wrk ask it over so many connections: half `/v1/identify`, a
quarter `/v1/verify`, a quarter `/v1/detect`; half of the pictures are LFW's of 250 pixels, half photos of about 2
megapixels from the web. Every connection asks again as soon as it is answered. wrk and the server share the machine's
cores, so the figures are of both together.

`--soak` then asks for so many minutes at half the requests a second that were answered at most, and says by how much
the resident memory has grown after the first sixth of that time. Answers other than 200 and 429, and dropped
connections, make it exit with 1.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from asking import form  # noqa: E402

from facekit.base import images  # noqa: E402
from facekit.base.contract import BadImage  # noqa: E402

FACEKIT = [sys.executable, "-m", "facekit"]
PEOPLE, PHOTOS, EACH = 50, 4, 12
MIX = (("identify", 2), ("verify", 1), ("detect", 1))
"""Route -> how many of four requests."""


@dataclass
class Row:
    """What one load came to."""

    clients: int
    seconds: float
    a_second: float
    p50_ms: float
    p99_ms: float
    statuses: dict[str, int]
    dropped: int
    """Connections that broke, and requests that wrk waited for too long."""
    memory_mb: tuple[float, float]
    """Of all processes together, resident, at the start and at the end."""

    @property
    def is_good(self) -> bool:
        """Whether each request was answered, or told to come back."""
        return self.dropped == 0 and self.statuses.keys() <= {"200", "429"}


def gallery(data: Path, work: Path) -> Path:
    """Enroll people of LFW; the photos after the first four are asked about."""
    people = sorted(one for one in (data / "lfw" / "identities").iterdir() if one.is_dir())
    known = [one for one in people if len(list(one.iterdir())) > PHOTOS][:PEOPLE]
    for person in known:
        (work / "known" / person.name).mkdir(parents=True)
        for photo in sorted(person.iterdir())[:PHOTOS]:
            shutil.copyfile(photo, work / "known" / person.name / photo.name)
    subprocess.run([*FACEKIT, "enroll", str(work / "known"), "-o", str(work / "gallery"), "--quiet"], check=True)
    return work / "gallery"


def small(data: Path) -> list[bytes]:
    """Photos of people who are enrolled, of 250 x 250 pixels."""
    people = sorted(one for one in (data / "lfw" / "identities").iterdir() if one.is_dir())
    known = [one for one in people if len(list(one.iterdir())) > PHOTOS][:PEOPLE]
    return [sorted(person.iterdir())[PHOTOS].read_bytes() for person in known[:EACH]]


def large(data: Path) -> list[bytes]:
    """JPEGs of 1.5 to 2.5 megapixels from the web."""
    found = []
    for file in sorted((data / "scraped" / "raw").rglob("*")):
        if file.is_file() and len(found) < EACH:
            try:
                head = images.header(images.load(file))
            except BadImage:
                continue
            if head.suffix == ".jpg" and 1.5e6 <= head.width * head.height <= 2.5e6:
                found.append(file.read_bytes())
    if not found:
        sys.exit("no photo of about 2 megapixels in scraped/raw")
    return found


def write_requests(work: Path, port: int, key: str, pictures: list[bytes]) -> Path:
    """Write each request that wrk sends, and the list of their files."""
    files = []
    for place, data in enumerate(pictures):
        for route, times in MIX:
            other = pictures[(place + 2) % len(pictures)]
            body, kind = form({"first": data, "second": other} if route == "verify" else {"picture": data}, {})
            head = (
                f"POST /v1/{route} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {key}\r\n"
                f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            file = work / f"request-{place}-{route}"
            file.write_bytes(head.encode() + body)
            files += [str(file)] * times
    listed = work / "requests"
    listed.write_text("\n".join(files) + "\n")
    return listed


@contextmanager
def serving(target: Path, workers: int, *more: str) -> Iterator[tuple[psutil.Process, int, str]]:
    """Run the server, with more options; yield its process, its port and a key."""
    key = subprocess.run(
        [*FACEKIT, "keys", "create", str(target)], capture_output=True, text=True, check=True
    ).stdout.strip()
    words = [*FACEKIT, "serve", str(target), "--port", "0", "--workers", str(workers), "--max-megabytes", "20"]
    words += more
    process = subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    assert process.stderr is not None
    found = re.search(r":(\d+)", process.stderr.readline())
    if found is None:
        sys.exit("the server did not start")
    drain = threading.Thread(target=lambda: deque(process.stderr or [], 0), daemon=True)
    drain.start()
    try:
        _wait(int(found[1]))
        yield psutil.Process(process.pid), int(found[1]), key
    finally:
        process.terminate()
        process.wait(60)


def _wait(port: int) -> None:
    from asking import Api

    for _ in range(600):
        try:
            if Api("", port).get("/readyz", key=None).status == 200:
                return
        except OSError:
            time.sleep(0.2)
    sys.exit("the server does not answer")


def memory(server: psutil.Process) -> float:
    """Return the resident memory of a server's processes, in megabytes."""
    return sum(one.memory_info().rss for one in (server, *server.children(recursive=True))) / 1e6


def load(server: psutil.Process, port: int, requests: Path, clients: int, seconds: float, pause: float = 0) -> Row:
    """Have wrk ask over so many connections; each waits `pause` milliseconds on average before it asks again."""
    before = memory(server)
    script, threads = Path(__file__).with_suffix(".lua"), min(2, clients)
    command = ["wrk", f"-t{threads}", f"-c{clients}", f"-d{max(1, round(seconds))}s", "--timeout", "60s", "-s", script]
    environment = {**os.environ, "REQUESTS": str(requests), "PAUSE_MS": str(round(pause))}
    where = f"http://127.0.0.1:{port}"
    done = subprocess.run([*command, where], env=environment, capture_output=True, text=True, check=True)
    if "RESULT" not in done.stdout:
        sys.exit(f"wrk failed:\n{done.stdout}{done.stderr}")
    told: dict[str, Any] = json.loads(done.stdout.partition("RESULT ")[2])
    statuses = sum((Counter(one) for one in told["statuses"]), Counter())
    return Row(
        clients,
        round(told["seconds"], 1),
        round(told["requests"] / told["seconds"], 1),
        round(told["p50"], 1),
        round(told["p99"], 1),
        dict(sorted(statuses.items())),
        told["socket"] + told["timeouts"],
        (round(before, 1), round(memory(server), 1)),
    )


def soak(server: psutil.Process, port: int, requests: Path, busiest: Row, minutes: float) -> tuple[Row, float]:
    """Ask at half of what was answered at most; return the row, and the growth after the first sixth of the time."""
    clients = 8
    pause = 2000 * clients / max(1.0, busiest.a_second) - busiest.p50_ms / max(1, busiest.clients)
    samples: list[tuple[float, float]] = []
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(min(10.0, 6 * minutes)):
            samples.append((time.monotonic(), memory(server)))

    watcher, began = threading.Thread(target=watch), time.monotonic()
    watcher.start()
    row = load(server, port, requests, clients, 60 * minutes, max(0.0, pause))
    stop.set()
    watcher.join()
    later = [size for at, size in samples if at - began >= 10 * minutes]
    return row, round(later[-1] - later[0], 1) if later else 0.0


def main() -> None:
    """Load the server, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("FACEKIT_DATA"))
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 64])
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--soak", type=float, default=0, help="minutes")
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("there is no wrk; install it with `apt install wrk`")
    if not chosen.data or not (chosen.data / "lfw").is_dir():
        sys.exit("FACEKIT_DATA is not set, or holds no lfw")
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        target = gallery(chosen.data, work)
        with serving(target, chosen.workers) as (server, port, key):
            requests = write_requests(work, port, key, [*small(chosen.data), *large(chosen.data)])
            rows, grown = [], None
            for clients in chosen.clients:
                rows.append(load(server, port, requests, clients, 60 * chosen.minutes))
                print(rows[-1], flush=True)
            if chosen.soak:
                row, grown = soak(server, port, requests, max(rows, key=lambda one: one.a_second), chosen.soak)
                rows.append(row)
                print(f"soak: {row}, grown by {grown} MB after the first sixth", flush=True)
    if chosen.json:
        chosen.json.write_text(
            json.dumps({"workers": chosen.workers, "rows": list(map(asdict, rows)), "grown_mb": grown})
        )
    sys.exit(0 if all(row.is_good for row in rows) else 1)


if __name__ == "__main__":
    main()
