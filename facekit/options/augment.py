"""Options of `facekit augment`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from facekit.base.reporting import Report
from facekit.options.base import Limits, Short
from facekit.options.common import SPLIT, Cluster, SplitShares, Stage
from facekit.options.following import beside, command

Recipe = Literal["gentle", "standard", "strong"]


@dataclass(frozen=True, kw_only=True)
class Augment(Stage):
    """Fill each folder to exactly COUNT pictures with augmented copies of its training photos."""

    group = "clean"
    after = "balance"

    count: Annotated[int, "Pictures in each folder.", Short("-n"), Limits(3, 1_000_000)] = 500
    recipe: Annotated[Recipe, "How much the copies differ from their photo."] = "standard"
    split: SplitShares = "70/20/10"
    split_by: Annotated[
        Literal["group", "image"],
        "How to split a tree that has no split (see `balance`). A tree that has one keeps it.",
        SPLIT,
    ] = "group"
    cluster: Cluster = None

    def next_command(self, report: Report) -> str | None:
        """Return the command that trains on the pictures."""
        return command("train", self.output, "-o", beside(self.output, "model"))
