"""The command line: every command of the registry, made from its options class.

Data goes to stdout and talk to stderr. Exit codes: 0 done, 2 the user's fault, 1 a bug (with its
traceback), 130 interrupted and resumable.
"""

from __future__ import annotations

import inspect
import json
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from facekit import __version__
from facekit.base.contract import FacekitError, Report
from facekit.cli.console import Console, to_stdout
from facekit.options import registry
from facekit.options.base import Field, Group, Options, describe
from facekit.options.registry import Answers, Command

DONE, FAULT, INTERRUPTED = 0, 2, 130

GROUPS: dict[Group, str] = {
    "collect": "Collect photos",
    "clean": "Make a data set",
    "train": "Train",
    "score": "Score and explain",
    "use": "Use a model",
    "manage": "Manage",
    "more": "From other packages",
}

_COMMON = "Every command"

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.", rich_help_panel=_COMMON)]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show warnings and errors only.", rich_help_panel=_COMMON)]
LogFile = Annotated[
    Path | None, typer.Option("--log-file", help="Write what happens here too.", rich_help_panel=_COMMON)
]

log = logging.getLogger(__name__)


def build(commands: Iterable[Command] | None = None) -> typer.Typer:
    """Return the command line with these commands, or with all that there are."""
    app = typer.Typer(
        no_args_is_help=True,
        add_completion=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        help="From a list of names to a face model that can be trusted.",
    )

    @app.callback()
    def top(version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False) -> None:
        pass

    for command in registry.catalogue().commands if commands is None else commands:
        cls = command.options
        needs_arguments = any(option.required for option in describe(cls))
        add = app.command(
            command.name, help=cls.__doc__, no_args_is_help=needs_arguments, rich_help_panel=GROUPS[cls.group]
        )
        add(_function(command))
    return app


def main() -> NoReturn:
    """Run the command line and leave with its exit code."""
    first = next(iter(sys.argv[1:]), "")
    if first == "--version":
        to_stdout(__version__)
        sys.exit(DONE)
    signal.signal(signal.SIGTERM, _terminate)
    try:
        code = _app(first)(standalone_mode=False, prog_name="facekit")
    except FacekitError as error:
        Console().error(str(error))
        code = FAULT
    except typer.TyperException as error:  # what the parser refuses
        message = _moved(error) or error.format_message()
        if message:  # empty where no argument at all showed the help
            Console().error(f"{message} (see `facekit --help`)")
        code = FAULT
    except BrokenPipeError:
        # Whoever read our output has had enough; stdout must not be flushed again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = DONE
    sys.exit(code if isinstance(code, int) else DONE)


def _app(first: str) -> typer.Typer:
    """Return the command line for a first argument: of facekit's own commands, only the one that is asked for.

    Raises FacekitError for a command of another package that cannot be used; other such commands get a warning.
    """
    if first in registry.names():
        return build([registry.own(first)])
    faults = registry.catalogue().faults
    if first in faults:
        raise FacekitError(faults[first])
    if "_FACEKIT_COMPLETE" not in os.environ:  # a shell that completes a word shows no warning
        for line in faults.values():
            Console().say(f"warning: {line}")
    return build()


@dataclass(frozen=True)
class _Shared:
    """What the command line adds to each command."""

    json: bool
    quiet: bool
    log_file: Path | None


def _function(command: Command) -> Callable[..., int]:
    """Return the function of one command, with a signature that Typer reads as its options."""

    def function(json: bool, quiet: bool, log_file: Path | None, **values: Any) -> int:
        return _run(command, values, _Shared(json, quiet, log_file))

    parameters = [_parameter(option) for option in describe(command.options)]
    for key, hint, default in (("json", Json, False), ("quiet", Quiet, False), ("log_file", LogFile, None)):
        parameters.append(inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hint))
    # Typer wants arguments first and every option by keyword.
    function.__signature__ = inspect.Signature(parameters, return_annotation=int)  # type: ignore[attr-defined]
    function.__annotations__ = {p.name: p.annotation for p in parameters}
    return function


def _parameter(option: Field) -> inspect.Parameter:
    if option.positional:
        mark = typer.Argument(help=option.help, metavar=option.name.upper(), show_default=False)
    else:
        flags = [f"{option.flag}/--no-{option.flag[2:]}"] if option.type is bool and option.default else [option.flag]
        flags += [option.short] if option.short else []
        common = option.name in Options.__dataclass_fields__
        mark = typer.Option(*flags, help=option.help, rich_help_panel=_COMMON if common else "Options")
    default = inspect.Parameter.empty if option.required else option.default
    annotation: Any = Annotated[option.type, mark]
    return inspect.Parameter(option.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _moved(error: typer.TyperException) -> str | None:
    """Return where an option of an earlier version is now, where that is what the parser refuses."""
    context, flag = getattr(error, "ctx", None), getattr(error, "option_name", None)
    if context is None or flag is None or context.info_name not in registry.names():
        return None
    moved = registry.own(context.info_name).options.moved
    command = moved.get(flag.removeprefix("--").removeprefix("no-").replace("-", "_"))
    return command and f"`facekit {context.info_name}` has no {flag} any more; use `{command}`"


def _run(command: Command, values: dict[str, Any], shared: _Shared) -> int:
    """Run a command with the values that the parser read, and return the exit code."""
    try:
        talk = Console(shared.quiet, shared.log_file)
    except FacekitError as error:  # the log file
        Console().error(str(error))
        return FAULT
    with talk as console, _faults(console, command, shared) as outcome:
        options = command.options(**_from_stdin(command, values))
        try:
            _show(command.load()(options, console.track), console, shared.json)
        except FacekitError as error:
            if error.report is not None:
                _show(error.report, console, shared.json)
            raise
    return outcome.code


@dataclass
class _Outcome:
    code: int = DONE


@contextmanager
def _faults(console: Console, command: Command, shared: _Shared) -> Iterator[_Outcome]:
    """Turn the user's faults and interruptions into one line and an exit code; a bug keeps its traceback."""
    outcome = _Outcome()
    try:
        yield outcome
    except FacekitError as error:
        log.debug("refused: %s", error)
        console.error(str(error))
        outcome.code = FAULT
    except KeyboardInterrupt:
        flag = next((f" with {option.flag}" for option in describe(command.options) if option.resumes), "")
        console.error(f"interrupted; run the same command again{flag} to go on")
        outcome.code = INTERRUPTED
    except Exception:
        if shared.log_file is not None:
            log.exception("a bug")
        raise


def _from_stdin(command: Command, values: dict[str, Any]) -> dict[str, Any]:
    """Replace a folder given as `-` by the one that the command before it in the pipeline printed."""
    for option in describe(command.options):
        if option.takes_result and str(values.get(option.name)) == "-":
            values[option.name] = _folder(sys.stdin.read())
    return values


def _folder(text: str) -> Path:
    text = text.strip()
    if not text:
        raise FacekitError("stdin is empty: the command before this one made nothing; mend that one first")
    if text.startswith("{"):
        try:
            return Path(json.loads(text)["folder"])
        except (ValueError, KeyError, TypeError):
            raise FacekitError("stdin is JSON without a folder; pipe a facekit command's output into this") from None
    return Path(text.splitlines()[-1])


def _show(result: Report | Answers, console: Console, as_json: bool) -> None:
    """Print a report as JSON, as the lines that answer, or as its folder; an answering command's lines one by one."""
    if not isinstance(result, Report):
        for answer in result:
            to_stdout(json.dumps(answer, ensure_ascii=False))
        return
    stages, lines = result.details.get("stages"), result.details.get("lines")
    if lines is None:
        console.table([Report.from_dict(stage) for stage in stages] if stages else [result])
    if as_json:
        to_stdout(json.dumps(result.to_dict(), ensure_ascii=False))
    elif lines is not None:
        for line in lines:
            to_stdout(line)
    elif not sys.stdout.isatty():
        to_stdout(result.folder)


def _terminate(signum: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt
