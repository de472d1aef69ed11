"""Options of `facekit draw`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from facekit.base.reporting import Report
from facekit.options.base import Limits, Options
from facekit.options.common import OutputFolder
from facekit.options.following import beside, command


@dataclass(frozen=True, kw_only=True)
class Draw(Options):
    """Draw photos of invented people, in folders like those that `scrape` makes."""

    group = "collect"
    after = "scrape"
    in_recipes = True
    goes_on = True

    output: OutputFolder
    people: Annotated[int, "Number of people.", Limits(1, 1000)] = 6
    photos: Annotated[int, "Photos of each person.", Limits(1, 1000)] = 40
    faults: Annotated[bool, "Include wrong people, repeats, and blurred, tiny and faceless pictures."] = True

    def next_command(self, report: Report) -> str | None:
        """Return the command that finds the faces."""
        return command("crop", self.output, "-o", beside(self.output, "faces"))
