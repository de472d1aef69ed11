"""What an option's annotation can declare besides its type and its help."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """The smallest and the largest value that an option may have; None is no limit."""

    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Short:
    """A one-letter name of an option on the command line."""

    flag: str


@dataclass(frozen=True)
class Reads:
    """A function that parses an option's text, and refuses text that means nothing."""

    reader: Callable[[str], object]


@dataclass(frozen=True)
class Aside:
    """Marks an option that says where or how fast, not what: it is no part of a folder's identity."""


@dataclass(frozen=True)
class Positional:
    """Marks an option that the command line takes by position."""


@dataclass(frozen=True)
class Section:
    """The heading under which `--help` lists an option; without one it is under `Options`."""

    title: str


@dataclass(frozen=True)
class InputPath:
    """Marks a path that the command reads: in a recipe it is relative to the recipe's folder."""

    piped: bool = False
    """Whether it takes what the command before printed: `-` reads it from stdin, and a recipe passes it on."""


@dataclass(frozen=True)
class OutputPath:
    """Marks a path that the command writes: in a recipe it is relative to the recipe's `output`."""

    piped: bool = False
    """Whether this is the folder that the next command takes; a recipe calls it like the command."""


@dataclass(frozen=True)
class PathOrName:
    """Marks text that is either a name or the path of something that the command reads.

    In a recipe it is a path, relative to the recipe's folder, where it has a separator or where something
    of that name lies beside the recipe.
    """

    lists: tuple[str, ...] = ()
    """Suffixes of files that list such names: then a file is a path, and neither a folder nor a separator is."""

    piped: bool = False
    """As for `InputPath`."""


PathMark = InputPath | OutputPath | PathOrName
