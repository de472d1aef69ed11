"""Options of `facekit run`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from facekit.options.base import Aside, InputPath, Options, OutputPath, Positional, Short


@dataclass(frozen=True, kw_only=True)
class Run(Options):
    """Run the stages of a TOML recipe in order."""

    group = "manage"
    goes_on = True

    recipe: Annotated[Path, "TOML file with the stages.", Aside(), Positional(), InputPath()]
    input: Annotated[
        Path | None,
        "Folder, or file of names, for the first stage; by default the recipe's.",
        Aside(),
        InputPath(piped=True),
    ] = None
    output: Annotated[
        Path | None, "Folder for the results; by default the recipe's.", Short("-o"), Aside(), OutputPath()
    ] = None
    overwrite_from: Annotated[
        str | None,
        "Command of a stage, such as `train`: delete earlier results of this stage and of those after it, and start "
        "again from there.",
        Aside(),
    ] = None
