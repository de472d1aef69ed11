"""Options of `facekit audit`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from facekit.base.contract import FacekitError
from facekit.options.base import Aside, InputPath, Options, OutputPath, Positional, Short


@dataclass(frozen=True, kw_only=True)
class Audit(Options):
    """Find what a tree, facekit's or not, shows in two of its parts, or what two trees both show."""

    group = "clean"
    after = "augment"
    in_recipes = True

    folder: Annotated[
        Path,
        "Tree of pictures, with a split, `train/` and `test/`, or labels alone; or a trained run; `-` reads stdin.",
        Aside(),
        Positional(),
        InputPath(piped=True),
    ]
    other: Annotated[
        Path | None, "Second tree: pairs across the two are looked for.", Aside(), Positional(), InputPath()
    ] = None
    output: Annotated[
        Path | None,
        "Folder for the report, every pair and what to leave out; else none.",
        Short("-o"),
        Aside(),
        OutputPath(),
    ] = None
    without: Annotated[
        Path | None,
        "Folder for a copy of the tree without what it trains on and shows elsewhere too.",
        Aside(),
        OutputPath(),
    ] = None
    strict: Annotated[bool, "Leave with exit code 2 where anything is found.", Aside()] = False

    def __post_init__(self) -> None:
        """Refuse a report among the pictures of a copy. Raises FacekitError."""
        super().__post_init__()
        if self.output is not None and self.output == self.without:
            raise FacekitError(f"--output and --without are both {self.output}; give each a folder of its own")
