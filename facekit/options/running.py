"""Options of the commands that run others, or look after the machine."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from facekit.options.base import Aside, Limits, Options, Positional, Short
from facekit.options.folders import OutputFolder


@dataclass(frozen=True, kw_only=True)
class Run(Options):
    """Run the stages of a TOML recipe in order."""

    recipe: Annotated[Path, "The recipe.", Aside(), Positional()]
    input: Annotated[Path | None, "Folder, or file of names, for the first stage; else the recipe's.", Aside()] = None
    output: Annotated[Path | None, "Folder of the results; else the recipe's own.", Short("-o"), Aside()] = None


@dataclass(frozen=True, kw_only=True)
class Demo(Options):
    """Draw a small world, scrape it with real browsers, train on it, and score the model."""

    output: OutputFolder = field(default=Path("demo"))
    bots: Annotated[int, "Browsers that search at the same time.", Limits(1, 64), Aside()] = 2


@dataclass(frozen=True, kw_only=True)
class Doctor(Options):
    """Say what is there and what is missing."""
