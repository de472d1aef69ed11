"""Options of `facekit stats`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from facekit.options.base import Aside, InputPath, Limits, Options, Positional


@dataclass(frozen=True, kw_only=True)
class Stats(Options):
    """Count the pictures of a tree or a run by label, part, size and source, and what was left out and why."""

    group = "manage"
    after = "cache"

    tree: Annotated[
        Path,
        "Tree of pictures, made by any program; a flat folder, a zip or a tar; a trained run; or `-` to read its path "
        "from stdin.",
        Aside(),
        Positional(),
        InputPath(piped=True),
    ]
    labels: Annotated[
        int, "Maximum number of labels to list, the largest first; 0 lists all.", Limits(0, 1_000_000), Aside()
    ] = 20
