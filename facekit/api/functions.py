"""The commands as functions: `facekit crop photos -o faces` is `facekit.crop("photos", "faces")`."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from typing import Any, cast

from facekit.api.progress import tracking
from facekit.api.signatures import described, signature
from facekit.base import plugins
from facekit.base.contract import FacekitError, Report, Track
from facekit.base.opening import reaching
from facekit.options import registry
from facekit.options.base import Field, Options, Scalar, Value, describe, make
from facekit.options.finish import finish
from facekit.options.registry import Answers, Command

Function = Callable[..., Report | Iterator[Any]]


def own() -> list[str]:
    """Return the names of the functions of facekit's own commands, sorted. Their options are imported."""
    return [_called(name) for name in registry.names() if registry.own(name).options.in_python]


def foreign() -> list[str]:
    """Return what the functions of other packages' commands are called; nothing is imported."""
    return [_called(entry.name) for entry in plugins.entries(registry.KIND)]


def find(name: str) -> Function:
    """Return the function of the command `name`, another package's included.

    Raises AttributeError for a name that is none, and for a command that cannot be used or is not for Python.
    """
    called = name.replace("_", "-")
    if called not in registry.names() and name not in foreign():
        raise AttributeError(f"module 'facekit' has no attribute {name!r}", name=name)
    try:
        command = registry.find(called)
    except FacekitError as error:
        raise AttributeError(str(error), name=name) from None
    if not command.options.in_python:
        raise AttributeError(f"`facekit {called}` is for a terminal, and no function; type it there", name=name)
    return build(command)


def build(command: Command) -> Function:
    """Return a command as a function. Neither its options nor its name say more than the command line's."""
    name, takes = _called(command.name), signature(command.options)

    def function(*values: Any, **named: Any) -> Report | Iterator[Any]:
        try:
            given = takes.bind(*values, **named).arguments
        except TypeError as error:
            raise TypeError(f"{name}(): {error}{_hint(command.options, named)}") from None
        return call(command, given, given.pop("progress", False))

    function.__name__ = function.__qualname__ = name
    function.__module__ = "facekit"  # where pickle finds it, and so does `multiprocessing`
    function.__doc__ = described(command)
    function.__signature__ = takes  # type: ignore[attr-defined]
    function.__annotations__ = {p.name: p.annotation for p in takes.parameters.values()}
    function.__annotations__["return"] = takes.return_annotation
    return function


def call(command: Command, values: Mapping[str, object], progress: bool | Track) -> Report | Iterator[Any]:
    """Run a command with these values of its options, and return its report, or its answers as they come.

    Raises FacekitError for values that an option cannot have, and whatever the command raises.
    """
    known = {option.name: option for option in describe(command.options)}
    options = make(command.options, {name: _plain(known[name], value) for name, value in values.items()})
    try:
        with reaching(), ExitStack() as stack:
            result = command.load()(options, stack.enter_context(tracking(progress)))
            return finish(result, options) if isinstance(result, Report) else _answers(result, stack.pop_all())
    except FacekitError as error:
        if error.report is not None:
            error.report.counts = command.options.counts
        raise


def _answers(answers: Answers, shown: ExitStack) -> Iterator[Any]:
    """Yield the answers; the bars stay until the last of them."""
    with reaching(), shown:
        yield from answers


def _plain(option: Field, value: object) -> Value:
    """Return a value as options hold it; of any iterable, a list."""
    single = not option.many or isinstance(value, str | os.PathLike) or _dimensions(value) > 1
    if single or not isinstance(value, Iterable):
        return _single(option, value)
    return [_single(option, part) for part in value]


def _single(option: Field, value: object) -> Scalar:
    """Return of a path its text, and of a NumPy number Python's own. Raises FacekitError for pixels as a path."""
    if isinstance(value, os.PathLike):
        return os.fsdecode(value)
    if _dimensions(value) == 0 and hasattr(value, "item"):
        return cast(Scalar, value.item())
    if option.path is not None and _dimensions(value) > 1:
        raise FacekitError(
            f"{option.called} takes paths, and no pixels; `facekit.load` opens models and galleries, which take pixels"
        )
    return cast(Scalar, value)  # what it cannot be, making the options refuses


def _dimensions(value: object) -> int:
    """Return how many dimensions an array has; -1 of what is none."""
    shape = getattr(value, "shape", None)
    return len(shape) if isinstance(shape, tuple) else -1


def _hint(options: type[Options], named: Mapping[str, object]) -> str:
    """Return what a keyword that no option is called by may have meant."""
    known = [option.name for option in describe(options)]
    wrong = next((name for name in named if name not in (*known, "progress")), None)
    if wrong in options.moved:
        return f"; the command `{options.moved[wrong]}` has it now"
    near = difflib.get_close_matches(wrong, known, 1) if wrong is not None else []
    return f"; did you mean {near[0]}?" if near else ""


def _called(command: str) -> str:
    return command.replace("-", "_")
