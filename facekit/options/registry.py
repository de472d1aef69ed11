"""Which commands there are.

A command called `some-name` is an options class `SomeName` in `facekit/options/some_name.py` and a function
`some_name` in `facekit/commands/some_name`, or in `facekit/cli/some_name.py` for one that calls other commands.
Another package registers its function in the entry point group `facekit.command`; the annotation of the function's
first parameter is its options class. No list of commands is kept anywhere.
"""

from __future__ import annotations

import inspect
import pkgutil
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, wraps
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, get_args, get_type_hints

from facekit.base import objects, plugins
from facekit.base.errors import FacekitError
from facekit.options.headings import Group
from facekit.options.summaries import SUMMARIES

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from _typeshed import DataclassInstance

    from facekit.base.contract import Report, Track
    from facekit.options.base import Options

KIND = "command"

Answers: TypeAlias = "Iterable[DataclassInstance]"
"""What a command yields that answers questions instead of making a folder: one JSON line each."""

Function: TypeAlias = "Callable[[Options, Track], Report | Answers]"

_NAME = r"[a-z][a-z0-9]*(-[a-z0-9]+)*"


class Listed(NamedTuple):
    """A command as `facekit --help` lists it."""

    name: str
    group: Group
    after: str | None
    """The command of the same group that is listed before it; None lists it first."""
    summary: str


class Command(NamedTuple):
    """A command: its name, its options, and where its function is."""

    name: str
    options: type[Options]
    target: str
    """`module:function`; imported only when the command runs."""

    @property
    def listed(self) -> Listed:
        """How `facekit --help` lists the command; the first paragraph of its class's docstring says what it does."""
        summary = " ".join((self.options.__doc__ or "").partition("\n\n")[0].split())
        return Listed(self.name, self.options.group, self.options.after, summary)

    def load(self) -> Function:
        """Import the command's function. Raises FacekitError where an extra that it needs is not installed."""
        function: Function = plugins.resolve(self.target, self.name)
        return _anywhere(function) if self.options.objects else function


def _anywhere(function: Function) -> Function:
    """Return a command's function that also works where its input or its output is on object storage."""

    @wraps(function)
    def anywhere(options: Options, track: Track) -> Report | Answers:
        if not any(objects.url_of(getattr(options, name, None)) for name in ("input", "output")):
            return function(options, track)
        report: Report = plugins.resolve("facekit.dataset.objects:carried", objects.SCHEME)(function, options, track)
        return report

    return anywhere


class Catalogue(NamedTuple):
    """All commands in the order of `facekit --help`, and the plug-ins that cannot be used."""

    commands: tuple[Command, ...]
    faults: Mapping[str, str]
    """Name of a plug-in's command -> one line that says why it is left out."""


@cache
def names() -> tuple[str, ...]:
    """Return the names of facekit's own commands, sorted; none of them is imported."""
    there = _modules("facekit.commands") | _modules("facekit.cli")
    return tuple(sorted(_dashed(module) for module in _modules("facekit.options") & there))


@cache
def own(name: str) -> Command:
    """Return one of facekit's own commands; only its options are imported. Raises KeyError for any other name."""
    if name not in names():
        raise KeyError(name)
    module = name.replace("-", "_")
    options = getattr(import_module(f"facekit.options.{module}"), module.title().replace("_", ""))
    package = "commands" if module in _modules("facekit.commands") else "cli"
    return Command(name, options, f"facekit.{package}.{module}:{module}")


def get(name: str) -> Command | None:
    """Return the command of that name, also another package's; None where it is not there or cannot be used."""
    if name in names():
        return own(name)
    return next((command for command in foreign().commands if command.name == name), None)


def find(name: str) -> Command:
    """Return the command of that name, also another package's. Raises FacekitError for one that is not there."""
    command = get(name)
    if command is None:
        raise FacekitError(foreign().faults.get(name) or f"no command called {name!r}; see `facekit --help`")
    return command


def catalogue() -> Catalogue:
    """Return every command, facekit's own and those of other packages; the options of all are imported."""
    commands = {command.listed: command for command in [*map(own, names()), *foreign().commands]}
    return Catalogue(tuple(commands[listed] for listed in _ordered(commands)), foreign().faults)


def overview() -> tuple[Listed, ...]:
    """Return what `facekit --help` lists, in its order. Only other packages' commands are imported for it."""
    return tuple(_ordered([*map(_summary, names()), *(command.listed for command in foreign().commands)]))


def _summary(name: str) -> Listed:
    """Return how one of facekit's own commands is listed; one that has just been added is imported for it."""
    return Listed(name, *SUMMARIES[name]) if name in SUMMARIES else own(name).listed


@cache
def foreign() -> Catalogue:
    """Return the commands of other packages, which are imported for it, by name."""
    commands: dict[str, Command] = {}
    faults: dict[str, str] = {}
    for entry in plugins.entries(KIND):
        try:
            if entry.name in names() or entry.name in commands:
                raise TypeError(f"there is a `{entry.name}` already")
            commands[entry.name] = _foreign(entry)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a plug-in does, the other commands work
            faults.setdefault(entry.name, _fault(entry, error))
    return Catalogue(tuple(commands.values()), faults)


def _foreign(entry: EntryPoint) -> Command:
    """Return a plug-in's command. Raises TypeError for what is none, and whatever importing it raises."""
    from facekit.options.base import Options, describe

    if not re.fullmatch(_NAME, entry.name):
        raise TypeError("a command's name is lower-case letters, digits and single dashes")
    function = entry.load()
    first = next(iter(inspect.signature(function).parameters), "")
    options = get_type_hints(function).get(first)
    if not (isinstance(options, type) and issubclass(options, Options)):
        raise TypeError(f"the first parameter of {entry.value} is not annotated with a class of Options")
    describe(options)
    return Command(entry.name, options, entry.value)


def _fault(entry: EntryPoint, error: BaseException) -> str:
    package = entry.dist.name if entry.dist else entry.value
    reason = " ".join(f"{type(error).__name__}: {error}".split())
    return f"the command `{entry.name}` of {package} is left out: {reason}; update {package} or uninstall it"


def _ordered(commands: Iterable[Listed]) -> Iterator[Listed]:
    """Yield the commands group by group, each behind the one that it names in `after`, else by name."""
    left = sorted(commands, key=lambda command: (get_args(Group).index(command.group), command.name))
    while left:
        names = {(command.group, command.name) for command in left}
        # The first that waits for no other; in a circle of plug-ins, simply the first.
        ready = (c for c in left if (c.group, c.after) not in names)
        yield from _chain(next(ready, left[0]), left)


def _chain(command: Listed, left: list[Listed]) -> Iterator[Listed]:
    """Yield a command and those that are listed behind it, and take them out of `left`."""
    left.remove(command)
    yield command
    for other in list(left):
        if other in left and (other.group, other.after) == (command.group, command.name):
            yield from _chain(other, left)


@cache
def _modules(package: str) -> frozenset[str]:
    spec = find_spec(package)
    paths = spec.submodule_search_locations if spec is not None else None
    return frozenset(module.name for module in pkgutil.iter_modules(paths))


def _dashed(module: str) -> str:
    return module.replace("_", "-")
