"""Options of `facekit cache`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from facekit.base.errors import FacekitError
from facekit.options.base import Aside, Options, Reads
from facekit.options.common import read_age

Kind = Literal["embeddings", "galleries", "weights", "unpacked", "objects"]


@dataclass(frozen=True, kw_only=True)
class Cache(Options):
    """Show what facekit keeps in its cache, or clear it: embeddings of faces, which are biometric data, and weights."""

    group = "manage"
    after = "doctor"

    kind: Annotated[
        Kind | None,
        "What to show or clear: `embeddings` of faces, those of `galleries` in databases, `weights` of networks, "
        "`unpacked` archives that a crash left behind, or copies of `objects` from s3://; all if not given.",
    ] = None
    clear: Annotated[bool, "Delete it. facekit computes it again when it is needed.", Aside()] = False
    older_than: Annotated[
        str | None,
        "With `--clear`, delete only what was not used for this long: `30d`, `12h`, `2w`.",
        Reads(read_age),
    ] = None

    def __post_init__(self) -> None:
        """Check the limits, and that an age is for clearing. Raises FacekitError."""
        super().__post_init__()
        if self.older_than is not None and not self.clear:
            raise FacekitError("--older-than is for --clear; give --clear as well")
