"""Options of `facekit expire`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from facekit.options.base import Aside, InputPath, Options, OutputPath, Positional, Reads, Short
from facekit.options.common import read_age
from facekit.options.galleries import check_place
from facekit.options.removing import KEEP, RECEIPTS, ROOTS


@dataclass(frozen=True, kw_only=True)
class Expire(Options):
    """Remove all photos that were fetched too long ago from everything that facekit wrote, with a receipt."""

    group = "manage"
    after = "forget"
    counts = False
    goes_on = True

    folders: Annotated[list[str], ROOTS, Positional(), InputPath(), Reads(check_place)]
    older_than: Annotated[
        str,
        "Remove photos that were fetched, or enrolled in a gallery, longer ago than this: `3y`, `90d`, `26w`. A photo "
        "of which that is not known stays.",
        Reads(read_age),
    ]
    keep_models: Annotated[bool, KEEP] = False
    likeness: Annotated[
        bool, "Also find the same photo by its pixels, where data sets were made from different sources."
    ] = False
    output: Annotated[Path, RECEIPTS, Short("-o"), Aside(), OutputPath()] = field(default=Path("receipts"))
