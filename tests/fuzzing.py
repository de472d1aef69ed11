"""A box for a command: folders that a stranger has tampered with, what else the user owns, and what must not happen.

The command runs in this process, in `home`; `outside` stands for all that is none of its business. Afterwards the box
says what it said, wrote, deleted, opened and took that it should not have.
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
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import cv2
import numpy as np
import psutil
from older import move

from facekit.base import images

SECRET = "canary-5f1d8c"
"""Stands in every text file outside; nothing that a command writes or prints may hold it."""

SECONDS, MEGABYTES = 10, 500
"""What a command may take: honest input of this size takes less than a second, and little memory. The seconds are those
of the processor: others may want it too. What waits, and uses none, is a hang after six times as many."""


@dataclass(frozen=True)
class Command:
    """A command line, the folders that it needs, and the one that is tampered with."""

    name: str
    arguments: tuple[str, ...]
    tampered: str
    needs: tuple[str, ...] = ()
    trusted: bool = False
    """Whether paths in what is tampered with are the user's own and lead anywhere: recipes and tables."""
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
    """What it must not have done."""


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
        move(self.home)
        (self.outside / "victims").mkdir(parents=True)
        for name in ("secret.txt", "run.sh"):
            (self.outside / name).write_text(f"{SECRET}\n")
        (self.outside / "secret.jpg").write_bytes(_canary(0))
        for number in range(3):
            (self.outside / "victims" / f"{number:016x}.jpg").write_bytes(_canary(number))

    def hold(self, command: Command, limited: bool = True) -> Outcome:
        """Run a command in `home` and return what it did; a first run that loads libraries has no limits."""
        outcome, before = Outcome(), self._outside_now()
        there = {entry.name for entry in self.home.iterdir()}
        limits = _limits(outcome) if limited else nullcontext()
        with _within(self.home), watch(self.outside) as touched, limits:
            _call(command, outcome)
        if not command.trusted:
            outcome.faults += [f"touched outside: {what}" for what in dict.fromkeys(touched)]
            outcome.faults += [f"leaked: {name}" for name in self._leaks()]
        after = self._outside_now()
        changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
        outcome.faults += [f"changed outside: {name}" for name in sorted(changed)]
        outcome.faults += [*_faults_of_talk(outcome), *self._faults_of_form(there)]
        return outcome

    def _outside_now(self) -> dict[str, tuple[int, int, int]]:
        """Return inode, size and time of everything in the box but what is in `home`."""
        around = [path for path in self.root.iterdir() if path != self.home]
        entries = {path: path.lstat() for path in (*around, *(inner for path in around for inner in _walk(path)))}
        return {str(path): (stat.st_ino, stat.st_size, stat.st_mtime_ns) for path, stat in entries.items()}

    def _leaks(self) -> Iterator[str]:
        """Yield the files in `home` that show what is outside."""
        for path in _files(self.home):
            data = path.read_bytes()
            drawn = path.suffix in (".jpg", ".png") and shows_canary(data)
            if drawn or SECRET.encode() in data or any(map(shows_canary, _embedded(data))):
                yield str(path.relative_to(self.home))

    def _faults_of_form(self, before: set[str]) -> Iterator[str]:
        """Yield what is wrong with the form of new files: JSON that is none, cells that are formulas."""
        for path in _files(self.home):
            name = path.relative_to(self.home)
            if name.parts[0] not in before and path.suffix in _FORMS:
                yield from (f"{name} {fault}" for fault in _FORMS[path.suffix](path.read_bytes()))


def _walk(root: Path) -> Iterator[Path]:
    for folder, names, files in os.walk(root):
        yield from (Path(folder) / name for name in (*names, *files))


def _files(root: Path) -> Iterator[Path]:
    for path in _walk(root):
        if not path.is_symlink() and path.is_file() and path.stat().st_size < 50_000_000:
            yield path


def _canary(number: int) -> bytes:
    """Return a picture in a colour that no drawn face has: 96 pixels of magenta, with a few marks."""
    image = np.full((96, 96, 3), (255, 0, 255), np.uint8)
    image[10 * number : 10 * number + 8, 8:40] = 0
    return images.encode(image, 95)


def shows_canary(data: bytes, least: float = 0.01) -> bool:
    """Whether the bytes of a picture show one of those outside, at any size, on at least such a share of it."""
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    if image is None:
        return False
    return bool(np.all(abs(image - np.array((255, 0, 255.0))) < 40, axis=2).mean() > least)


def _embedded(data: bytes) -> list[bytes]:
    """Return the pictures that a page holds; one that was tampered with may be cut off."""
    found = re.findall(rb"data:image/[a-z]+;base64,([A-Za-z0-9+/]+)", data)
    whole = (text[:-1] if len(text) % 4 == 1 else text for text in found)
    return [base64.b64decode(text + b"=" * (-len(text) % 4)) for text in whole]


# Running


def _call(command: Command, outcome: Outcome) -> None:
    out, err = io.StringIO(), io.StringIO()
    before, sys.argv = sys.argv, ["facekit", *command.arguments]
    try:
        with redirect_stdout(out), redirect_stderr(err), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            outcome.code = (command.run or command_line)(command.arguments)
            if outcome.code not in (0, 2):
                outcome.faults.append(f"exit code {outcome.code}")
    except Stopped as error:
        outcome.faults.append(str(error))
    except BaseException:  # noqa: BLE001 (whatever it is, it is what a user would see)
        outcome.faults.append("traceback: " + traceback.format_exc(limit=-6))
    finally:
        sys.argv = before
        outcome.out, outcome.err = out.getvalue(), err.getvalue()


def command_line(_: Sequence[str]) -> int:
    """Run what `sys.argv` says, and return its exit code."""
    from facekit import cli

    try:
        cli.main()
    except SystemExit as left:
        return left.code if isinstance(left.code, int) else 1


@contextmanager
def _within(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


_EVENTS = (
    "open",
    "os.scandir",
    "os.listdir",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.mkdir",
    "os.symlink",
    "os.link",
    "os.truncate",
)

_watched: list[tuple[str, list[str]]] = []
"""The folder that is watched now, and what has been touched in it: an audit hook cannot be taken out again."""


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    if not _watched or event not in _EVENTS:
        return
    outside, touched = _watched[-1]
    for path in arguments[: 2 if event in ("os.rename", "os.link") else 1]:
        if isinstance(path, str | bytes):
            place = Path(os.fsdecode(path))
            whole = str(place.parent.resolve() / place.name if event != "open" else os.path.realpath(place))
            if whole.startswith(outside + "/"):
                touched.append(f"{event} {whole.removeprefix(outside)}")


@contextmanager
def watch(outside: Path) -> Iterator[list[str]]:
    """Collect what Python opens, lists, makes, renames and deletes in a folder."""
    if not hasattr(sys, "_facekit_fuzz"):
        sys.addaudithook(_note)
        sys._facekit_fuzz = True  # type: ignore[attr-defined]
    touched: list[str] = []
    _watched.append((str(outside.resolve()), touched))
    try:
        yield touched
    finally:
        _watched.clear()


class Stopped(BaseException):
    """The command took too long, or too much memory."""


@contextmanager
def _limits(outcome: Outcome) -> Iterator[None]:
    """Break off what takes more time or memory than it may; end the process where that does not help."""
    process, over = psutil.Process(), threading.Event()
    # Where more wants to run than there are cores, everything takes so much longer.
    waits = 6 * SECONDS * max(1, os.getloadavg()[0] / (os.cpu_count() or 1))
    before, began = process.memory_info().rss, time.process_time()
    reason = [""]

    def stop(signum: int, frame: FrameType | None) -> None:
        took = f"a hang: {time.process_time() - began:.0f} s of the processor, after {waits:.0f} s of waiting at most"
        raise Stopped(f"{reason[0] or took}\n{''.join(traceback.format_stack(frame, limit=8))}")

    def measure() -> None:
        while not over.wait(0.05):
            grown = (process.memory_info().rss - before) / 1e6
            if grown > MEGABYTES:
                reason[0] = f"memory: {grown:.0f} MB more"
                signal.raise_signal(signal.SIGALRM)
                return

    old = [(one, signal.signal(one, stop)) for one in (signal.SIGALRM, signal.SIGPROF)]
    signal.setitimer(signal.ITIMER_REAL, waits)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    faulthandler.dump_traceback_later(3 * waits, exit=True, file=sys.__stderr__)
    meter = threading.Thread(target=measure, daemon=True)
    meter.start()
    try:
        yield
    except Stopped as error:
        outcome.faults.append(str(error))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.setitimer(signal.ITIMER_PROF, 0)
        faulthandler.cancel_dump_traceback_later()
        over.set()
        meter.join()
        for one, handler in old:
            signal.signal(one, handler)


# What is wrong


_HIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def _faults_of_talk(outcome: Outcome) -> Iterator[str]:
    for name, text in (("stdout", outcome.out), ("stderr", outcome.err)):
        if found := _HIDDEN.search(text):
            around = text[max(0, found.start() - 60) : found.end() + 20]
            yield f"{name} holds the control character {found[0]!r}: {around!r}"
        if SECRET in text:
            yield f"{name} shows what is outside"
        if "Traceback (most recent call last)" in text:
            yield f"traceback on {name}: {text[-1500:]}"
    if outcome.code == 2 and not outcome.err.strip():
        yield "refused without a word"


def _faults_of_json(data: bytes) -> Iterator[str]:
    def refuse(name: str) -> None:
        raise ValueError(f"{name} is not JSON")

    try:
        json.loads(data, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        yield f"is not JSON: {error}"


def _faults_of_lines(data: bytes) -> Iterator[str]:
    for line in data.splitlines():
        yield from _faults_of_json(line)


def _faults_of_csv(data: bytes) -> Iterator[str]:
    for row in csv.reader(io.StringIO(data.decode("utf-8", "replace"), newline="")):
        yield from (f"holds the formula {cell[:40]!r}" for cell in row if cell.startswith(("=", "@")))


def _faults_of_html(data: bytes) -> Iterator[str]:
    if re.search(rb"<(script>alert|img src=x)", data):
        yield "holds markup from outside"


_FORMS = {".json": _faults_of_json, ".jsonl": _faults_of_lines, ".csv": _faults_of_csv, ".html": _faults_of_html}
