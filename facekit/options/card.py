"""Options of `facekit card`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from facekit.options.base import Aside, InputPath, Options, OutputPath, Positional, Reads, Short
from facekit.options.galleries import FORM, check_place


@dataclass(frozen=True, kw_only=True)
class Card(Options):
    """Write the card of a data set, a model or a gallery: where it comes from, how good it is, what it is for."""

    group = "manage"
    after = "rejected"
    counts = False
    bug_code: ClassVar[int] = 70

    target: Annotated[
        str,
        f"Folder of pictures, folder of a trained model, gallery (a folder, or `{FORM}`), or `-` to read its path from "
        "stdin.",
        Aside(),
        Positional(),
        InputPath(piped=True),
        Reads(check_place),
    ]
    output: Annotated[
        Path | None,
        "Folder for `README.md` and `croissant.json`; by default the one that is described.",
        Short("-o"),
        Aside(),
        OutputPath(),
    ] = None
    check: Annotated[
        bool, "Write nothing, and exit with 1 if the card is missing, or no longer says what is there.", Aside()
    ] = False
