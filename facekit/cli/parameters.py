"""A command as Typer reads it: a function whose signature is made from the command's options class."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, get_args

import typer
from typer.core import TyperCommand

from facekit.base.errors import FacekitError
from facekit.base.limits import MOST
from facekit.cli.help import COMMON, flags, render
from facekit.cli.help_page import Line, show
from facekit.options.base import describe
from facekit.options.fields import Field, Value
from facekit.options.registry import Command

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on stdout: one object, or one line for each answer.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show warnings and errors only.")]
LogFile = Annotated[Path | None, typer.Option("--log-file", parser=str, help="Also write log messages to this file.")]
MaxMegapixels = Annotated[
    int | None,
    typer.Option(
        "--max-megapixels",
        help=f"Leave out larger photos, which could fill memory; {MOST} if not given.",
    ),
]

_SHARED: dict[str, tuple[Any, Value]] = {
    "json": (AsJson, False),
    "quiet": (Quiet, False),
    "log_file": (LogFile, None),
    "max_megapixels": (MaxMegapixels, None),
}
"""What the command line adds to each command -> its annotation and default."""


def made(command: Command) -> typer.Typer:
    """Return a command line that is this one command."""
    app = typer.Typer(
        add_completion=False, pretty_exceptions_enable=False, context_settings={"help_option_names": ["-h", "--help"]}
    )
    add = app.command(
        command.name,
        cls=_with_help(command),
        help=command.options.__doc__,
        no_args_is_help=any(option.required for option in describe(command.options)),
    )
    add(_function(command))
    return app


def shared() -> Iterator[Line]:
    """Yield what the command line adds to each command, as the help shows it."""
    for hint, _ in _SHARED.values():
        kind, option = get_args(hint)
        named = option.default, *(option.param_decls or ())  # in `Annotated`, what Typer calls the default is a name
        yield Line(COMMON, flags(kind, *filter(lambda name: isinstance(name, str), named)), option.help)


def _with_help(command: Command) -> type[TyperCommand]:
    """Return Typer's class of commands with the help of this one."""

    class WithHelp(TyperCommand):
        def format_help(self, ctx: Any, formatter: Any) -> None:
            show(render(command, shared()))

    return WithHelp


def _function(command: Command) -> Callable[..., int]:
    """Return the function of one command, with a signature that Typer reads as its options."""

    def function(json: bool, quiet: bool, log_file: str | None, max_megapixels: int | None, **values: Value) -> int:
        from facekit.cli.running import Shared, run  # what shows progress and prints results

        if log_file == "":
            raise FacekitError("--log-file is empty; give the path of a file")
        file = log_file and Path(os.path.expanduser(log_file))  # noqa: PTH111 - Path's own raises for nobody
        return run(command, values, Shared(json, quiet, file or None, max_megapixels))

    parameters = [_parameter(option) for option in describe(command.options)]
    for key, (hint, default) in _SHARED.items():
        parameters.append(inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hint))
    # Typer wants arguments first and every option by keyword.
    function.__signature__ = inspect.Signature(parameters, return_annotation=int)  # type: ignore[attr-defined]
    function.__annotations__ = {p.name: p.annotation for p in parameters}
    return function


def _parameter(option: Field) -> inspect.Parameter:
    # The options class makes the path: `Path("")` would be the current folder, and nobody could tell.
    parser = str if Path in (option.kind, *get_args(option.kind)) else None
    if option.positional:
        mark = typer.Argument(help=option.help, metavar=option.name.upper(), parser=parser)
    else:
        named = [f"{option.flag}/--no-{option.flag[2:]}"] if option.type is bool and option.default else [option.flag]
        named += [option.short] if option.short else []
        mark = typer.Option(*named, help=option.help, parser=parser)
    default = inspect.Parameter.empty if option.required else option.default
    annotation: Any = Annotated[option.type, mark]
    return inspect.Parameter(option.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
