"""Options of `facekit predict`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, NamedTuple

from facekit.options.base import Aside, Limits, OutputPath
from facekit.options.common import FalsePositives, Model
from facekit.options.watching import Looked, SortInto, Watching


class Least(NamedTuple):
    """What an answer must reach, else the face is `unknown`: see `--min-confidence` and `--min-probability`."""

    confidence: float
    probability: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Predict(Watching):
    """Name the faces in photos and videos: one JSON line per face, or a table on a terminal."""

    group = "use"
    answers = True

    run: Model
    pictures: Looked
    fpir: Annotated[
        float | None,
        "Share of strangers' faces that may be given a name, instead of the one that the model was trained for.",
        FalsePositives,
    ] = None
    min_probability: Annotated[
        float, "Probability, as it is shown, below which a face is `unknown`; 0 names all that are known.", Limits(0, 1)
    ] = 0.0
    min_confidence: Annotated[
        float,
        "The model's own confidence below which a face is `unknown`. It is not the probability that is shown, but "
        "`confidence` in the JSON, which assumes that no face is a stranger's. For more certain names, use "
        "--min-probability.",
        Limits(0, 1),
    ] = 0.5
    detect: Annotated[
        bool,
        "Detect faces, with the detector and the settings by which the faces of the training were cropped; with "
        "--no-detect, each picture is taken as a face that is already cropped.",
    ] = True
    grid: Annotated[
        Path | None,
        "PNG or HTML page to write: each face with its predicted name, marked right or wrong where the photo's folder "
        "is a name. The page links the photos.",
        Aside(),
        OutputPath(),
    ] = None
    sort_into: SortInto = None

    @property
    def least(self) -> Least:
        """What an answer must reach to be a name."""
        return Least(self.min_confidence, self.min_probability)
