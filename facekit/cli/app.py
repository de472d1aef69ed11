"""The command line: every command of the registry, made from its options class.

Data goes to stdout and messages to stderr. Exit codes: 0 done, 2 the user's fault, 1 a bug (with its
traceback), 130 interrupted and resumable.

A shell waits for `facekit --help` and for each completion, so this module imports little: a command's options are
imported when that command is asked for, and what runs it when it runs.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup
from typer.main import get_command

from facekit import __version__
from facekit.base.errors import FacekitError
from facekit.cli import completion
from facekit.cli.codes import DONE, FAULT, INTERRUPTED
from facekit.cli.help_page import overview, show
from facekit.cli.interrupting import INTERRUPTED as ENDED
from facekit.cli.interrupting import leave, terminate
from facekit.cli.streams import Output, ReaderGone, Talk, safe_streams
from facekit.options import registry

_NAME = "facekit"


def build(with_completion: bool = True) -> typer.Typer:
    """Return the command line. `with_completion` adds the options that install completion in a shell."""
    app = typer.Typer(
        cls=_Commands,
        no_args_is_help=True,
        add_completion=with_completion,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        help="From a list of names to a face model that can be trusted.",
    )

    @app.callback()
    def top(version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False) -> None:
        pass

    return app


def main() -> NoReturn:
    """Run the command line and leave with its exit code."""
    sys.excepthook = _show_traceback
    for name in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(name) is signal.SIG_DFL:  # nohup ignores SIGHUP
            signal.signal(name, terminate)
    try:
        with safe_streams():
            code = _invoke(next(iter(sys.argv[1:]), ""))
    except KeyboardInterrupt:  # while facekit is loaded, or a second one while the first was being answered
        Talk(sys.stderr).write(f"{ENDED}\n")
        code = INTERRUPTED
    if code == INTERRUPTED:  # everything is cleaned up; one more would only change the exit code
        for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(name, signal.SIG_IGN)
        leave()
    sys.exit(code)


def _invoke(first: str) -> int:
    """Run the command line and return its exit code; what the parser refuses is one line."""
    try:
        if first == "--version":
            Output.now().line(__version__)
            return DONE
        code = _run(first)
    except FacekitError as error:
        _refuse(str(error))
        return FAULT
    except typer.TyperException as error:  # what the parser refuses
        message = _moved(first, error) or error.format_message()
        if message:  # empty where no argument at all showed the help
            known = registry.get(first) is not None
            _refuse(f"{message} (see `{_NAME} {first} --help`)" if known else f"{message} (see `{_NAME} --help`)")
        return FAULT
    except ReaderGone:
        return DONE
    return code if isinstance(code, int) else DONE


def _run(first: str) -> object:
    """Run the command that the first argument names, else the group of all.

    Raises FacekitError for a command of another package that cannot be used; other such commands get a warning.
    """
    if completion.asked():
        completion.prepare()
        return build(with_completion=False)(standalone_mode=False, prog_name=_NAME)
    if first in registry.names():  # without the group, whose options Typer checks with a library that is slow to load
        return _made(registry.own(first))(sys.argv[2:], standalone_mode=False, prog_name=f"{_NAME} {first}")
    found = registry.foreign()
    if first in found.faults and first not in {command.name for command in found.commands}:
        raise FacekitError(found.faults[first])
    for line in found.faults.values():
        _console().say(f"warning: {line}")
    return build()(standalone_mode=False, prog_name=_NAME)


def _made(command: registry.Command) -> typer.Typer:
    from facekit.cli.parameters import made  # imports what describes options

    return made(command)


class _Lazy(Mapping[str, Any]):
    """Name of a command -> Typer's command, which is made when it is asked for."""

    def __getitem__(self, name: str) -> Any:
        command = registry.get(name)
        if command is None:
            raise KeyError(name)
        return get_command(_made(command))

    def __iter__(self) -> Iterator[str]:
        return (listed.name for listed in registry.overview())

    def __len__(self) -> int:
        return len(registry.overview())


class _Commands(TyperGroup):
    """The group of all commands. Its help, and the names that a shell completes, need none of them."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{**settings, "commands": {}})
        self.commands = _Lazy()  # type: ignore[assignment]

    def format_help(self, ctx: Any, formatter: Any) -> None:
        show(overview(self.help or "", self.get_params(ctx), registry.overview()))

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        return [*completion.commands(incomplete), *super(TyperGroup, self).shell_complete(ctx, incomplete)]


def _moved(first: str, error: typer.TyperException) -> str | None:
    """Return where an option of an earlier version is now, where that is what the parser refuses."""
    flag = getattr(error, "option_name", None)
    if flag is None or first not in registry.names():
        return None
    command = registry.own(first).options.moved.get(flag.removeprefix("--").removeprefix("no-").replace("-", "_"))
    return command and f"`facekit {first}` no longer has {flag}; use `{command}`"


def _refuse(line: str) -> None:
    _console().error(line)


def _console() -> Any:
    from facekit.cli.console import Console  # Rich, which help and completion do not need

    return Console()


def _show_traceback(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    from facekit.cli.logs import show_traceback

    show_traceback(kind, error, trace)
