"""Options of `facekit cross-validate`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from facekit.options.base import Aside, InputPath, Limits, Options, OutputPath, Short
from facekit.options.common import Batch, Rounds, RunFolder, refuse_table


@dataclass(frozen=True, kw_only=True)
class CrossValidate(Options):
    """Retrain a run on folds of its own pictures, and score each fold on the pictures left out."""

    group = "train"
    after = "compare"
    in_recipes = True

    run: RunFolder
    folds: Annotated[int, "Number of folds.", Limits(2, 20)] = 5
    data: Annotated[
        Path | None,
        "Where the run's pictures are now; by default where they were.",
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
    by: Annotated[str | None, "Also score by group of people: a target of the pictures, or a column of --table."] = None
    table: Annotated[Path | None, "For --by: a CSV with a column `image` or `label`, and others.", InputPath()] = None

    def __post_init__(self) -> None:
        """Refuse a table without a column to read. Raises FacekitError."""
        super().__post_init__()
        refuse_table(self.table, self.by)
