"""Options of `facekit ingest`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from facekit.base.reporting import Report
from facekit.options.base import Aside, InputPath, Options, Positional
from facekit.options.common import OutputFolder
from facekit.options.following import command

DataSet = Literal["lfw", "celeba", "utkface", "fer2013", "casia"]

ALL = "all"
"""Stands for every target that a data set has."""


@dataclass(frozen=True, kw_only=True)
class Ingest(Options):
    """Read a public data set in its own layout, with its targets and its official split."""

    group = "collect"
    after = "scrape"
    in_recipes = True
    goes_on = True

    data_set: Annotated[
        DataSet,
        "Labeled Faces in the Wild, CelebA, UTKFace, FER2013 or CASIA-WebFace. Get it from its authors, under their "
        "terms; facekit does not download it.",
        Positional(),
    ]
    input: Annotated[
        Path,
        "Folder of the unpacked data set, with the lists that belong to it; for FER2013 or CASIA-WebFace also its "
        "`.csv` or `.rec` file.",
        Aside(),
        Positional(),
        InputPath(),
    ]
    output: OutputFolder
    folders: Annotated[
        str | None,
        "Target that the folders of the tree are called by: `identity`, or one such as `gender`. By default identity; "
        "gender for UTKFace and expression for FER2013, which do not say who is shown.",
    ] = None
    target: Annotated[
        list[str],
        "Target to write into the manifest, or `all`; may be repeated. By default expression, gender, age, age_group "
        "and race, as far as the data set has them. CelebA has 39 more, such as `smiling`.",
    ] = field(default_factory=list)
    official_split: Annotated[bool, "Write the parts of the official split into the manifest, if there is one."] = True
    links: Annotated[bool, "Make hard links to the pictures where the disk allows it, instead of copies.", Aside()] = (
        True
    )

    def next_command(self, report: Report) -> str | None:
        """Return the command that shows what is there."""
        return command("stats", self.output)
