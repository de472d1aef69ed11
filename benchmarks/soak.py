"""A long scrape at the scale of the original data set: is anything lost, doubled, leaked or left behind?

    python benchmarks/soak.py [--names 1898] [--per-name 100] [--minutes 100] [--search api|browser] [--out FOLDER]

Runs the real `facekit scrape` in a process of its own against the web of `fastweb.py`: small pictures on 100 loopback
hosts, a tenth of the links broken. `--search api` asks the web's Commons (no browser: what is soaked is the download
part), `--search browser` its Bing with real browsers. After `--minutes` the run is stopped by SIGINT and what it has
by then is held to account. Prints a table, and writes it with `--markdown FILE`; `--json FILE` has the samples too.

What is counted:

- kept: lines of the manifest whose file is there, with the bytes that the line says;
- lost: pictures that the server sent whole and good, and that nobody kept; and, of a run that came to its end, the
  best-ranked good pictures of a name that are not among its own;
- double: an id or a link that stands twice under one name; links that were fetched again after they had been sent well;
- memory: of facekit's own process, and of its browsers (PSS where the system tells it), over time;
- left: processes that facekit started and that live on, and what stands in the temporary folder that it was given.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import fastweb
import psutil

HERE = Path(__file__).resolve().parent
SURPLUS = 1.7
"""Links of each name for every picture wanted: more than facekit asks for."""

SEARCHES = {"api": "commons", "browser": "bing"}
ROWS = 12
"""Samples in the table."""


@contextlib.contextmanager
def server(chosen: argparse.Namespace, links: int) -> Iterator[int]:
    """Run the web in its own process; yield its port."""
    given = {"names": chosen.names, "per-name": links, "port": chosen.port}
    given |= {"latency": chosen.latency, "faults": chosen.faults}
    flags = [text for name, value in given.items() for text in (f"--{name}", str(value))]
    process = subprocess.Popen(
        [sys.executable, str(HERE / "fastweb.py"), *flags], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(timeout=20)


def control(port: int, what: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/control/{what}", timeout=60) as answer:
        return str(answer.read().decode())


# The run, watched


class Watch:
    """Looks at facekit and its children every few seconds."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.samples: list[dict[str, float]] = []
        self.seen: dict[tuple[int, float], psutil.Process] = {}
        self._process, self._port = psutil.Process(process.pid), port
        self._began = time.monotonic()

    def look(self) -> None:
        """Take a sample; nothing where facekit has just ended."""
        with contextlib.suppress(psutil.Error):
            children = self._process.children(recursive=True)
            for child in children:
                with contextlib.suppress(psutil.Error):
                    self.seen[child.pid, child.create_time()] = child
            stats = json.loads(control(self._port, "stats"))
            self.samples.append(
                {
                    "seconds": round(time.monotonic() - self._began, 1),
                    "sent": stats["distinct"],
                    "facekit_mb": round(self._process.memory_info().rss / 1e6, 1),
                    "threads": self._process.num_threads(),
                    "files_open": self._process.num_fds(),
                    "browsers_mb": round(sum(map(memory, children)) / 1e6, 1),
                    "children": len(children),
                    "server_cpu": round(stats["cpu"], 1),
                }
            )

    def left(self) -> list[str]:
        """Return the processes that have outlived facekit."""
        found = []
        for process in self.seen.values():
            with contextlib.suppress(psutil.Error):
                if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(f"{process.pid} {process.name()}")
        return found


def memory(process: psutil.Process) -> int:
    """Return a process's share of memory; what browsers share is counted once where the system tells it apart."""
    try:
        return int(getattr(process.memory_full_info(), "pss", 0) or process.memory_info().rss)
    except psutil.Error:
        return 0


def scrape(chosen: argparse.Namespace, port: int, work: Path) -> tuple[dict[str, Any], Watch]:
    """Run the command to its end, or until the time is up; return what is known of the run itself."""
    names = work / "names.txt"
    names.write_text("\n".join(fastweb.names(chosen.names)) + "\n")
    temporary = work / "t"
    temporary.mkdir()
    command = [sys.executable, "-m", "facekit", "scrape", str(names), "-o", str(chosen.out or work / "raw")]
    command += ["--per-name", str(chosen.per_name), "--engine", SEARCHES[chosen.search], "--bots", str(chosen.bots)]
    command += ["--base-url", f"http://127.0.0.1:{port}", "--json"]
    began = time.monotonic()
    with (work / "out.json").open("wb") as out, (work / "talk.txt").open("wb") as talk:
        process = subprocess.Popen(
            command, stdout=out, stderr=talk, env={**os.environ, "TMPDIR": str(temporary)}, start_new_session=True
        )
        watch = Watch(process, port)
        try:
            stopped = follow(process, watch, chosen.minutes * 60, chosen.every)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    seconds = time.monotonic() - began
    time.sleep(2)  # what a browser leaves running for a moment is not left
    talked = (work / "talk.txt").read_text(errors="replace")
    if process.returncode not in (0, 130) or (process.returncode and not stopped):
        sys.exit(f"facekit scrape ended with {process.returncode}:\n{talked[-3000:]}")
    values = {"seconds": round(seconds, 1), "stopped": stopped, "exit": process.returncode}
    values |= {"processes_left": watch.left(), "folders_left": sorted(p.name for p in temporary.iterdir())}
    said = [line for line in talked.splitlines() if "WARNING" in line or "Traceback" in line]
    return {**values, "warnings": len(said), "first_warnings": said[:5]}, watch


def follow(process: subprocess.Popen[bytes], watch: Watch, limit: float, every: float) -> bool:
    """Look until the process ends; return whether it had to be stopped."""
    ends, stopped = time.monotonic() + limit, False
    while process.poll() is None:
        watch.look()
        if not stopped and time.monotonic() > ends:
            stopped = True
            process.send_signal(signal.SIGINT)
            ends += 60
        if stopped and time.monotonic() > ends:
            sys.exit("facekit scrape has not ended within a minute of its SIGINT")
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=every)
    return stopped


# The account


def read(path: Path) -> list[dict[str, Any]]:
    """Return the whole lines of a file of JSON lines."""
    whole = path.read_bytes().rpartition(b"\n")[0] if path.exists() else b""
    return [json.loads(line) for line in whole.splitlines()]


def account(root: Path, content: fastweb.Small, per_name: int, port: int, finished: bool) -> dict[str, Any]:
    """Hold the folder against what the server sent."""
    records, sources = read(root / "manifest.jsonl"), {s["origin"]: s for s in read(root / "sources.jsonl")}
    sound, paths = 0, {name: list[str]() for name in content.names}
    for record in records:
        file = root / record["path"]
        sound += file.is_file() and hashlib.sha256(file.read_bytes()).hexdigest() == record["sha256"]
        paths[record["label"]].append(urlsplit(sources[record["origin"]]["url"]).path)
    ids = Counter((record["label"], record["id"]) for record in records)
    links = Counter((label, path) for label, found in paths.items() for path in found)
    files = sum(1 for path in root.glob("*/*") if path.is_file() and not path.parent.name.startswith("."))
    sent = {
        path: int(count)
        for count, _, path in (line.partition("\t") for line in control(port, "served").split("\n"))
        if path
    }
    kept = {path for found in paths.values() for path in found}
    unkept = sorted(set(sent) - kept)
    wanted = {name: best(content, who, per_name) for who, name in enumerate(content.names)}
    full = [name for name, best_ones in wanted.items() if set(paths[name]) == set(best_ones)]
    return {
        "kept": len(records),
        "sound": sound,
        "files": files,
        "names_with_pictures": sum(map(bool, paths.values())),
        "names_full": sum(len(found) >= per_name for found in paths.values()),
        "names_exact": len(full),
        "lost": len(unkept) if finished else 0,
        "under_way_when_stopped": 0 if finished else len(unkept),
        "missing": sum(len(set(best_ones) - set(paths[name])) for name, best_ones in wanted.items())
        if finished
        else None,
        "double": sum(count - 1 for count in (*ids.values(), *links.values())),
        "fetched_again": sum(count > 1 for count in sent.values()),
        "rejected": dict(Counter(line["reason"] for line in read(root / "rejected.jsonl"))),
        "examples_lost": unkept[:5],
    }


def best(content: fastweb.Small, who: int, count: int) -> list[str]:
    """Return the paths of a name's best-ranked good pictures."""
    paths = (content.path(who, k) for k in range(content.per_name))
    good = [path for path in paths if not path.startswith("/x/") or path.split("/")[2] in fastweb.GOOD]
    return good[:count]


def thin(samples: list[dict[str, float]], count: int) -> list[dict[str, float]]:
    """Return evenly spaced samples, the last among them."""
    if len(samples) <= count:
        return samples
    return [samples[round(k * (len(samples) - 1) / (count - 1))] for k in range(count)]


def table(values: dict[str, Any], samples: list[dict[str, float]]) -> str:
    """Return the whole as Markdown."""
    rows = [f"| {name.replace('_', ' ')} | {value} |" for name, value in values.items() if not isinstance(value, dict)]
    rows += [f"| refused: {reason} | {count} |" for reason, count in sorted(values["rejected"].items())]
    columns = ("seconds", "sent", "facekit_mb", "threads", "files_open", "browsers_mb", "children", "server_cpu")
    over = [f"| {' | '.join(f'{sample[column]:g}' for column in columns)} |" for sample in thin(samples, ROWS)]
    heads = [name.replace("_", " ").replace(" mb", " MB") for name in columns]
    return "\n".join(
        ["| what | count |", "|---|---|", *rows, "", f"| {' | '.join(heads)} |", "|" + "---|" * len(columns), *over]
    )


def main() -> int:
    """Soak, and exit with 1 where something was lost, doubled or left behind."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--names", type=int, default=1898)
    asked.add_argument("--per-name", type=int, default=100)
    asked.add_argument("--minutes", type=float, default=100)
    asked.add_argument("--search", choices=SEARCHES, default="api")
    asked.add_argument("--bots", type=int, default=10)
    asked.add_argument("--latency", type=float, default=0.0, help="seconds that every picture takes to come")
    asked.add_argument("--faults", type=float, default=0.1, help="share of links that are broken")
    asked.add_argument("--port", type=int, default=8899)
    asked.add_argument("--every", type=float, default=5.0, help="seconds between two looks at memory")
    asked.add_argument("--out", type=Path, help="folder to scrape into and to leave behind; else a temporary one")
    asked.add_argument("--json", type=Path)
    asked.add_argument("--markdown", type=Path)
    chosen = asked.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that server and facekit are ended too
    links = round(SURPLUS * chosen.per_name)
    content = fastweb.Small(fastweb.names(chosen.names), links, chosen.faults)
    work = Path(tempfile.mkdtemp(prefix="fk-soak-", dir="/tmp"))  # short: browsers put sockets below it
    try:
        with server(chosen, links) as port:
            run, watch = scrape(chosen, port, work)
            found = account(chosen.out or work / "raw", content, chosen.per_name, port, not run["stopped"])
    finally:
        shutil.rmtree(work, ignore_errors=True)
    found["pictures_per_second"] = round(found["kept"] / run["seconds"], 1)
    values = {"search": chosen.search, "names": chosen.names, "per_name": chosen.per_name, **run, **found}
    said = table(values, watch.samples)
    print(said)
    if chosen.markdown:
        chosen.markdown.write_text(said + "\n")
    if chosen.json:
        chosen.json.write_text(json.dumps({**values, "samples": watch.samples}, indent=1))
    bad = ("lost", "missing", "double", "fetched_again", "processes_left", "folders_left")
    return 1 if any(values[name] for name in bad) or values["sound"] != values["kept"] else 0


if __name__ == "__main__":
    sys.exit(main())
