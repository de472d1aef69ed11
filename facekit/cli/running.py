"""How a command that was asked for is run: with a console, within a limit of photos, to an exit code."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from facekit.base.contract import FacekitError, Report
from facekit.base.limits import LIMIT
from facekit.base.opening import reaching
from facekit.cli.answers import show
from facekit.cli.codes import BUG, FAULT, INTERRUPTED
from facekit.cli.console import Console
from facekit.cli.interrupting import INTERRUPTED as STOPPED
from facekit.cli.interrupting import Begun, noticing
from facekit.cli.logs import show_traceback
from facekit.cli.piped import read_folder
from facekit.options.base import Field, Options, Value, describe, make
from facekit.options.finish import finish
from facekit.options.galleries import is_database
from facekit.options.registry import Command

log = logging.getLogger(__name__)


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


@dataclass(frozen=True)
class _Course:
    """How far a command is, and what it says when it is interrupted.

    Ctrl-C reaches all commands of a pipe at once. Those that still wait for the one before say nothing: the one that
    works says what there is to say.
    """

    console: Console
    waits: bool
    """Whether it waits for a folder on stdin before it begins."""
    begun: list[Begun] = field(default_factory=list)
    """What the command writes, once it has begun."""

    def stopping(self, text: str) -> None:
        """Say at once that the signal has come."""
        if self.begun or not self.waits:
            self.console.stopping(text)

    def interrupted(self) -> int:
        """Say how the command has ended, and return its exit code."""
        if self.begun or not self.waits:
            self.console.end(self.begun[0].line if self.begun else STOPPED)
        return INTERRUPTED


def _attempt(command: Command, values: dict[str, Value], shared: Shared, console: Console) -> int:
    """Turn the user's faults and interruptions into one line and an exit code; a bug keeps its traceback."""
    course = _Course(console, any(_is_piped(option, values) for option in describe(command.options)))
    try:
        with noticing(course.stopping, command.options.stopping) as noticed, reaching():
            return _call(command, values, console, shared.json, course.begun)
    except FacekitError as error:
        log.debug("refused: %s", error)
        console.error(str(error))
        return FAULT
    except KeyboardInterrupt:
        return course.interrupted()
    except Exception:
        if noticed:  # TensorFlow, while it traces a function, turns Ctrl-C into an error of its own
            log.debug("interrupted", exc_info=True)
            return course.interrupted()
        if shared.log_file is not None:
            log.exception("a bug")
        if command.options.bug_code == BUG:
            raise
        show_traceback(*sys.exc_info())
        return command.options.bug_code


def _call(command: Command, values: dict[str, Value], console: Console, as_json: bool, begun: list[Begun]) -> int:
    """Run a command and print what it returns, also where it raises and has a report all the same.

    What the command writes is noted in `begun`. Returns the exit code.
    """
    for option in describe(command.options):
        if _is_piped(option, values):
            values[option.name] = read_folder()
    options = make(command.options, values)
    begun.append(Begun(options, _folder(options)))
    if command.options.answers:
        console.share()
    try:
        result = command.load()(options, console.track)
        return show(finish(result, options) if isinstance(result, Report) else result, console, as_json)
    except FacekitError as error:
        if error.report is not None:
            error.report.counts = command.options.counts
            show(error.report, console, as_json)
        raise


def _is_piped(option: Field, values: Mapping[str, Value]) -> bool:
    """Whether an option is to be read from the command before."""
    return option.takes_result and str(values.get(option.name)) == "-"


def _folder(options: Options) -> Path | None:
    """Return the folder that a command writes; None where it has none, chooses it itself, or writes to a database."""
    place = getattr(options, "output", None)
    return None if place is None or is_database(str(place)) else Path(str(place))
