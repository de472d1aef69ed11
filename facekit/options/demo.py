"""Options of `facekit demo`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from facekit.options.base import Aside, Limits, Options
from facekit.options.common import OutputFolder


@dataclass(frozen=True, kw_only=True)
class Demo(Options):
    """Draw invented people, scrape them with real browsers, train a model and score it."""

    group = "manage"
    after = "run"
    in_python = False
    goes_on = True

    output: OutputFolder = field(default=Path("demo"))
    bots: Annotated[int, "Browsers that search in parallel.", Limits(1, 64), Aside()] = 2
