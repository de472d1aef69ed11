"""The options of commands that look at photos, videos and cameras."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from facekit.options.base import Aside, InputPath, Limits, Options, OutputPath, Positional, Section

VIDEO = Section("Videos, streams and cameras")

Looked = Annotated[
    list[str],
    "Photos, folders of photos and videos, zip or tar files of photos, videos, web addresses of pictures, videos and "
    "streams, and numbers of cameras.",
    Positional(),
    InputPath(),
]


SortInto = Annotated[
    Path | None,
    "Folder to copy the photos into, a folder in it for each person; a photo of two people goes to both, one of "
    "strangers to `unknown`, one without a face to `no face`. Videos are not copied.",
    Aside(),
    OutputPath(),
]


@dataclass(frozen=True, kw_only=True)
class Watching(Options):
    """A command that looks at photos and videos."""

    fps: Annotated[
        float, "Frames per second in which faces are looked for; from one to the next they are tracked.",
        Limits(0.01, 240), VIDEO,
    ] = 5.0  # fmt: skip
    seconds: Annotated[
        float | None, "Stop after this many seconds of each video, stream or camera.", Limits(0.01), VIDEO
    ] = None
    rejoin: Annotated[
        int,
        "How often in a row to try to join a stream again that has dropped, with growing pauses; 0 ends with it.",
        Limits(0, 1_000_000),
        Aside(),
        VIDEO,
    ] = 5
    monitor: Annotated[
        bool,
        "Count what faces and answers are like (light, size, pose, similarity, share of unknown), by day, for `facekit "
        "monitor`. Only counts are kept: no picture, no name.",
        Aside(),
    ] = False
    summary: Annotated[
        Path | None,
        "Folder for who was there when: summary.json, summary.csv, summary.html with a time line, and WebVTT captions "
        "of each video.",
        Aside(),
        OutputPath(),
        VIDEO,
    ] = None
