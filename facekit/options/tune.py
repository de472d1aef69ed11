"""Options of `facekit tune`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from facekit.base.errors import FacekitError
from facekit.base.reporting import Report
from facekit.options.base import Aside, InputPath, Limits, PathOrName, Section
from facekit.options.common import SPLIT, Labels, PeopleTable, SplitBy, SplitShares, Stage, kind_of, refuse_people
from facekit.options.following import command
from facekit.options.train import MODEL, Color

SEARCH = Section("Search")

Sampler = Literal["tpe", "random", "grid"]


@dataclass(frozen=True, kw_only=True)
class Tune(Stage):
    """Search for the options of `train` with which a network is best on validation, then train once with them.

    The test part is neither trained on nor looked at during the search. The last training is scored on it, once.
    """

    group = "train"
    objects = False
    after = "cross-validate"
    counts = False

    network: Annotated[str, "Name of the network (see `facekit models`).", MODEL] = "cnn5"
    backbone: Annotated[
        str | None,
        "Tune a linear head on the embeddings of `dlib`, `sface` or a trained run's folder, instead of a network.",
        PathOrName(),
        MODEL,
    ] = None
    color: Annotated[Color, "Whether the input is `rgb` or `gray`.", MODEL] = "rgb"
    size: Annotated[int, "Input size of the network, in pixels.", Limits(32, 512), MODEL] = 96
    epochs: Annotated[int, "Epochs of each training.", Limits(1, 100_000), SEARCH] = 30
    ranges: Annotated[
        Path | None,
        "TOML file of what may vary, in [ranges], and of what all trainings share, in [train]; by default what usually "
        "matters for the network.",
        InputPath(),
        SEARCH,
    ] = None
    sampler: Annotated[
        Sampler, "How settings are chosen: by those before (`tpe`), by chance, or all of a `grid`.", SEARCH
    ] = "tpe"
    trials: Annotated[
        int,
        "Number of settings to try, those of earlier calls and of other processes included.",
        Limits(1, 100_000),
        Aside(),
        SEARCH,
    ] = 50
    timeout: Annotated[
        float, "Start no new training after this many minutes; 0 sets no limit.", Limits(0, 1_000_000), Aside(), SEARCH
    ] = 0.0
    prune: Annotated[
        bool, "Give up a training whose validation is below the median of the others at the same epoch.", SEARCH
    ] = True
    folds: Annotated[
        int,
        "Validate each setting on this many folds of the training and validation photos; 1 uses the tree's validation.",
        Limits(1, 20),
        SEARCH,
    ] = 1
    final: Annotated[
        bool, "Train once with the best setting when all trials are done, and score it.", Aside(), SEARCH
    ] = True
    labels: Labels = None
    split: SplitShares = "70/20/10"
    split_by: Annotated[SplitBy, "How to split a tree that has no split (see `balance`).", SPLIT] = "group"
    people_from: PeopleTable = None

    def __post_init__(self) -> None:
        """Refuse what does not go together. Raises FacekitError."""
        super().__post_init__()
        refuse_people(self.people_from, self.split_by)
        kind_of(self.labels, self.split_by)
        if self.backbone is not None and self.folds == 1 and self.split.endswith("/0"):
            raise FacekitError("--split leaves no photos for validation; give its last share more than 0, or --folds 5")

    def next_command(self, report: Report) -> str | None:
        """Return the command that trains with the best setting again, or for which the search goes on."""
        recipe = report.details.get("recipe")
        return command("run", recipe) if isinstance(recipe, str) else None
