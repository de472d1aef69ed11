"""Options of `facekit audit`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from facekit.base.errors import FacekitError
from facekit.base.reporting import Report
from facekit.options.base import Aside, InputPath, Options, OutputPath, Positional, Short
from facekit.options.following import beside, command


@dataclass(frozen=True, kw_only=True)
class Audit(Options):
    """Find pictures that appear in more than one part of a tree, or in both of two trees."""

    group = "clean"
    after = "augment"
    counts = False
    in_recipes = True
    begins_again = True

    folder: Annotated[
        Path,
        "Tree of pictures, with or without a split or `train/` and `test/`; a flat folder, a photo, or a zip or tar of "
        "photos; a trained run; or `-` to read its path from stdin.",
        Aside(),
        Positional(),
        InputPath(piped=True),
    ]
    other: Annotated[Path | None, "Second tree, to compare with the first.", Aside(), Positional(), InputPath()] = None
    output: Annotated[
        Path | None,
        "Folder for the report, the pairs found and a list of pictures to remove; by default nothing is written.",
        Short("-o"),
        Aside(),
        OutputPath(),
    ] = None
    without: Annotated[
        Path | None,
        "Folder for a copy of the data set without the training pictures that also appear elsewhere.",
        Aside(),
        OutputPath(),
    ] = None
    strict: Annotated[bool, "Exit with code 2 if anything is found.", Aside()] = False

    def __post_init__(self) -> None:
        """Refuse a report among the pictures of a copy. Raises FacekitError."""
        super().__post_init__()
        if self.output is not None and self.output == self.without:
            raise FacekitError(f"--output and --without are both {self.output}; give each a folder of its own")

    def next_command(self, report: Report) -> str | None:
        """Return the command that leaves repeats out of the training part, or trains without them."""
        if self.without is not None:
            return command("train", self.without, "-o", beside(self.without, "model"))
        if not report.details.get("to_leave_out_of_training"):
            return None
        trees = [self.folder] if self.other is None else [self.folder, self.other]
        name = f"{self.folder.resolve().name}-without"
        return command("audit", *trees, "--without", beside(self.folder, name))
