"""Starts the process that trains together with other hosts, shows what it reports, and says in one line how it ended.

JAX ends a process by SIGABRT, with a page of C++, where the first host is gone. So it is a process of its own, whose
standard error is shown for a bug alone. Over a pipe come lines of JSON: progress, log records, and at last a report
or what was refused.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, NamedTuple

from facekit.base import plugins
from facekit.base.contract import AtMost, FacekitError, Report, StaleError, Track
from facekit.options.base import describe
from facekit.options.train import Train
from facekit.options.typed import typed

log = logging.getLogger(__name__)

WAIT = 300
"""Seconds for which a host waits for the others."""

LOST = "coordination service", "distributed service", "heartbeat"
"""What JAX's runtime writes where it ends a process because another one is gone."""

_AGAIN = "type the same command on each host again to go on from the last whole epoch"

_GONE = f"another host is gone or cannot be reached; {_AGAIN}"


class Ended(NamedTuple):
    """What the process said last, and how it left."""

    last: list[Any]
    code: int
    noise: str


def supervised(options: Train, track: Track, wait: int = WAIT) -> Report:
    """Train together with other hosts in a process of its own, and return its report.

    `wait` is how many seconds to wait for the others. Raises FacekitError as `train`, and where hosts do not come, do
    not agree, or are gone.
    """
    check_engine(options)
    plugins.need("numpy", "train")
    with tempfile.TemporaryDirectory(prefix="facekit-") as scratch, tempfile.TemporaryFile() as noise:
        ended = _run(options, track, wait, Path(scratch), noise)
    return _report(ended, wait)


def check_engine(options: Train) -> None:
    """Refuse another engine than JAX. Raises FacekitError with what to install and to type."""
    missing = not plugins.installed("jax")
    install = "pip install 'facekit-cli[jax]', then " if missing else ""
    if missing or os.environ.get("KERAS_BACKEND") != "jax":
        raise FacekitError(f"--hosts trains with JAX alone: {install}type `KERAS_BACKEND=jax {typed(options)}`")


def _run(options: Train, track: Track, wait: int, scratch: Path, noise: IO[bytes]) -> Ended:
    reading, writing = os.pipe()
    command = [sys.executable, "-m", "facekit.commands.train.worker", str(writing)]
    # A session of its own: Ctrl-C reaches this process alone, which ends the other.
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=noise, stderr=noise, pass_fds=[writing], start_new_session=True
    )
    os.close(writing)
    try:
        values = {option.name: getattr(options, option.name) for option in describe(Train)}
        told = {"options": values, "wait": wait, "scratch": str(scratch)}
        assert process.stdin is not None  # a pipe, which stays open: its end tells the process that this one is gone
        with suppress(BrokenPipeError):
            process.stdin.write(json.dumps(told, default=str).encode() + b"\n")
            process.stdin.flush()
        with os.fdopen(reading, encoding="utf-8") as lines:
            last = _Shown(lines, track).last()
        code = process.wait()
    finally:
        process.kill()  # nothing is lost: a training can be killed at any moment
        process.wait()
        if process.stdin is not None:
            with suppress(BrokenPipeError):
                process.stdin.close()
    noise.seek(0)
    return Ended(last, code, noise.read().decode(errors="replace"))


def _report(ended: Ended, wait: int) -> Report:
    """Return the report of a process that has ended well, and raise what another one has to say."""
    kind, *said = ended.last
    if kind == "report":
        values = said[0]
        return Report(**{**values, "left": Counter(values["left"])})
    if kind == "refused":
        raise FacekitError(said[0])
    if kind == "stale":
        raise StaleError(*said)
    if kind == "lost":
        log.debug("a host is gone: %s", said[0])
        raise FacekitError(_GONE)
    aborted = ended.code == -signal.SIGABRT and any(word in ended.noise for word in LOST)
    if kind == "joining" and aborted:
        raise FacekitError(
            f"not all hosts of --hosts were there within {wait} seconds; type the same command on each, where "
            "the port of the first can be reached"
        )
    if aborted:
        raise FacekitError(_GONE)
    if ended.code == -signal.SIGKILL:
        raise FacekitError(f"the process that trains was killed, by the system where memory ran out; {_AGAIN}")
    sys.stderr.write(ended.noise)
    raise RuntimeError(f"the process that trains on this host ended with {ended.code}")


class _Shown:
    """Shows the progress and the log records of a process, whose lines come from a pipe."""

    def __init__(self, lines: IO[str], track: Track) -> None:
        self._lines, self._track = lines, track
        self._last: list[Any] = ["nothing"]

    def last(self) -> list[Any]:
        """Show all there is, and return the last event that is neither."""
        for _ in self._steps():
            pass
        return self._last

    def _steps(self) -> Iterator[None]:
        """Yield each step of one loop until it is over; loops inside it are shown as they come."""
        for line in self._lines:
            kind, *said = json.loads(line)
            if kind == "step":
                yield from (None for _ in range(said[0]))
            elif kind == "end":
                return
            elif kind == "begin":
                title, total, at_most = said
                steps: Any = _Steps(total, self) if at_most else self._steps()
                for _ in self._track(steps, title, total=total):
                    pass
            elif kind == "log":
                name, level, text = said
                logging.getLogger(name).log(level, "%s", text)
            else:
                self._last = [kind, *said]


class _Steps(AtMost):
    """The steps of a loop in another process, which may end before the last of them."""

    def __init__(self, count: int, shown: _Shown) -> None:
        super().__init__(count)
        object.__setattr__(self, "_shown", shown)

    def __iter__(self) -> Iterator[Any]:
        """Yield as the other process does."""
        shown: _Shown = object.__getattribute__(self, "_shown")
        return shown._steps()
