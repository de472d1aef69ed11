"""Options of `facekit evaluate`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from facekit.base.reporting import Report
from facekit.options.base import Aside, InputPath, Options, OutputPath, Short
from facekit.options.common import GROUPS, Batch, GroupTable, Rounds, RunFolder, refuse_table
from facekit.options.following import using

Part = Literal["test", "validation", "train", "all"]

_PAIRS = "facekit evaluate-pairs RUN LIST"


@dataclass(frozen=True, kw_only=True)
class Evaluate(Options):
    """Score a trained model on pictures that it was not trained on."""

    group = "score"
    counts = False
    in_recipes = True
    begins_again = True
    moved: ClassVar[dict[str, str]] = {
        "folds": "facekit cross-validate RUN --folds N",
        **dict.fromkeys(("pairs", "threshold_from", "far", "detector", "detect"), _PAIRS),
    }

    run: RunFolder
    data: Annotated[
        Path | None,
        "Another folder-per-person tree, or a CSV of `image,label`; by default the tree it was trained on.",
        InputPath(),
    ] = None
    output: Annotated[
        Path | None,
        "Folder for the report; by default one in the run, named after what is scored.",
        Short("-o"),
        Aside(),
        OutputPath(),
    ] = None
    part: Annotated[Part | None, "Part of the split; by default test, or every picture of --data."] = None
    include_training: Annotated[
        bool,
        "Also score pictures that the model was trained on, under a banner; by default they are left out and counted.",
    ] = False
    strangers: Annotated[
        Path | None,
        "People who are not in the model, to measure how many get a name: a folder with one folder per person, or with "
        "photos of a different person each; by default each person of the model is left out in turn.",
        InputPath(),
    ] = None
    batch: Batch = 128
    rounds: Rounds = 1000
    by: Annotated[
        str | None,
        "Also report scores by group of people: a target stored with the pictures, or a column of --table or of a CSV "
        "--data.",
        GROUPS,
    ] = None
    table: GroupTable = None

    def __post_init__(self) -> None:
        """Refuse a table without a column to read. Raises FacekitError."""
        super().__post_init__()
        refuse_table(self.table, self.by)

    def next_command(self, report: Report) -> str | None:
        """Return the command that uses the run."""
        return using(self.run, "embedder" in report.details)
