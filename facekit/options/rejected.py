"""Options of `facekit rejected`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from facekit.options.base import Aside, InputPath, Options, OutputPath, Positional


@dataclass(frozen=True, kw_only=True)
class Rejected(Options):
    """List the pictures that were left out of a tree and of the folders it was made from, and why."""

    group = "manage"
    after = "stats"
    answers = True

    tree: Annotated[
        Path,
        "Folder that `crop`, `clean`, `balance` or another command made, or `-` to read its path from stdin.",
        Aside(),
        Positional(),
        InputPath(piped=True),
    ]
    reason: Annotated[
        str | None, "List only pictures left out for this reason, such as `blurred` or `repeat`; all if not given."
    ] = None
    stage: Annotated[str | None, "List only pictures left out by this command, such as `clean`; all if not given."] = (
        None
    )
    sheet: Annotated[
        Path | None,
        "PNG or HTML page to write: the listed pictures, each with its reason and the photo that it was cut from.",
        Aside(),
        OutputPath(),
    ] = None
