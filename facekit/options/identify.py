"""Options of `facekit identify`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from facekit.options.base import Aside, InputPath, OutputPath, Positional, Reads
from facekit.options.common import Cluster, FalsePositives
from facekit.options.galleries import check_place
from facekit.options.watching import Looked, SortInto, Watching


@dataclass(frozen=True, kw_only=True)
class Identify(Watching):
    """Name the faces in photos and videos by a gallery, or say that they are of strangers."""

    group = "use"
    after = "gallery"
    answers = True

    gallery: Annotated[
        str,
        "Gallery that `enroll` made, or `-` to read its path from stdin.",
        Aside(),
        Positional(),
        InputPath(piped=True),
        Reads(check_place),
    ]
    pictures: Looked
    fpir: Annotated[
        float | None,
        "Share of strangers' faces that may be given a name; by default the gallery's own.",
        FalsePositives,
    ] = None
    allow_repeats: Annotated[
        bool, "Let one photo show somebody more than once, as in a collage or before a mirror."
    ] = False
    detect: Annotated[
        bool, "Detect faces; with --no-detect, each picture is taken as a face that is already cropped."
    ] = True
    csv: Annotated[Path | None, "Also write the answers to this CSV file.", Aside(), OutputPath()] = None
    annotate: Annotated[
        Path | None,
        "Folder for a copy of each photo with a box and a name around each face, and of the best frame of each face "
        "in a video.",
        Aside(),
        OutputPath(),
    ] = None
    sort_into: SortInto = None
    cluster: Cluster = None
