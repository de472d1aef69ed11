"""Options of `facekit cross-validate`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from facekit.base.reporting import Report
from facekit.options.base import Aside, InputPath, Limits, Options, OutputPath, Short
from facekit.options.common import GROUPS, Batch, GroupTable, Rounds, RunFolder, refuse_table
from facekit.options.following import PHOTOS, command


@dataclass(frozen=True, kw_only=True)
class CrossValidate(Options):
    """Train a run again on folds of its own pictures, and score each fold on the pictures held out."""

    group = "train"
    after = "compare"
    counts = False
    in_recipes = True
    goes_on = True

    run: RunFolder
    folds: Annotated[int, "Number of folds.", Limits(2, 20)] = 5
    data: Annotated[
        Path | None,
        "Folder with the run's pictures, if it has moved since training.",
        Aside(),
        InputPath(),
    ] = None
    output: Annotated[
        Path | None,
        "Folder for the folds and the report; by default one in the run.",
        Short("-o"),
        Aside(),
        OutputPath(),
    ] = None
    batch: Batch = 128
    rounds: Rounds = 1000
    by: Annotated[
        str | None,
        "Also report scores by group of people: a target stored with the pictures, or a column of --table.",
        GROUPS,
    ] = None
    table: GroupTable = None

    def __post_init__(self) -> None:
        """Refuse a table without a column to read. Raises FacekitError."""
        super().__post_init__()
        refuse_table(self.table, self.by)

    def next_command(self, report: Report) -> str | None:
        """Return the command that uses the model."""
        return command("predict", self.run, PHOTOS)
