"""What Ctrl-C does, and a system that ends the program: one line at once, and one when everything is cleaned up."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from facekit.cli.codes import INTERRUPTED as INTERRUPTION

if TYPE_CHECKING:
    from facekit.options.base import Options

INTERRUPTED = "Interrupted."

_AGAIN = "Interrupted. Typed again, the command begins from the start."

_NOTHING = "Interrupted before anything was written."

_TWICE = 1.0
"""Seconds within which a second signal is part of the first: `timeout` sends two, and so does an impatient finger."""

_CLOCK = 0.05
"""Seconds by which a file system's clock may be late."""


def terminate(signum: int, frame: object) -> NoReturn:
    """Be the handler of the signals by which a system ends a program: it ends as after Ctrl-C."""
    raise KeyboardInterrupt


@contextmanager
def noticing(say: Callable[[str], None], stopping: str) -> Iterator[list[int]]:
    """Say at once, with the text `stopping`, that a signal has come, and yield a list that then holds its number.

    Stages finish what they have begun, which can take seconds; a second signal ends the waiting for it. Nothing is
    noticed where a signal means something else, and outside the main thread, which alone may ask for it.
    """
    noticed: list[int] = []
    first = 0.0
    before = {signum: signal.getsignal(signum) for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    ours = [signum for signum, handler in before.items() if handler in (signal.default_int_handler, terminate)]

    def notice(signum: int, frame: FrameType | None) -> None:
        nonlocal first
        if noticed and time.monotonic() - first < _TWICE:
            return
        first = first if noticed else time.monotonic()
        noticed.append(signum)
        if len(noticed) == 1:
            with suppress(RuntimeError):  # the stream is being written to at this very moment
                say(stopping)
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield noticed
        return
    for signum in ours:
        signal.signal(signum, notice)
    try:
        yield noticed
    finally:
        for signum in ours:
            signal.signal(signum, before[signum])


def leave() -> None:
    """Exit where workers are left at work, after a second Ctrl-C: Python's own exit would crash under them.

    `Thread.join` takes a thread for ended when the waiting for it is interrupted, so Python tears down what the thread
    still uses; in OpenCV, that is a SIGABRT. Nothing is lost: a stage can be killed at any moment.
    """
    workers = [one for one in threading.enumerate() if one is not threading.main_thread() and not one.daemon]
    if workers:
        os._exit(INTERRUPTION)


class Begun:
    """Whether a command has begun to write its folder, and what is to be typed to go on with it."""

    def __init__(self, options: Options, folder: Path | None) -> None:
        """Begin to watch the folder that a command with these options writes; None where that is not known."""
        self._options, self._folder = options, folder
        self._began = time.time() - _CLOCK

    @property
    def line(self) -> str:
        """What is said of a command that was interrupted."""
        options = self._options
        if options.begins_again and not options.dry_run:
            return _AGAIN
        if options.dry_run or not options.goes_on:
            return INTERRUPTED
        if self._folder is not None and not self._is_written(self._folder):
            return _NOTHING
        # They delete what was done so far.
        flags = [
            f"--{name.replace('_', '-')}" for name in ("overwrite", "overwrite_from") if getattr(options, name, None)
        ]
        without = f", without {flags[0]}," if flags else ""
        return f"{INTERRUPTED} Run the same command again{without} to go on."

    def _is_written(self, folder: Path) -> bool:
        """Whether anything in the folder, or in those in it, is younger than the command."""
        try:
            times = [
                folder.stat().st_mtime,
                *(entry.stat(follow_symlinks=False).st_mtime for entry in os.scandir(folder)),
            ]
        except OSError:
            return False
        return max(times) >= self._began
