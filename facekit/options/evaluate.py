"""Options of `facekit evaluate`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from facekit.base.contract import FacekitError
from facekit.options.base import Aside, InputPath, Limits, Options, OutputPath, PathOrName, Positional, Reads, Short

Part = Literal["test", "validation", "train", "all"]


def far_rates(text: str) -> tuple[float, ...]:
    """Read `0.1,0.01` as shares of false matches, largest first. Raises FacekitError."""
    try:
        found = sorted({float(part) for part in text.split(",")}, reverse=True)
    except ValueError:
        found = []
    if not found or not all(0 < share < 1 for share in found):
        raise FacekitError(f"--far is {text!r}; give shares between 0 and 1 like 0.1,0.01,0.001")
    return tuple(found)


@dataclass(frozen=True, kw_only=True)
class Evaluate(Options):
    """Score a trained model on pictures it has not learned from."""

    group = "score"
    in_recipes = True

    run: Annotated[
        Path,
        "Folder of a trained model; `-` reads it from stdin. With --pairs also an embedder's name.",
        Aside(),
        Positional(),
        PathOrName(piped=True),
    ]
    data: Annotated[
        Path | None,
        "Another folder-per-person tree, or a CSV of `image,label`; else the one it was trained on.",
        InputPath(),
    ] = None
    output: Annotated[
        Path | None,
        "Folder for the report; else one in the run, called by what is scored.",
        Short("-o"),
        Aside(),
        OutputPath(),
    ] = None
    part: Annotated[Part | None, "Part of the split; else test, or every picture of --data."] = None
    batch: Annotated[int, "Pictures in a step.", Limits(1, 8192), Aside()] = 128
    rounds: Annotated[int, "Resamples behind each 95% interval; 0 leaves intervals out.", Limits(0, 100_000)] = 1000
    by: Annotated[
        str | None, "Score by group of people too: a target of the pictures, or a column of --table or of a CSV --data."
    ] = None
    table: Annotated[Path | None, "For --by: a CSV of `image` (or `label`) and other columns.", InputPath()] = None
    folds: Annotated[
        int | None,
        "Train anew on as many cuts of the run's own pictures, and score each on what it has not seen.",
        Limits(2, 20),
    ] = None
    pairs: Annotated[
        Path | None, "Score pairs of photos instead: a CSV of `first,second,same`, or one of LFW's lists.", InputPath()
    ] = None
    threshold_from: Annotated[
        Path | None, "Other pairs, on which the threshold for --pairs is chosen.", InputPath()
    ] = None
    far: Annotated[str, "Shares of false matches at which --pairs are scored.", Reads(far_rates)] = "0.1,0.01,0.001"
    detector: Annotated[
        str | None, "What finds the face, large and near the middle, of whole photos in --pairs; else what suits."
    ] = None
    detect: Annotated[bool, "Look for faces in --pairs; without it the pictures are faces already."] = True

    def __post_init__(self) -> None:
        """Refuse what does not go together. Raises FacekitError."""
        super().__post_init__()
        if self.table is not None and self.by is None:
            raise FacekitError("--table says something of the pictures, and nothing asks for it; give --by COLUMN")
        if self.folds is not None and self.part is not None:
            raise FacekitError("--folds scores every picture once; leave --part out")
        if self.pairs is None and (self.threshold_from is not None or self.detector is not None):
            flag = "--threshold-from" if self.threshold_from is not None else "--detector"
            raise FacekitError(f"{flag} is for pairs of photos; give --pairs")
        if self.pairs is not None and (self.part is not None or self.folds is not None):
            raise FacekitError(f"--pairs scores a list; leave {'--part' if self.part is not None else '--folds'} out")
