"""Options of `facekit predict`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from facekit.options.base import Aside, Limits, OutputPath
from facekit.options.common import FalsePositives, Model
from facekit.options.watching import Looked, Watching


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
    min_confidence: Annotated[
        float, "Confidence below which a face is `unknown`, even if it is similar to a known face.", Limits(0, 1)
    ] = 0.5
    detect: Annotated[
        bool, "Detect faces; with --no-detect, each picture is taken as a face that is already cropped."
    ] = True
    grid: Annotated[
        Path | None,
        "PNG or HTML page to write: each face with its predicted name, marked right or wrong where the photo's folder "
        "is a name. The page links the photos.",
        Aside(),
        OutputPath(),
    ] = None
