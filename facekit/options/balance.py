"""Options of `facekit balance`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from facekit.options.base import Limits, Short
from facekit.options.common import PeopleTable, SplitBy, SplitShares, Stage, refuse_people


@dataclass(frozen=True, kw_only=True)
class Balance(Stage):
    """Draw the split by group, then make exactly COUNT pictures a folder."""

    group = "clean"
    after = "review"

    count: Annotated[int, "Pictures in each folder.", Short("-n"), Limits(3, 1_000_000)] = 50
    split: SplitShares = "70/20/10"
    split_by: Annotated[
        SplitBy,
        "`group`: no photo crosses the split. `person`: nobody does, where folders are not the people themselves. "
        "`image`: copies of everything, split over files later.",
    ] = "group"
    people_from: PeopleTable = None

    def __post_init__(self) -> None:
        """Check the limits, and that a table of people is asked for. Raises FacekitError."""
        super().__post_init__()
        refuse_people(self.people_from, self.split_by)
