"""Run every command that needs no web where there is no network but loopback, and write a log of it.

    python tests/offline.py FOLDER

makes a network namespace (Linux), in which nothing but this machine itself can be reached, and runs the commands in it
one after another, as a person would type them. It ends with the exit code 1 if one of them fails. A command that is
neither run nor in `LEFT_OUT` is a failure too. `tests/test_offline.py` and a job of the CI run it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

LEFT_OUT = {
    "scrape": "asks search engines",
    "demo": "is scrape, crop, clean, balance, augment, train and evaluate in a drawn world; minutes long",
    "compare": "is train and evaluate, several times",
    "keys": "manages keys alone",
    "tune": "is train, many times",
    "cross-validate": "is train and evaluate, several times",
    "ingest": "reads data sets that nobody has here",
}
"""Command -> why it is not run."""

DETECTORS, EMBEDDERS = ("haar", "yunet", "dlib"), ("dlib", "dlib-mirrored", "sface")

SIOCSIFFLAGS, IFF_UP = 0x8914, 0x1

INSIDE = "--inside"


class Failed(Exception):
    """A command did not do what it should; the message says which."""


def main(folder: Path) -> int:
    """Make the namespace and run this file in it; return the exit code."""
    how = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--net"]
    return subprocess.run([*how, sys.executable, __file__, INSIDE, str(folder)], check=False).returncode


def can() -> bool:
    """Return whether this machine lets us make a network namespace."""
    if shutil.which("unshare") is None:
        return False
    how = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--net"]
    return subprocess.run([*how, "true"], check=False, capture_output=True).returncode == 0


def inside(folder: Path) -> int:
    """Run the commands, within the namespace."""
    raise_loopback()
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["FACEKIT_CACHE"] = str(folder / "cache")
    with (folder / "offline.log").open("w") as log:
        run = Runner(folder, log.write)
        try:
            run.say(check_alone())
            for step in steps(folder):
                step(run)
            run.check_all()
        except Failed as error:
            run.say(f"FAILED: {error}")
            return 1
        run.say(f"{len(run.done)} runs of {len(set(run.done))} commands, none of which reached a network")
        return 0


def raise_loopback() -> None:
    """Turn the loopback interface of a new namespace on, as `ip link set lo up` does."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        fcntl.ioctl(one, SIOCSIFFLAGS, struct.pack("16sh", b"lo", IFF_UP) + bytes(14))


def check_alone() -> str:
    """Return a line that says who cannot be reached. Raises Failed where anybody can."""
    names = [name for _, name in socket.if_nameindex()]
    if names != ["lo"]:
        raise Failed(f"there are other interfaces: {names}")
    for address in ("192.0.2.1", "1.1.1.1"):
        with socket.socket() as one:
            one.settimeout(2)
            try:
                one.connect((address, 443))
            except OSError as error:
                why = error.strerror
            else:
                raise Failed(f"{address} can be reached")
    try:
        socket.getaddrinfo("pypi.org", 443)
    except socket.gaierror:
        return f"interfaces: {', '.join(names)}; 1.1.1.1: {why}; pypi.org: no such name"
    raise Failed("names can be looked up")


class Runner:
    """Runs commands and notes how each ended."""

    def __init__(self, folder: Path, write: Callable[[str], object]) -> None:
        self.folder, self.done = folder, list[str]()
        self._write = write

    def say(self, line: str) -> None:
        """Write a line of the log."""
        self._write(line + "\n")
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    def __call__(self, *arguments: object, code: int = 0) -> str:
        """Run a command to its end; return what it says on stdout. Raises Failed for another exit code."""
        words = list(map(str, arguments))
        began = time.monotonic()
        command = [sys.executable, "-m", "facekit", *words]
        ended = subprocess.run(command, cwd=self.folder, check=False, capture_output=True, text=True, timeout=900)
        self.say(f"{ended.returncode}  {time.monotonic() - began:6.1f} s  facekit {' '.join(words)}")
        if ended.returncode != code:
            raise Failed(f"facekit {' '.join(words)}\n{ended.stdout[-2000:]}\n{ended.stderr[-4000:]}")
        self.done.append(words[0])
        return ended.stdout

    def server(self, path: str, *arguments: object) -> None:
        """Start a command that serves, ask it for a page, and end it. Raises Failed where it does not answer."""
        words, port = list(map(str, arguments)), _free()
        command = [sys.executable, "-m", "facekit", *words, "--port", str(port)]
        began = time.monotonic()
        with subprocess.Popen(command, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as server:
            try:
                status = _ask(f"http://127.0.0.1:{port}{path}", server)
            finally:
                server.send_signal(signal.SIGINT)
                try:
                    server.wait(60)
                except subprocess.TimeoutExpired:
                    server.kill()
        self.say(f"{status}  {time.monotonic() - began:6.1f} s  facekit {' '.join(words)}, {path}")
        self.done.append(words[0])

    def check_all(self) -> None:
        """Raise Failed for a command that was neither run nor left out."""
        from facekit.options import registry

        missing = sorted({*registry.names()} - {*self.done} - {*LEFT_OUT})
        if missing:
            raise Failed(f"never run: {', '.join(missing)}; add them to tests/offline.py")


def _free() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _ask(url: str, server: subprocess.Popen[bytes]) -> int:
    for _ in range(600):
        if server.poll() is not None:
            said = server.stderr.read().decode() if server.stderr else ""
            raise Failed(f"the server ended with {server.returncode}: {said[-2000:]}")
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:  # it answers; `review` asks for the key that is in its own link
            if error.code >= 500:
                raise Failed(f"{url} answers with {error.code}") from None
            return error.code
        except OSError:
            time.sleep(0.2)
    raise Failed(f"{url} does not answer")


def steps(folder: Path) -> Iterator[Callable[[Runner], object]]:
    """Yield what is run, one after another: each step uses what those before it made."""
    yield lambda run: run("doctor")
    yield lambda run: run("models")
    yield lambda run: run("draw", "-o", "photos", "--people", 4, "--photos", 14, "--no-faults")
    for detector in DETECTORS:
        yield lambda run, one=detector: run("crop", "photos", "-o", f"faces-{one}", "--detector", one)  # type: ignore[misc]
    yield lambda run: run("clean", "faces-haar", "-o", "good", "--min-images", 4, "--embedder", "dlib+sface")
    yield lambda run: run.server("/", "review", "good", "--no-browser")
    yield lambda run: run("balance", "good", "-o", "even", "--count", 9)
    yield lambda run: run("augment", "even", "-o", "full", "--count", 12)
    yield lambda run: run("audit", "even")
    yield lambda run: run("stats", "even")
    yield lambda run: run("rejected", "even")
    for embedder in EMBEDDERS:
        yield lambda run, one=embedder: run("train", "even", "-o", f"head-{one}", "--backbone", one)  # type: ignore[misc]
        yield lambda run, one=embedder: run("enroll", "photos", "-o", f"gallery-{one}", "--embedder", one)  # type: ignore[misc]
    yield lambda run: run("train", "full", "-o", "net", "--network", "cnn3", "--size", 32, "--epochs", 2, "--batch", 16)
    yield lambda run: run("evaluate", "net")
    yield lambda run: run("evaluate", "head-sface")
    yield lambda run: run("inspect", "net")
    yield lambda run: run("predict", "head-dlib", _photo(folder))
    yield lambda run: run("export", "head-sface", "-o", "model.onnx")
    yield lambda run: run("predict", "model.onnx", _photo(folder))
    yield lambda run: run("identify", "gallery-sface", _photo(folder))
    yield lambda run: run("verify", _photo(folder), _photo(folder), "--embedder", "dlib")
    yield lambda run: run("gallery", "list", "gallery-dlib")
    yield lambda run: run.server("/healthz", "serve", "gallery-dlib")
    yield lambda run: run("monitor", "gallery-dlib")
    yield lambda run: run("evaluate-pairs", "sface", _pairs(folder), "-o", "pairs", "--rounds", 0)
    yield lambda run: run("label", "even", "--table", _table(folder))
    yield lambda run: run("card", "even")
    yield lambda run: run("card", "head-sface")
    yield lambda run: run("cache")
    yield lambda run: run("run", _recipe(folder))
    yield lambda run: run("forget", _name(folder), "--in", "even", "--in", "gallery-dlib", "--dry-run")
    yield lambda run: run("expire", "even", "gallery-dlib", "--older-than", "0m", "--dry-run")


def _photo(folder: Path) -> Path:
    return next(path for path in sorted((folder / "photos").glob("*/*.jpg")))


def _recipe(folder: Path) -> Path:
    file = folder / "recipe.toml"
    file.write_text('output = "again"\n\n[[stage]]\ncommand = "crop"\ninput = "photos"\n')
    return file


def _pairs(folder: Path) -> Path:
    """Write a list of pairs: two photos of each person, and one of each with one of the next."""
    file = folder / "pairs.csv"
    photos = [sorted(one.glob("*.jpg"))[:2] for one in sorted((folder / "photos").iterdir()) if one.is_dir()]
    people = [[one.relative_to(folder) for one in two] for two in photos]
    same = [f"{a},{b},1" for a, b in people]
    other = [f"{a[0]},{b[0]},0" for a, b in zip(people, people[1:], strict=False)]
    file.write_text("\n".join(["first,second,same", *same, *other]) + "\n")
    return file


def _name(folder: Path) -> str:
    return sorted(path.name for path in (folder / "photos").iterdir() if path.is_dir())[0]


def _table(folder: Path) -> Path:
    file = folder / "people.csv"
    labels = sorted(path.name for path in (folder / "even").iterdir() if path.is_dir())
    file.write_text("label,hand\n" + "".join(f"{label},left\n" for label in labels))
    return file


if __name__ == "__main__":
    place = Path(sys.argv[-1]).resolve()
    sys.exit(inside(place) if INSIDE in sys.argv else main(place))
