"""The process that trains together with those of other hosts: `python -m facekit.commands.train.worker FD`.

It reads what to do as a line of JSON from stdin, and writes what happens to the file descriptor. Only the process of
the first host writes to the output; another one has a scratch folder, which `supervising` deletes.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from pathlib import Path
from typing import IO, Any, TypeVar

from facekit.base.contract import AtMost, Board, FacekitError, Report, StaleError, replace
from facekit.base.plain import Json
from facekit.commands.train.joining import join
from facekit.options.base import make
from facekit.options.train import Train

T = TypeVar("T")

_OFTEN = 0.1
"""Seconds between two lines of progress."""

_GONE = "Gloo", "NCCL", "oordination", "UNAVAILABLE", "DEADLINE_EXCEEDED", "eartbeat", "Barrier"
"""What JAX's errors say where another process does not answer any more."""


class Wire:
    """Lines of JSON to the process that shows them."""

    def __init__(self, out: IO[str]) -> None:
        self._out, self._lock = out, threading.Lock()

    def send(self, *event: Any) -> None:
        """Write one event."""
        with self._lock:
            self._out.write(json.dumps(event) + "\n")
            self._out.flush()

    def track(
        self, items: Iterable[T], title: str, total: int | None = None, board: Callable[[], Board] | None = None
    ) -> Iterator[T]:
        """Be a `Track` whose steps are shown elsewhere."""
        if total is None and isinstance(items, Sized):
            total = len(items)
        self.send("begin", title, total, isinstance(items, AtMost))
        done, sent = 0, time.monotonic()
        try:
            for item in items:
                yield item
                done += 1
                if time.monotonic() - sent > _OFTEN:
                    self.send("step", done)
                    done, sent = 0, time.monotonic()
        finally:
            self.send("step", done)
            self.send("end")


class _Records(logging.Handler):
    def __init__(self, wire: Wire) -> None:
        super().__init__(logging.INFO)
        self._wire = wire

    def emit(self, record: logging.LogRecord) -> None:
        # JAX's own warnings are for who programs with it.
        if record.name.startswith("facekit"):
            self._wire.send("log", record.name, record.levelno, record.getMessage())


def main() -> None:
    """Do what a line on stdin says."""
    wire = Wire(os.fdopen(int(sys.argv[1]), "w", encoding="utf-8"))
    told = json.loads(sys.stdin.readline())
    threading.Thread(target=_leave_with_parent, name="facekit-parent", daemon=True).start()
    logger = logging.getLogger("facekit")
    logger.addHandler(_Records(wire))
    logger.setLevel(logging.INFO)
    try:
        _tell(told, wire)
    except BaseException:  # noqa: BLE001 - a bug, whose traceback `supervising` shows
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)  # at Python's own exit JAX would wait for the others, who may be gone


def _tell(told: Mapping[str, Any], wire: Wire) -> None:
    """Work, and tell how it ended."""
    try:
        wire.send("report", _values(work(told, wire)))
    except StaleError as error:
        wire.send("stale", error.what, error.command)
    except FacekitError as error:
        wire.send("refused", str(error))
    except (RuntimeError, ValueError) as error:  # which JAX raises, the latter where it sends a value to all
        if not any(word in str(error) for word in _GONE):
            raise
        wire.send("lost", str(error))


def _leave_with_parent() -> None:
    sys.stdin.read()
    os._exit(1)


def _values(report: Report) -> Mapping[str, Any]:
    return {**report.to_dict(), "counts": report.counts}


def work(told: Mapping[str, Any], wire: Wire) -> Report:
    """Train as told together with the others, and return the report of this host."""
    began = time.monotonic()
    options = make(Train, told["options"])
    assert options.hosts is not None
    wire.send("joining")
    join(options.hosts, options.host_number, told["wait"])
    wire.send("joined")
    # Only now: Keras asks JAX for its devices, which are those of all hosts.
    from facekit import training
    from facekit.commands.train.here import trained
    from facekit.training.together import Team

    team = Team.of_jax(options)
    if not team.is_first:  # its checkpoints and logs are of no use
        options = replace(options, output=Path(told["scratch"]) / "run", overwrite=False)
    with team.distributed():
        plan = team.agreed(lambda: training.plan(options, track=wire.track))
        if plan is not None:
            run = training.fit(plan, wire.track)
            if team.is_first:
                return trained(run, began)
    details: dict[str, Json] = {"host": team.number, "hosts": team.size}
    return Report("train", told["options"]["output"], details=details, seconds=round(time.monotonic() - began, 2))


if __name__ == "__main__":
    main()
