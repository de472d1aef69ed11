"""Options of `facekit monitor`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from facekit.options.base import Aside, InputPath, Limits, Options, OutputPath, Positional, Reads
from facekit.options.galleries import FORM, check_place


@dataclass(frozen=True, kw_only=True)
class Monitor(Options):
    """Say what the answers of a gallery or a trained model were like by day, and whether anything has changed."""

    group = "use"
    after = "gallery"
    counts = False
    bug_code: ClassVar[int] = 70

    target: Annotated[
        str,
        f"Gallery (a folder, or `{FORM}`), folder of a trained model, or `-` to read its path from stdin.",
        Positional(),
        InputPath(piped=True),
        Reads(check_place),
    ]
    against: Annotated[
        Literal["enrolled", "first"],
        "What days are compared with: the `enrolled` faces (of a model, its test and validation pictures), or the "
        "`first` seven days. What is not known of enrolled faces is always compared with the first days.",
    ] = "enrolled"
    days: Annotated[int, "Days to look at, back from the last one.", Limits(1, 3660)] = 30
    page: Annotated[Path | None, "HTML page to write: each measure by day.", Aside(), OutputPath()] = None
    fail_on_drift: Annotated[bool, "Exit with 1 if anything has changed.", Aside()] = False
