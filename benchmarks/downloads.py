"""facekit's downloads beside icrawler's and beside a plain pool of `requests`, on the same links of the same server.

    python benchmarks/downloads.py [--icrawler-python PATH] [--latency 0.05 0.3] [--rounds 3] [--names 40]

Who takes part, each in a process of its own with as many threads (32), in turn, round after round:

- facekit: `scrape` itself with an engine that hands out the links; every check, every retry, manifest and sources;
- icrawler 0.6.10: its `UrlListCrawler`, that is its `ImageDownloader` fed with the links. Without a Python that has
  it (`--icrawler-python`) one is made with `uv`, or `venv` and `pip`, and thrown away;
- plain: a `ThreadPoolExecutor` around `requests.get` that writes what comes. No check, not even of the status.

A tenth of the links is broken (see `fastweb.py`). The server runs in its own process; its pictures are small, so that
the client and not the disk is measured. Counted are good pictures: files that Pillow decodes whole, of one frame, with
a shorter side of 100 pixels, whose host did not opt out. What else was saved is a bad file. Time runs from the start
of the work until the last picture stands on the disk; CPU seconds are those of the client's process until all is done,
imports apart. Medians over the rounds; ratios are of the same round.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

HERE = Path(__file__).resolve()
THREADS = 32
CLIENTS = ("plain", "facekit", "icrawler")
ICRAWLER = "icrawler==0.6.10"


# The clients: each runs alone in a process, `downloads.py --client NAME PORT OUT`


def lines(port: int, query: str = "") -> list[list[str]]:
    """Return the server's links, each with the page that shows it."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/control/urls{query}") as answer:
        return [line.split("\t") for line in answer.read().decode().splitlines()]


class Listed:
    """An engine that hands out the server's own list of links, so that nothing but downloading is measured."""

    name: ClassVar[str] = "listed"
    needs_browser: ClassVar[bool] = False
    interval: ClassVar[float] = 0.0
    filters: ClassVar[frozenset[str]] = frozenset()
    terms: ClassVar[str] = "http://127.0.0.1/"

    def __init__(self, base_url: str | None = None) -> None:
        self.base_url = base_url or ""

    def search(self, driver: Any, search: Any) -> Any:
        """Return all links of a name."""
        from urllib.parse import urlsplit

        from facekit.sources.engines import Candidate, Results, State

        found = lines(urlsplit(self.base_url).port or 80, "?q=" + search.query.replace(" ", "+"))
        candidates = [Candidate(url, rank, self.name, search.query, page) for rank, (url, page) in enumerate(found, 1)]
        return Results(State.OK, candidates, strategy="list")

    def stop(self) -> None:
        """Nothing waits."""


def facekit(port: int, out: Path) -> Any:
    """Return what scrapes all names of the server."""
    import logging

    from facekit.base import plugins
    from facekit.commands.scrape import scrape
    from facekit.options.scrape import Scrape

    logging.disable(logging.WARNING)
    plugins.PARTS["engine"]["listed"] = "downloads:Listed"
    sys.path.insert(0, str(HERE.parent))
    found = lines(port)
    names = sorted({f"Person {int(url.split('/')[-2]):04d}" for url, _ in found})
    options = Scrape(
        names=names,
        output=out,
        per_name=len(found) // len(names),
        engine="listed",
        base_url=f"http://127.0.0.1:{port}",
        jobs=THREADS,
        bots=1,
    )
    return lambda: scrape(options)


def plain(port: int, out: Path) -> Any:
    """Return what a short script would do."""
    from concurrent.futures import ThreadPoolExecutor

    import requests

    urls = [url for url, _ in lines(port)]
    out.mkdir()

    def save(number: int, url: str) -> None:
        with contextlib.suppress(requests.RequestException):
            (out / f"{number:06d}.jpg").write_bytes(requests.get(url, timeout=30).content)

    def work() -> None:
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(save, range(len(urls)), urls))

    return work


def icrawler(port: int, out: Path) -> Any:
    """Return what icrawler does with a file of links."""
    import logging

    from icrawler.builtin import UrlListCrawler

    listed = out.with_suffix(".txt")
    urls = [url for url, _ in lines(port)]
    listed.write_text("\n".join(urls))
    crawler = UrlListCrawler(
        downloader_threads=THREADS, storage={"backend": "FileSystem", "root_dir": str(out)}, log_level=logging.CRITICAL
    )
    return lambda: crawler.crawl(url_list=str(listed), max_num=0)


def client(name: str, port: int, out: Path) -> None:
    """Do one client's work and print its seconds."""
    work = {"facekit": facekit, "plain": plain, "icrawler": icrawler}[name](port, out)
    before, began = resource.getrusage(resource.RUSAGE_SELF), time.time()
    work()
    ended, after = time.time(), resource.getrusage(resource.RUSAGE_SELF)
    # icrawler's threads wait some seconds for work that does not come, and facekit puts its lines in order.
    last = max(path.stat().st_mtime for path in pictures(out))
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(json.dumps({"seconds": last - began, "whole": ended - began, "cpu": cpu, "memory": after.ru_maxrss}))


# The judge


def pictures(out: Path) -> list[Path]:
    """Return what was saved as a picture."""
    return [path for path in out.rglob("*") if path.suffix in (".jpg", ".png", ".gif", ".webp", ".avif", ".bmp")]


def is_good(data: bytes, opted_out: set[bytes]) -> bool:
    """Return whether a file is a whole still picture that may be kept, by Pillow's word and not by facekit's."""
    import PIL.Image

    # Each of the server's pictures says in a comment, its first segment, on which path it lies.
    if data[6 : 4 + int.from_bytes(data[4:6], "big")] in opted_out:
        return False
    try:
        with PIL.Image.open(io.BytesIO(data)) as picture:
            picture.load()
            return getattr(picture, "n_frames", 1) == 1 and min(picture.size) >= 100
    except (OSError, SyntaxError, ValueError):
        return False


def judged(out: Path, port: int) -> tuple[int, int]:
    """Return how many of a folder's pictures are good, and how many bad."""
    opted_out = {f"/{url.split('/x/noai/')[1]}".encode() for url, _ in lines(port) if "/x/noai/" in url}
    files = pictures(out)
    good = sum(is_good(path.read_bytes(), opted_out) for path in files)
    return good, len(files) - good


# The run


@contextlib.contextmanager
def server(names: int, per_name: int) -> Iterator[int]:
    """Run the server; yield its port."""
    command = [sys.executable, str(HERE.parent / "fastweb.py"), "--names", str(names), "--per-name", str(per_name)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(timeout=10)


def with_icrawler(given: str | None, folder: Path) -> str:
    """Return a Python that has icrawler, made where none is given."""
    if given:
        return given
    python = folder / "icrawler" / "bin" / "python"
    if shutil.which("uv"):
        subprocess.run(["uv", "venv", "-q", str(folder / "icrawler")], check=True)
        subprocess.run(["uv", "pip", "install", "-q", "--python", str(python), ICRAWLER], check=True)
    else:
        subprocess.run([sys.executable, "-m", "venv", str(folder / "icrawler")], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", ICRAWLER], check=True)
    return str(python)


def control(port: int, what: str) -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/control/{what}") as answer:
        return bytes(answer.read())


def turn(name: str, python: str, port: int, latency: float, out: Path) -> dict[str, float]:
    """Let one client work once."""
    control(port, f"latency?seconds={latency}")
    command = [python if name == "icrawler" else sys.executable, str(HERE), "--client", name, str(port), str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=1200)
    if done.returncode:
        sys.exit(f"{name} failed:\n{done.stderr}")
    values: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    good, bad = judged(out, port)
    asked = json.loads(control(port, "stats"))["requests"]
    shutil.rmtree(out)
    seconds = values["seconds"]
    rates = {"rate": good / seconds, "bad_share": bad / max(1, good + bad), "cpu_each": 1000 * values["cpu"] / good}
    return {**values, **rates, "good": good, "bad": bad, "requests": asked, "asked": asked / seconds}


def row(latency: float, name: str, runs: list[dict[str, float]], plain_runs: list[dict[str, float]]) -> dict[str, Any]:
    """Return a client's medians, and its rate as a share of the plain pool's in the same round."""
    middle = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
    ratios = [mine["rate"] / its["rate"] for mine, its in zip(runs, plain_runs, strict=True)]
    spread = {"of_plain": statistics.median(ratios), "ratios": [round(ratio, 3) for ratio in ratios]}
    return {"latency": latency, "client": name, **middle, **spread}


HEAD = """| latency | client | good pictures/s | of plain (each round) | CPU s | CPU ms each | good | bad | requests |
|---|---|---|---|---|---|---|---|---|"""


def line(values: dict[str, Any]) -> str:
    """Return a row of the table."""
    cells = (
        f"{1000 * values['latency']:.0f} ms",
        values["client"],
        f"{values['rate']:.1f}",
        f"{values['of_plain']:.3f} ({', '.join(f'{ratio:.2f}' for ratio in values['ratios'])})",
        f"{values['cpu']:.1f}",
        f"{values['cpu_each']:.2f}",
        f"{values['good']:.0f}",
        f"{values['bad']:.0f} ({values['bad_share']:.1%})",
        f"{values['requests']:.0f}",
    )
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Run the clients in turn and print a table; `--json FILE` keeps every number."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--client", nargs=3, metavar=("NAME", "PORT", "OUT"), help=argparse.SUPPRESS)
    asked.add_argument("--icrawler-python", help="a Python that has icrawler 0.6.10")
    asked.add_argument("--latency", type=float, nargs="+", default=[0.05, 0.3], help="seconds")
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--names", type=int, default=40)
    asked.add_argument("--per-name", type=int, default=100)
    asked.add_argument("--only", nargs="+", choices=CLIENTS, default=list(CLIENTS))
    asked.add_argument("--json", type=Path)
    chosen = asked.parse_args()
    if chosen.client:
        return client(chosen.client[0], int(chosen.client[1]), Path(chosen.client[2]))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server is ended too
    rows = []
    with tempfile.TemporaryDirectory() as name, server(chosen.names, chosen.per_name) as port:
        python = with_icrawler(chosen.icrawler_python, Path(name)) if "icrawler" in chosen.only else ""
        print(f"{chosen.names} x {chosen.per_name} links, {THREADS} threads, {chosen.rounds} rounds\n\n{HEAD}")
        for latency in chosen.latency:
            runs: dict[str, list[dict[str, float]]] = {name: [] for name in chosen.only}
            for number in range(chosen.rounds):
                # Another order in every round, so that a busy machine is nobody's fault.
                order = chosen.only[number % len(chosen.only) :] + chosen.only[: number % len(chosen.only)]
                for one in order:
                    runs[one].append(turn(one, python, port, latency, Path(name) / "out"))
                    print(f"{latency} s, round {number + 1}, {one}: {runs[one][-1]['rate']:.1f}/s", file=sys.stderr)
            for one in chosen.only:
                rows.append(row(latency, one, runs[one], runs.get("plain", runs[one])))
                print(line(rows[-1]), flush=True)
        print(f"\nThe server used {json.loads(control(port, 'stats'))['cpu']:.0f} CPU seconds in all.")
    if chosen.json:
        chosen.json.write_text(json.dumps(rows, indent=1))
    return None


if __name__ == "__main__":
    main()
