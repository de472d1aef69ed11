"""Options of `facekit label`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from facekit.base.reporting import Report
from facekit.options.base import Aside, InputPath, Options, Positional
from facekit.options.following import command


@dataclass(frozen=True, kw_only=True)
class Label(Options):
    """Write what is known of the pictures, such as expression or gender, from a table into a tree."""

    group = "clean"
    after = "review"
    in_recipes = True
    counts = False

    input: Annotated[
        Path,
        "Folder that `crop`, `ingest` or another command made, or `-` to read its path from stdin.",
        Aside(),
        Positional(),
        InputPath(piped=True),
    ]
    table: Annotated[
        Path,
        "CSV with a column `image` or `label`, and a column for each target, such as `expression`. A row goes by the "
        "path or the name of a picture or of the photo it was cut from, or by a person's folder.",
        InputPath(),
    ]
    target: Annotated[list[str], "Column to write; may be repeated. By default every column, apart from `group`."] = (
        field(default_factory=list)
    )

    def next_command(self, report: Report) -> str | None:
        """Return the command that shows what is there."""
        return command("stats", self.input)
