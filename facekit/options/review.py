"""Options of `facekit review`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from facekit.base.reporting import Report
from facekit.options.base import Aside, InputPath, Limits, Options, Positional


@dataclass(frozen=True, kw_only=True)
class Review(Options):
    """Open a local web page to review what `clean` was not sure of."""

    group = "clean"
    after = "clean"
    counts = False
    stopping = "Closing the review …"

    folder: Annotated[
        Path,
        "Folder that `clean` made, or `-` to read its path from stdin.",
        Aside(),
        Positional(),
        InputPath(piped=True),
    ]
    port: Annotated[int, "Port on 127.0.0.1; 0 chooses a free one.", Limits(0, 65535), Aside()] = 0
    live: Annotated[bool, "Apply each decision immediately; otherwise the next `clean --apply` does.", Aside()] = False
    browser: Annotated[bool, "Open the page in your browser.", Aside()] = True

    def next_command(self, report: Report) -> str | None:
        """Return the command that carries out what was decided."""
        apply = report.details.get("to_carry_out")
        return apply if isinstance(apply, str) else None
