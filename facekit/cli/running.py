"""How a command that was asked for is run: with a console, within a limit of photos, to an exit code."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from facekit.base.contract import FacekitError, Report
from facekit.base.limits import LIMIT
from facekit.cli.answers import show
from facekit.cli.codes import BUG, FAULT, INTERRUPTED
from facekit.cli.console import Console
from facekit.cli.logs import show_traceback
from facekit.cli.piped import read_folder
from facekit.options.base import Value, describe, make
from facekit.options.finish import finish
from facekit.options.registry import Command

log = logging.getLogger(__name__)

_INTERRUPTED = "interrupted; run the same command again to go on"


@dataclass(frozen=True)
class Shared:
    """What the command line adds to each command."""

    json: bool
    quiet: bool
    log_file: Path | None
    max_megapixels: int | None


def run(command: Command, values: dict[str, Value], shared: Shared) -> int:
    """Run a command with the values that the parser read, and return the exit code."""
    try:
        with Console(shared.quiet, shared.log_file) as console, _limited(shared.max_megapixels):
            return _attempt(command, values, shared, console)
    except FacekitError as error:  # what every command takes
        Console().error(str(error))
        return FAULT


@contextmanager
def _limited(megapixels: int | None) -> Iterator[None]:
    """Set the largest photos that are decoded, in workers too: they inherit the environment."""
    if megapixels is not None and megapixels < 1:
        raise FacekitError(f"--max-megapixels is {megapixels}; give at least 1")
    before = os.environ.get(LIMIT)
    if megapixels is not None:
        os.environ[LIMIT] = str(megapixels)
    try:
        yield
    finally:
        if megapixels is not None:
            os.environ.pop(LIMIT)
            os.environ.update({LIMIT: before} if before is not None else {})


def _attempt(command: Command, values: dict[str, Value], shared: Shared, console: Console) -> int:
    """Turn the user's faults and interruptions into one line and an exit code; a bug keeps its traceback."""
    try:
        with _noticing() as interrupted:
            return _call(command, values, console, shared.json)
    except FacekitError as error:
        log.debug("refused: %s", error)
        console.error(str(error))
        return FAULT
    except KeyboardInterrupt:
        console.error(_INTERRUPTED)
        return INTERRUPTED
    except Exception:
        if interrupted:  # TensorFlow, while it traces a function, turns Ctrl-C into an error of its own
            log.debug("interrupted", exc_info=True)
            console.error(_INTERRUPTED)
            return INTERRUPTED
        if shared.log_file is not None:
            log.exception("a bug")
        if command.options.bug_code == BUG:
            raise
        show_traceback(*sys.exc_info())
        return command.options.bug_code


@contextmanager
def _noticing() -> Iterator[list[int]]:
    """Yield a list that holds a signal number for each Ctrl-C that was pressed meanwhile.

    Nothing is noticed where Ctrl-C means something else, and outside the main thread, which alone may ask for it.
    """
    pressed: list[int] = []

    def notice(signum: int, frame: FrameType | None) -> None:
        pressed.append(signum)
        signal.default_int_handler(signum, frame)

    if threading.current_thread() is not threading.main_thread() or (
        signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    ):
        yield pressed
        return
    signal.signal(signal.SIGINT, notice)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _call(command: Command, values: dict[str, Value], console: Console, as_json: bool) -> int:
    """Run a command and print what it returns, also where it raises and has a report all the same.

    Returns the exit code.
    """
    for option in describe(command.options):
        if option.takes_result and str(values.get(option.name)) == "-":
            values[option.name] = read_folder()
    options = make(command.options, values)
    try:
        result = command.load()(options, console.track)
        return show(finish(result, options) if isinstance(result, Report) else result, console, as_json)
    except FacekitError as error:
        if error.report is not None:
            error.report.counts = command.options.counts
            show(error.report, console, as_json)
        raise
