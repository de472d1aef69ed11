"""Options of `facekit draw`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from facekit.options.base import Limits, Options
from facekit.options.common import OutputFolder


@dataclass(frozen=True, kw_only=True)
class Draw(Options):
    """Draw a tree of invented people: whole photos with everything a scraped tree has."""

    group = "collect"
    after = "scrape"
    in_recipes = True

    output: OutputFolder
    people: Annotated[int, "People to invent.", Limits(1, 200)] = 6
    photos: Annotated[int, "Photos of each.", Limits(1, 1000)] = 40
    faults: Annotated[bool, "Wrong people, repeats, blurred, tiny and faceless pictures among them."] = True
