"""Options of `facekit evaluate-pairs`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from facekit.base.errors import FacekitError
from facekit.options.base import Aside, InputPath, Options, OutputPath, PathOrName, Positional, Reads, Short, shown
from facekit.options.common import GROUPS, GroupTable, Rounds, refuse_table


def far_rates(text: str) -> tuple[float, ...]:
    """Read `0.1,0.01` as shares of false matches, largest first. Raises FacekitError."""
    try:
        found = sorted({float(part) for part in text.split(",")}, reverse=True)
    except ValueError:
        found = []
    if not found or not all(0 < share < 1 for share in found):
        raise FacekitError(f"--far is {shown(text)}; give shares between 0 and 1 like 0.1,0.01,0.001")
    return tuple(found)


@dataclass(frozen=True, kw_only=True)
class EvaluatePairs(Options):
    """Score how well an embedder tells whether two photos show the same person."""

    group = "score"
    after = "evaluate"
    counts = False
    in_recipes = True
    begins_again = True

    run: Annotated[
        Path,
        "Folder of a trained model, an embedder's name such as dlib, or `-` to read a folder's path from stdin.",
        Aside(),
        Positional(),
        PathOrName(piped=True),
    ]
    pairs: Annotated[
        Path,
        "List of pairs: a CSV of `first,second,same`, or one of LFW's lists.",
        Positional(),
        InputPath(),
    ]
    data: Annotated[
        Path | None,
        "Folder that the photo paths of the list are relative to; by default the folder of the list.",
        InputPath(),
    ] = None
    output: Annotated[
        Path | None,
        "Folder for the report; by default one in the run, named after the list.",
        Short("-o"),
        Aside(),
        OutputPath(),
    ] = None
    threshold_from: Annotated[
        Path | None,
        "Another list of pairs on which to choose the threshold; by default the embedder's own is used.",
        InputPath(),
    ] = None
    far: Annotated[str, "False match rates at which to report the true match rate.", Reads(far_rates)] = (
        "0.1,0.01,0.001"
    )
    detector: Annotated[
        str | None,
        "Detector for whole photos, in which it picks a large face near the middle; by default the one that suits the "
        "embedder.",
    ] = None
    detect: Annotated[
        bool, "Detect faces; with --no-detect, each picture is taken as a face that is already cropped."
    ] = True
    rounds: Rounds = 1000
    by: Annotated[
        str | None,
        "Also report scores by group of people: a target stored with the photos, or a column of the list or of "
        "--table.",
        GROUPS,
    ] = None
    table: GroupTable = None

    def __post_init__(self) -> None:
        """Refuse a table without a column to read. Raises FacekitError."""
        super().__post_init__()
        refuse_table(self.table, self.by)
