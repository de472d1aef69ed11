"""Options of `facekit balance`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from facekit.base.reporting import Report
from facekit.options.base import Aside, Limits, Short
from facekit.options.common import SPLIT, PeopleTable, SplitBy, SplitShares, Stage, refuse_people
from facekit.options.following import beside, command


@dataclass(frozen=True, kw_only=True)
class Balance(Stage):
    """Split the photos into train, test and validation, then bring each name's folder to exactly COUNT pictures."""

    group = "clean"
    after = "review"

    count: Annotated[int, "Pictures per name, over all parts of the split.", Short("-n"), Limits(3, 1_000_000)] = 50
    split: SplitShares = "70/20/10"
    split_by: Annotated[
        SplitBy,
        "`group` keeps all copies of a photo in one part. `person` keeps each person in one part; use it when folders "
        "are not people. `image` splits file by file, so copies of a photo can land in different parts.",
        SPLIT,
    ] = "group"
    people_from: PeopleTable = None
    new_split: Annotated[
        bool,
        "Draw the split again. By default, pictures that already have a part, such as those in `train/`, keep it.",
        Aside(),
        SPLIT,
    ] = False

    def __post_init__(self) -> None:
        """Check the limits, and that a table of people is asked for. Raises FacekitError."""
        super().__post_init__()
        refuse_people(self.people_from, self.split_by)

    def next_command(self, report: Report) -> str | None:
        """Return the command that adds augmented copies."""
        return command("augment", self.output, "-o", beside(self.output, "full"))
