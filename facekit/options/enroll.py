"""Options of `facekit enroll`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from facekit.base.reporting import Report
from facekit.options.base import Aside, InputPath, Options, OutputPath, PathOrName, Positional, Reads, Short
from facekit.options.common import UNKNOWN, FalsePositives
from facekit.options.crop import DETECTION
from facekit.options.following import PHOTOS, command
from facekit.options.galleries import FORM, check_place

FPIR = 0.01
"""The false positive identification rate of a gallery that was asked for none."""


@dataclass(frozen=True, kw_only=True)
class Enroll(Options):
    """Enroll people in a gallery, so that `identify` can name them."""

    group = "use"
    after = "predict"
    in_recipes = True
    goes_on = True

    input: Annotated[
        Path,
        "Faces or photos: a folder with one folder per person, a zip or tar of one, or `-` to read its path from "
        "stdin.",
        Aside(),
        Positional(),
        InputPath(piped=True),
    ]
    output: Annotated[
        str,
        f"Gallery to make, or to add to: a folder, or a PostgreSQL database as `{FORM}`.",
        Short("-o"),
        Aside(),
        OutputPath(piped=True),
        Reads(check_place),
    ]
    replace: Annotated[bool, "Remove the earlier faces of the people who are enrolled.", Aside()] = False
    embedder: Annotated[
        str | None,
        "Embedder: `dlib`, `dlib-mirrored`, `sface` or a trained run's folder; by default the gallery's own, or dlib.",
        PathOrName(),
    ] = None
    detector: Annotated[
        str | None,
        "Detector for the main face of each photo; by default the one that suits the embedder. Not used for faces that "
        "`crop` made.",
        DETECTION,
    ] = None
    detect: Annotated[
        bool, "Detect faces; with --no-detect, each picture is taken as a face that is already cropped.", DETECTION
    ] = True
    fpir: Annotated[
        float | None,
        "Share of strangers' faces that may be given a name; by default the gallery's own, else 0.01. The people are "
        "left out in turn to find the threshold for it.",
        FalsePositives,
        UNKNOWN,
    ] = None
    strangers: Annotated[
        Path | None,
        "Folder of people who are not in the gallery: they help to find the threshold. Their embeddings are kept.",
        InputPath(),
        UNKNOWN,
    ] = None
    crops: Annotated[
        bool,
        "Keep a small picture of each face, so that another embedder can be used later (`gallery migrate`) without "
        "the photos.",
    ] = True

    def next_command(self, report: Report) -> str | None:
        """Return the command that names the faces of photos."""
        return command("identify", self.output, PHOTOS)
