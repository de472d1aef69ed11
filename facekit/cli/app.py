"""The command line: one command for each line of the menu, made from its options class.

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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from facekit import __version__
from facekit.base import plugins
from facekit.base.contract import FacekitError, Report
from facekit.cli.console import Console, to_stdout
from facekit.options.audit import Audit
from facekit.options.augment import Augment
from facekit.options.balance import Balance
from facekit.options.base import Field, Options, describe
from facekit.options.clean import Clean
from facekit.options.compare import Compare
from facekit.options.crop import Crop
from facekit.options.cross_validate import CrossValidate
from facekit.options.demo import Demo
from facekit.options.doctor import Doctor
from facekit.options.draw import Draw
from facekit.options.evaluate import Evaluate
from facekit.options.evaluate_pairs import EvaluatePairs
from facekit.options.inspect import Inspect
from facekit.options.models import Models
from facekit.options.predict import Predict
from facekit.options.review import Review
from facekit.options.run import Run
from facekit.options.scrape import Scrape
from facekit.options.train import Train

DONE, FAULT, INTERRUPTED = 0, 2, 130

COMMANDS: dict[str, type[Options]] = {
    "scrape": Scrape,
    "crop": Crop,
    "clean": Clean,
    "review": Review,
    "balance": Balance,
    "augment": Augment,
    "train": Train,
    "evaluate": Evaluate,
    "cross-validate": CrossValidate,
    "evaluate-pairs": EvaluatePairs,
    "compare": Compare,
    "predict": Predict,
    "audit": Audit,
    "inspect": Inspect,
    "draw": Draw,
    "run": Run,
    "demo": Demo,
    "models": Models,
    "doctor": Doctor,
}

_COMMON = "Every command"

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.", rich_help_panel=_COMMON)]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show warnings and errors only.", rich_help_panel=_COMMON)]
LogFile = Annotated[
    Path | None, typer.Option("--log-file", help="Write what happens here too.", rich_help_panel=_COMMON)
]

log = logging.getLogger(__name__)


def build() -> typer.Typer:
    """Return the command line."""
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

    for name, cls in COMMANDS.items():
        app.command(name, help=cls.__doc__, no_args_is_help=_needs_arguments(cls))(_command(name, cls))
    return app


def main() -> NoReturn:
    """Run the command line and leave with its exit code."""
    if "--version" in sys.argv[1:2]:
        to_stdout(__version__)
        sys.exit(DONE)
    signal.signal(signal.SIGTERM, _terminate)
    try:
        code = build()(standalone_mode=False, prog_name="facekit")
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


def _command(name: str, cls: type[Options]) -> Callable[..., int]:
    """Return the function of one command, with a signature that Typer reads as its options."""

    def command(**values: Any) -> int:
        as_json, quiet, log_file = (values.pop(key) for key in ("json", "quiet", "log_file"))
        try:
            talk = Console(quiet, log_file)
        except FacekitError as error:  # the log file
            Console().error(str(error))
            return FAULT
        with talk as console, _faults(console, log_file, name) as outcome:
            chosen = cls(**_from_stdin(values))
            try:
                _show(plugins.load("stage", name)(chosen, console.track), console, as_json)
            except FacekitError as error:
                if error.report is not None:
                    _show(error.report, console, as_json)
                raise
        return outcome.code

    parameters = [_parameter(option) for option in describe(cls)]
    for key, hint, default in (("json", Json, False), ("quiet", Quiet, False), ("log_file", LogFile, None)):
        parameters.append(inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hint))
    # Typer wants arguments first and every option by keyword.
    command.__signature__ = inspect.Signature(parameters, return_annotation=int)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    return command


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
    if context is None or flag is None or context.info_name not in COMMANDS:
        return None
    moved = COMMANDS[context.info_name].moved.get(flag.removeprefix("--").removeprefix("no-").replace("-", "_"))
    return moved and f"`facekit {context.info_name}` has no {flag} any more; use `{moved}`"


def _needs_arguments(cls: type[Options]) -> bool:
    return any(option.required for option in describe(cls))


class _Outcome:
    code = DONE


@contextmanager
def _faults(console: Console, log_file: Path | None, name: str) -> Iterator[_Outcome]:
    """Turn the user's faults and interruptions into one line and an exit code; a bug keeps its traceback."""
    outcome = _Outcome()
    try:
        yield outcome
    except FacekitError as error:
        log.debug("refused: %s", error)
        console.error(str(error))
        outcome.code = FAULT
    except KeyboardInterrupt:
        again = " with --resume" if name == "train" else ""
        console.error(f"interrupted; run the same command again{again} to go on")
        outcome.code = INTERRUPTED
    except Exception:
        if log_file is not None:
            log.exception("a bug")
        raise


def _from_stdin(values: dict[str, Any]) -> dict[str, Any]:
    """Replace a folder given as `-` by the one that the command before it in the pipeline printed."""
    for key in ("input", "run", "folder"):
        if values.get(key) == Path("-"):
            values[key] = _folder(sys.stdin.read())
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


def _show(result: Any, console: Console, as_json: bool) -> None:
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
