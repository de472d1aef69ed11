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
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint
from importlib.util import find_spec
from typing import TYPE_CHECKING, get_args, get_type_hints

from facekit.base import plugins
from facekit.base.contract import FacekitError, Report, Track
from facekit.options.base import Group, Options, describe

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

KIND = "command"

Answers = Iterable["DataclassInstance"]
"""What a command yields that answers questions instead of making a folder: one JSON line each."""

Function = Callable[[Options, Track], Report | Answers]

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@dataclass(frozen=True)
class Command:
    """A command: its name, its options, and where its function is."""

    name: str
    options: type[Options]
    target: str
    """`module:function`; imported only when the command runs."""

    def load(self) -> Function:
        """Import the command's function. Raises FacekitError where an extra that it needs is not installed."""
        function: Function = plugins.resolve(self.target, self.name)
        return function


@dataclass(frozen=True)
class Catalogue:
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


def find(name: str) -> Command:
    """Return the command of that name, also another package's. Raises FacekitError for one that is not there."""
    if name in names():
        return own(name)
    found = catalogue()
    for command in found.commands:
        if command.name == name:
            return command
    raise FacekitError(found.faults.get(name) or f"no command called {name!r}; see `facekit --help`")


@cache
def catalogue() -> Catalogue:
    """Return every command, facekit's own and those of other packages, which are imported for it."""
    commands = {name: own(name) for name in names()}
    faults: dict[str, str] = {}
    for entry in plugins.entries(KIND):
        try:
            if entry.name in commands:
                raise TypeError(f"there is a `{entry.name}` already")
            commands[entry.name] = _foreign(entry)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a plug-in does, the other commands work
            faults.setdefault(entry.name, _fault(entry, error))
    return Catalogue(tuple(_ordered(commands.values())), faults)


def _foreign(entry: EntryPoint) -> Command:
    """Return a plug-in's command. Raises TypeError for what is none, and whatever importing it raises."""
    if not _NAME.fullmatch(entry.name):
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


def _ordered(commands: Iterable[Command]) -> Iterator[Command]:
    """Yield the commands group by group, each behind the one that it names in `after`, else by name."""
    left = sorted(commands, key=lambda command: (get_args(Group).index(command.options.group), command.name))
    while left:
        names = {(command.options.group, command.name) for command in left}
        # The first that waits for no other; in a circle of plug-ins, simply the first.
        ready = (c for c in left if (c.options.group, c.options.after) not in names)
        yield from _chain(next(ready, left[0]), left)


def _chain(command: Command, left: list[Command]) -> Iterator[Command]:
    """Yield a command and those that are listed behind it, and take them out of `left`."""
    left.remove(command)
    yield command
    for other in list(left):
        if other in left and (other.options.group, other.options.after) == (command.options.group, command.name):
            yield from _chain(other, left)


@cache
def _modules(package: str) -> frozenset[str]:
    spec = find_spec(package)
    paths = spec.submodule_search_locations if spec is not None else None
    return frozenset(module.name for module in pkgutil.iter_modules(paths))


def _dashed(module: str) -> str:
    return module.replace("_", "-")
