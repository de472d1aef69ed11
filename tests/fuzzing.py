"""Folders that a stranger has tampered with, the commands that read them, and what must not happen then.

A case copies small valid folders into a box, changes one of them, runs a command in this process, and looks at what
the command said, wrote, deleted, opened and took. `outside/` in the box stands for all else that the user owns.
"""

from __future__ import annotations

import base64
import csv
import faulthandler
import io
import json
import os
import re
import shutil
import signal
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import cv2
import numpy as np
import psutil

from facekit.base import images

SECRET = "canary-5f1d8c"
"""Stands in every text file outside; nothing that a command writes or prints may hold it."""

SECONDS, MEGABYTES = 10, 500
"""What a command may take, more than a few seconds of honest work, and more than honest input of that size needs."""

MADE = Path(__file__).with_name("data") / "v0_1_0"
"""What facekit 0.1.0 made: a small valid folder of every kind."""

_SLOW = float(os.environ.get("FACEKIT_SLOW", "1"))
"""By how much slower than a quiet machine this one is."""


@dataclass(frozen=True)
class Command:
    """A command line, the folders that it needs, and the one that is tampered with."""

    name: str
    arguments: tuple[str, ...]
    tampered: str
    needs: tuple[str, ...] = ()
    trusted: bool = False
    """Whether paths in what is tampered with are the user's own, and lead where they will: recipes and tables."""
    run: Callable[[Sequence[str]], int] | None = None
    """What runs it, where that is not the command line."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """The folders and files that are copied into the box."""
        return tuple(dict.fromkeys((self.tampered, *self.needs)))


@dataclass
class Outcome:
    """What a command did."""

    code: int | None = None
    out: str = ""
    err: str = ""
    faults: list[str] = field(default_factory=list)
    """What it must not have done; empty for a command that held."""


class Hang(BaseException):
    """The command took too long, or too much memory."""


class Box:
    """A folder with `home`, in which commands run, and `outside`, which no command may touch."""

    def __init__(self, root: Path) -> None:
        self.root, self.home, self.outside = root, root / "home", root / "outside"

    def fill(self, made: Path, names: Sequence[str]) -> None:
        """Put fresh copies of valid folders into `home`, and what is private into `outside`."""
        shutil.rmtree(self.root, ignore_errors=True)
        self.home.mkdir(parents=True)
        for name in names:
            source = made / name
            (shutil.copytree if source.is_dir() else shutil.copyfile)(source, self.home / name)
        for file in self.home.rglob("*.json"):
            file.write_text(file.read_text().replace("/data/faces", str(self.home)))
        (self.outside / "victims").mkdir(parents=True)
        (self.outside / "secret.txt").write_text(f"{SECRET}\n")
        (self.outside / "secret.jpg").write_bytes(canary(0))
        (self.outside / "run.sh").write_text(f"#!/bin/sh\n# {SECRET}\n")
        for number in range(3):
            (self.outside / "victims" / f"{number:016x}.jpg").write_bytes(canary(number))

    def outside_now(self) -> dict[str, tuple[int, int, int]]:
        """Return inode, size and time of everything in the box that is not in `home`."""
        found = {}
        for path in sorted(
            self.root.rglob("*", recurse_symlinks=False) if sys.version_info >= (3, 13) else _walk(self.root)
        ):
            if self.home not in (path, *path.parents):
                held = path.lstat()
                found[str(path.relative_to(self.root))] = (held.st_ino, held.st_size, held.st_mtime_ns)
        found.pop("outside", None)
        return found


def _walk(root: Path) -> Iterator[Path]:
    for folder, names, files in os.walk(root):
        yield from (Path(folder) / name for name in (*names, *files))


def canary(number: int) -> bytes:
    """Return a picture in a colour that no drawn face has: 96 pixels of magenta, with a few marks."""
    image = np.full((96, 96, 3), (255, 0, 255), np.uint8)
    image[10 * number : 10 * number + 8, 8:40] = 0
    return images.encode(image, 95)


def shows_canary(data: bytes) -> bool:
    """Whether the bytes of a picture show one of those outside, at any size."""
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        return False
    blue, green, red = (image[..., channel].astype(int) for channel in range(3))
    return bool(((blue > 180) & (red > 180) & (green < 90)).mean() > 0.02)


# What must not happen


class Watch:
    """Notes every opened, made, renamed and deleted path that is outside; one for the whole process."""

    _EVENTS = ("open", "os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.symlink", "os.link", "os.truncate")

    def __init__(self) -> None:
        self.outside: str | None = None
        self.seen: list[str] = []
        sys.addaudithook(self._note)

    def _note(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.outside is None or event not in self._EVENTS:
            return
        for path in arguments[: 2 if event in ("os.rename", "os.link") else 1]:
            if isinstance(path, (str, bytes)):
                parent, name = os.path.split(os.path.abspath(os.fsdecode(path)))
                whole = os.path.join(os.path.realpath(parent), name)
                whole = os.path.realpath(whole) if event == "open" else whole
                if whole.startswith(self.outside + "/"):
                    self.seen.append(f"{event} {whole.removeprefix(self.outside)}")


_WATCH: list[Watch] = []


def watch() -> Watch:
    """Return the process's one watch: an audit hook cannot be taken out again."""
    if not _WATCH:
        _WATCH.append(Watch())
    return _WATCH[0]


def hold(box: Box, command: Command) -> Outcome:
    """Run a command in a box and return what it did."""
    outcome = Outcome()
    before, others = box.outside_now(), set(os.listdir(box.home))
    looking = watch()
    looking.outside, looking.seen = str(box.outside.resolve()), []
    here = Path.cwd()
    os.chdir(box.home)
    try:
        with limited(outcome):
            _call(command, outcome)
    finally:
        looking.outside = None
        os.chdir(here)
    if not command.trusted:
        outcome.faults += [f"touched outside: {what}" for what in dict.fromkeys(looking.seen)]
    after = box.outside_now()
    outcome.faults += [
        f"changed outside: {name}"
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]
    if outcome.code not in (0, 2):
        outcome.faults.append(f"exit code {outcome.code}")
    outcome.faults += _talk_faults(outcome)
    outcome.faults += _written_faults(box, others, command.trusted)
    return outcome


def _call(command: Command, outcome: Outcome) -> None:
    out, err = io.StringIO(), io.StringIO()
    arguments = sys.argv
    sys.argv = ["facekit", *command.arguments]
    try:
        with redirect_stdout(out), redirect_stderr(err), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            outcome.code = (command.run or _command_line)(command.arguments)
    except Hang as error:
        outcome.faults.append(str(error))
    except BaseException:
        outcome.faults.append("traceback: " + traceback.format_exc(limit=-6))
    finally:
        sys.argv = arguments
        outcome.out, outcome.err = out.getvalue(), err.getvalue()


def _command_line(_: Sequence[str]) -> int:
    from facekit import cli

    try:
        cli.main()
    except SystemExit as left:
        return left.code if isinstance(left.code, int) else 1


@contextmanager
def limited(outcome: Outcome) -> Iterator[None]:
    """Break off what takes more time or memory than it may."""
    process, over = psutil.Process(), threading.Event()
    before = process.memory_info().rss
    reason = ["a hang: more than {:.0f} s".format(SECONDS * _SLOW)]

    def stop(signum: int, frame: FrameType | None) -> None:
        raise Hang(f"{reason[0]}\n{''.join(traceback.format_stack(frame, limit=8))}")

    def measure() -> None:
        while not over.wait(0.05):
            grown = (process.memory_info().rss - before) / 1e6
            if grown > MEGABYTES:
                reason[0] = f"memory: {grown:.0f} MB more"
                signal.raise_signal(signal.SIGALRM)
                return

    old = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, SECONDS * _SLOW)
    faulthandler.dump_traceback_later(SECONDS * _SLOW * 6, exit=True)
    meter = threading.Thread(target=measure, daemon=True)
    meter.start()
    try:
        yield
    except Hang as error:
        outcome.faults.append(str(error))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        faulthandler.cancel_dump_traceback_later()
        over.set()
        meter.join()
        signal.signal(signal.SIGALRM, old)


_HIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def _talk_faults(outcome: Outcome) -> Iterator[str]:
    for name, text in (("stdout", outcome.out), ("stderr", outcome.err)):
        if found := _HIDDEN.search(text):
            yield f"{name} holds the control character {found[0]!r}: {text[max(0, found.start() - 60) : found.end() + 20]!r}"
        if SECRET in text:
            yield f"{name} shows what is outside"
        if "Traceback (most recent call last)" in text:
            yield f"{name} holds a traceback: {text[-1500:]}"
    if outcome.code == 2 and not outcome.err.strip():
        yield "refused without a word"


def _written_faults(box: Box, before: set[str], trusted: bool) -> Iterator[str]:
    """Look at every regular file that stands in `home` afterwards."""
    for path in _walk(box.home):
        if path.is_symlink() or not path.is_file() or path.stat().st_size > 50_000_000:
            continue
        new = path.relative_to(box.home).parts[0] not in before
        data = path.read_bytes()
        if SECRET.encode() in data and not trusted:
            yield f"{path.relative_to(box.home)} holds a text from outside"
        if path.suffix in (".jpg", ".png") and shows_canary(data) and not trusted:
            yield f"{path.relative_to(box.home)} shows a picture from outside"
        if new:
            yield from (f"{path.relative_to(box.home)}: {fault}" for fault in _form_faults(path, data))


def _form_faults(path: Path, data: bytes) -> Iterator[str]:
    if path.suffix == ".html":
        for picture in re.findall(rb"data:image/[a-z]+;base64,([A-Za-z0-9+/=]+)", data):
            if shows_canary(base64.b64decode(picture)):
                yield "shows a picture from outside"
        if b"<script>alert" in data:
            yield "holds a script from outside"
    elif path.suffix == ".json":
        yield from _json_faults(data)
    elif path.suffix == ".jsonl":
        for line in data.splitlines():
            yield from _json_faults(line)
    elif path.suffix == ".csv":
        for row in csv.reader(io.StringIO(data.decode("utf-8", "replace"), newline="")):
            yield from (f"the cell {cell[:40]!r} is a formula" for cell in row if cell[:1] in "=@" and cell)


def _json_faults(data: bytes) -> Iterator[str]:
    def refuse(name: str) -> None:
        raise ValueError(f"{name} is not JSON")

    try:
        json.loads(data, parse_constant=refuse)
    except ValueError as error:
        yield f"is not JSON: {error}"
    except RecursionError:
        yield "is nested too deep to be read"


# The commands


def _review(arguments: Sequence[str]) -> int:
    """Open the review of a folder and ask for everything that its page asks for, and for what it does not."""
    from facekit.base.contract import FacekitError
    from facekit.commands.review.app import build
    from facekit.commands.review.session import Desk

    try:
        app = build(Desk(Path(arguments[0])))
    except FacekitError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    names = json.loads(ask(app, "/api/names"))
    for label in [row["label"] for row in names.get("names", [])][:3]:
        faces = json.loads(ask(app, "/api/faces", label=label))
        for card in faces.get("faces", [])[:5]:
            for path in ("/api/faces/{}", "/pictures/{}", "/photos/{}", "/photos/{}/box"):
                data = ask(app, path.format(card["id"]))
                if shows_canary(data) or SECRET.encode() in data:
                    raise AssertionError(f"{path} shows what is outside")
    return 0


def ask(app: Any, path: str, **query: str) -> bytes:
    """Return the body of an application's answer to a GET, whatever its status below 600 but 500."""
    import asyncio
    from urllib.parse import quote, urlencode

    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http"}
    scope |= {
        "path": path,
        "raw_path": quote(path).encode(),
        "query_string": urlencode(query, errors="surrogatepass").encode(),
    }
    scope |= {
        "root_path": "",
        "headers": [(b"host", b"127.0.0.1")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
    }
    asyncio.run(app(scope, receive, send))
    return b"".join(message.get("body", b"") for message in sent)


_CLEAN = ("--min-images", "3", "--embedder", "none")
_CNN3 = ("--network", "cnn3", "--size", "32")

COMMANDS = [
    Command("crop", ("crop", "raw", "-o", "new", "--no-detect", "--size", "24", "-j", "1"), "raw"),
    Command(
        "crop again", ("crop", "raw", "--faces", "all", "--size", "64", "-o", "faces", "-j", "1"), "faces", ("raw",)
    ),
    Command(
        "crop on",
        ("crop", "raw", "--faces", "all", "--size", "64", "-o", "faces-interrupted", "-j", "1"),
        "faces-interrupted",
        ("raw",),
    ),
    Command(
        "crop over",
        ("crop", "raw", "-o", "faces", "--overwrite", "--no-detect", "--size", "24", "-j", "1"),
        "faces",
        ("raw",),
    ),
    Command("clean", ("clean", "faces", "-o", "new", *_CLEAN, "--report", "new.html", "-j", "1"), "faces", ("raw",)),
    Command("clean again", ("clean", "faces", "-o", "sorted", *_CLEAN, "--apply", "-j", "1"), "sorted", ("faces",)),
    Command("clean over", ("clean", "faces", "-o", "sorted", *_CLEAN, "--overwrite", "-j", "1"), "sorted", ("faces",)),
    Command("balance", ("balance", "clean", "-o", "new", "-n", "8", "-j", "1"), "clean", ("faces",)),
    Command("balance again", ("balance", "clean", "-o", "balanced", "-n", "8", "-j", "1"), "balanced", ("clean",)),
    Command(
        "balance over",
        ("balance", "clean", "-o", "balanced", "-n", "6", "--overwrite", "-j", "1"),
        "balanced",
        ("clean",),
    ),
    Command("augment", ("augment", "clean", "-o", "new", "-n", "10", "-j", "1"), "clean"),
    Command("augment again", ("augment", "clean", "-o", "augmented", "-n", "10", "-j", "1"), "augmented", ("clean",)),
    Command("audit", ("audit", "balanced", "-o", "new", "--without", "new2"), "balanced", ("clean", "faces", "raw")),
    Command("audit run", ("audit", "head", "-o", "new"), "head", ("balanced",)),
    Command("review", ("clean",), "clean", ("faces", "raw"), run=_review),
    Command("review photos", ("clean",), "faces", ("clean", "raw"), run=_review),
    Command("train head", ("train", "balanced", "-o", "new", "--backbone", "dlib", "-j", "1"), "balanced"),
    Command("evaluate head", ("evaluate", "head", "--rounds", "10", "-j", "1"), "head", ("balanced",)),
    Command(
        "evaluate data",
        ("evaluate", "head", "--data", "clean", "-o", "new", "--rounds", "10", "-j", "1"),
        "clean",
        ("head", "balanced"),
    ),
    Command(
        "cross-validate", ("cross-validate", "head", "--folds", "2", "--rounds", "10", "-j", "1"), "head", ("balanced",)
    ),
    Command("predict", ("predict", "head", "balanced", "--no-detect", "--grid", "grid.png"), "head", ("balanced",)),
    Command("predict pictures", ("predict", "head", "balanced", "--no-detect"), "balanced", ("head",)),
    Command(
        "compare",
        ("compare", "balanced", "-o", "comparison", "--networks", "dlib", "-j", "1"),
        "comparison",
        ("balanced",),
    ),
    Command(
        "compare data",
        ("compare", "balanced", "-o", "comparison", "--networks", "dlib", "--test", "clean"),
        "clean",
        ("comparison", "balanced"),
    ),
    Command(
        "train on",
        ("train", "balanced", "-o", "run-interrupted", *_CNN3, "--epochs", "3", "--stop-at", "1.01", "--resume"),
        "run-interrupted",
        ("balanced",),
    ),
    Command(
        "train from",
        ("train", "balanced", "-o", "new", *_CNN3, "--epochs", "1", "--weights", "run"),
        "run",
        ("balanced",),
    ),
    Command(
        "train over", ("train", "balanced", "-o", "run", *_CNN3, "--epochs", "1", "--overwrite"), "run", ("balanced",)
    ),
    Command("evaluate run", ("evaluate", "run", "--rounds", "10", "-j", "1"), "run", ("augmented",)),
    Command("predict run", ("predict", "run", "balanced", "--no-detect"), "run", ("balanced",)),
    Command("inspect", ("inspect", "run", "--count", "1"), "run", ("augmented",)),
    Command(
        "clean by run",
        ("clean", "faces", "-o", "new", "--min-images", "3", "--embedder", "run", "-j", "1"),
        "run",
        ("faces",),
    ),
    Command("recipe", ("run", "recipe.toml", "-o", "new"), "recipe.toml", ("raw",), trusted=True),
    Command(
        "contenders",
        ("compare", "balanced", "-o", "comparison", "--contenders", "contenders.toml", "--dry-run"),
        "contenders.toml",
        ("comparison", "balanced"),
        trusted=True,
    ),
    Command(
        "pairs",
        ("evaluate-pairs", "dlib", "pairs.csv", "--data", "balanced", "--no-detect", "-o", "new"),
        "pairs.csv",
        ("balanced",),
        trusted=True,
    ),
    Command(
        "table",
        ("evaluate", "head", "--by", "who", "--table", "table.csv", "--rounds", "10"),
        "table.csv",
        ("head", "balanced"),
        trusted=True,
    ),
    Command(
        "csv",
        ("evaluate", "head", "--data", "data.csv", "--rounds", "10", "-o", "new"),
        "data.csv",
        ("head", "balanced"),
        trusted=True,
    ),
    Command(
        "people",
        ("balance", "plain", "-o", "new", "-n", "6", "--split-by", "person", "--people-from", "people.csv"),
        "people.csv",
        ("plain",),
        trusted=True,
    ),
]
"""Each reads something of another kind; those with a network of Keras take seconds, and come last but for tables."""


def prepare(root: Path) -> Path:
    """Make the valid folders: what 0.1.0 made, and beside it a review that no embedder took part in, and tables."""
    from facekit.commands.clean import clean
    from facekit.dataset import Dataset
    from facekit.options.clean import Clean

    shutil.copytree(MADE, root, ignore=shutil.ignore_patterns("make.py", "__pycache__"))
    clean(Clean(input=root / "faces", output=root / "sorted", min_images=3, embedder="none"))
    shutil.copy(root / "clean" / "decisions.jsonl", root / "sorted")
    by_label = Dataset.open(root / "balanced").by_label()
    one, other = ([record.path for record in records[:4]] for records in by_label.values())
    pairs = [(one[0], one[1], 1), (other[0], other[1], 1), (one[0], other[0], 0), (one[1], other[1], 0)]
    _table(root / "pairs.csv", ("first", "second", "same"), pairs)
    _table(root / "table.csv", ("label", "who"), [(label, label[0]) for label in by_label])
    _table(
        root / "data.csv", ("image", "label"), [(f"balanced/{r.path}", r.label) for rs in by_label.values() for r in rs]
    )
    shutil.copytree(root / "clean", root / "plain", ignore=shutil.ignore_patterns("*.json*"))
    files = sorted(path.relative_to(root / "plain") for path in (root / "plain").glob("*/*"))
    _table(root / "people.csv", ("image", "person"), [(path, f"p{number}") for number, path in enumerate(files)])
    (root / "contenders.toml").write_text(CONTENDERS)
    return root


CONTENDERS = """\
[defaults]
epochs = 1

[[contender]]
name = "dlib"
backbone = "dlib"

[[contender]]
network = "cnn3"
size = 32
color = "gray"
"""


def _table(file: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with file.open("w", newline="") as to:
        csv.writer(to).writerows([header, *rows])
