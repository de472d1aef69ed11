"""Options of `facekit demo`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from facekit.options.base import Aside, Limits, Options
from facekit.options.common import OutputFolder


@dataclass(frozen=True, kw_only=True)
class Demo(Options):
    """Draw a small world, scrape it with real browsers, train on it, and score the model."""

    group = "manage"
    after = "run"

    output: OutputFolder = field(default=Path("demo"))
    bots: Annotated[int, "Browsers that search at the same time.", Limits(1, 64), Aside()] = 2
