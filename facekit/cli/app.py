"""The command line: every command of the registry, made from its options class.

Data goes to stdout and talk to stderr. Exit codes: 0 done, 2 the user's fault, 1 a bug (with its
traceback), 130 interrupted and resumable.
"""

from __future__ import annotations

import inspect
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NoReturn, get_args

import typer
from typer.core import TyperCommand

from facekit import __version__
from facekit.base.contract import FacekitError, Report
from facekit.base.limits import LIMIT, MOST
from facekit.cli.answers import show
from facekit.cli.console import Console
from facekit.cli.help import COMMON, Line, flags, render
from facekit.cli.logs import show_traceback
from facekit.cli.streams import Output, ReaderGone, read_folder, safe_streams
from facekit.options import registry
from facekit.options.base import Field, Group, Value, describe, make
from facekit.options.finish import finish
from facekit.options.registry import Command

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

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show warnings and errors only.")]
LogFile = Annotated[Path | None, typer.Option("--log-file", help="Also write log messages to this file.")]
MaxMegapixels = Annotated[
    int | None,
    typer.Option(
        "--max-megapixels",
        help=f"Leave out larger photos, which could fill memory; {MOST} if not given.",
    ),
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
            command.name,
            cls=_with_help(command),
            help=cls.__doc__,
            no_args_is_help=needs_arguments,
            rich_help_panel=GROUPS[cls.group],
        )
        add(_function(command))
    return app


def main() -> NoReturn:
    """Run the command line and leave with its exit code."""
    sys.excepthook = show_traceback
    for name in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(name) is signal.SIG_DFL:  # nohup ignores SIGHUP
            signal.signal(name, _terminate)
    try:
        with safe_streams():
            code = _invoke(next(iter(sys.argv[1:]), ""))
    except KeyboardInterrupt:  # a second one, while the first was being answered
        code = INTERRUPTED
    if code == INTERRUPTED:  # everything is cleaned up; one more would only change the exit code
        for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(name, signal.SIG_IGN)
    sys.exit(code)


def _invoke(first: str) -> int:
    """Run the command line and return its exit code; what the parser refuses is one line."""
    try:
        if first == "--version":
            Output.now().line(__version__)
            return DONE
        code = _app(first)(standalone_mode=False, prog_name="facekit")
    except FacekitError as error:
        Console().error(str(error))
        return FAULT
    except typer.TyperException as error:  # what the parser refuses
        message = _moved(error) or error.format_message()
        if message:  # empty where no argument at all showed the help
            Console().error(f"{message} (see `facekit --help`)")
        return FAULT
    except ReaderGone:
        return DONE
    return code if isinstance(code, int) else DONE


def _app(first: str) -> typer.Typer:
    """Return the command line for a first argument: of facekit's own commands, only the one that is asked for.

    Raises FacekitError for a command of another package that cannot be used; other such commands get a warning.
    """
    if first in registry.names():
        return build([registry.own(first)])
    found = registry.catalogue()
    if first in found.faults and first not in {command.name for command in found.commands}:
        raise FacekitError(found.faults[first])
    if "_FACEKIT_COMPLETE" not in os.environ:  # a shell that completes a word shows no warning
        for line in found.faults.values():
            Console().say(f"warning: {line}")
    return build(found.commands)


@dataclass(frozen=True)
class _Shared:
    """What the command line adds to each command."""

    json: bool
    quiet: bool
    log_file: Path | None
    max_megapixels: int | None


_SHARED: dict[str, tuple[Any, Value]] = {
    "json": (AsJson, False),
    "quiet": (Quiet, False),
    "log_file": (LogFile, None),
    "max_megapixels": (MaxMegapixels, None),
}
"""What the command line adds to each command -> its annotation and default."""


def _with_help(command: Command) -> type[TyperCommand]:
    """Return Typer's class of commands with the help of this one."""

    class WithHelp(TyperCommand):
        def format_help(self, ctx: Any, formatter: Any) -> None:
            Console().help(render(command, map(_line, _SHARED.values())))

    return WithHelp


def _line(shared: tuple[Any, Value]) -> Line:
    hint, _ = shared
    kind, option = get_args(hint)
    named = option.default, *(option.param_decls or ())  # in `Annotated`, what Typer calls the default is a name too
    return Line(COMMON, flags(kind, *filter(lambda name: isinstance(name, str), named)), option.help)


def _function(command: Command) -> Callable[..., int]:
    """Return the function of one command, with a signature that Typer reads as its options."""

    def function(json: bool, quiet: bool, log_file: Path | None, max_megapixels: int | None, **values: Value) -> int:
        file = log_file and Path(os.path.expanduser(log_file))  # noqa: PTH111 - Path's own raises for nobody
        return _run(command, values, _Shared(json, quiet, file, max_megapixels))

    parameters = [_parameter(option) for option in describe(command.options)]
    for key, (hint, default) in _SHARED.items():
        parameters.append(inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hint))
    # Typer wants arguments first and every option by keyword.
    function.__signature__ = inspect.Signature(parameters, return_annotation=int)  # type: ignore[attr-defined]
    function.__annotations__ = {p.name: p.annotation for p in parameters}
    return function


def _parameter(option: Field) -> inspect.Parameter:
    if option.positional:
        mark = typer.Argument(help=option.help, metavar=option.name.upper())
    else:
        named = [f"{option.flag}/--no-{option.flag[2:]}"] if option.type is bool and option.default else [option.flag]
        named += [option.short] if option.short else []
        mark = typer.Option(*named, help=option.help)
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
    return command and f"`facekit {context.info_name}` no longer has {flag}; use `{command}`"


def _run(command: Command, values: dict[str, Value], shared: _Shared) -> int:
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


def _attempt(command: Command, values: dict[str, Value], shared: _Shared, console: Console) -> int:
    """Turn the user's faults and interruptions into one line and an exit code; a bug keeps its traceback."""
    try:
        _call(command, values, console, shared.json)
    except FacekitError as error:
        log.debug("refused: %s", error)
        console.error(str(error))
        return FAULT
    except KeyboardInterrupt:
        console.error("interrupted; run the same command again to go on")
        return INTERRUPTED
    except Exception:
        if shared.log_file is not None:
            log.exception("a bug")
        raise
    return DONE


def _call(command: Command, values: dict[str, Value], console: Console, as_json: bool) -> None:
    """Run a command and print what it returns, also where it raises and has a report all the same."""
    for option in describe(command.options):
        if option.takes_result and str(values.get(option.name)) == "-":
            values[option.name] = read_folder()
    options = make(command.options, values)
    try:
        result = command.load()(options, console.track)
        show(finish(result, options) if isinstance(result, Report) else result, console, as_json)
    except FacekitError as error:
        if error.report is not None:
            error.report.counts = command.options.counts
            show(error.report, console, as_json)
        raise


def _terminate(signum: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt
