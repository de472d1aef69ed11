"""Options of `facekit compare`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from facekit.base.errors import FacekitError
from facekit.base.reporting import Report
from facekit.options.base import Aside, InputPath, Limits, Reads
from facekit.options.common import SPLIT, Labels, PeopleTable, SplitBy, SplitShares, Stage, kind_of, refuse_people
from facekit.options.following import PHOTOS, command
from facekit.options.targets import TARGETS, TargetsTable, TargetWeights, check_targets, target_names

CompareTargets = Annotated[
    str | None,
    "Train one network for these targets together and one for each alone, such as `identity,expression,gender`, and "
    "say which is better (see `train`).",
    Reads(target_names),
    TARGETS,
]


@dataclass(frozen=True, kw_only=True)
class Compare(Stage):
    """Train several networks on the same split and compare their scores in one table."""

    group = "train"
    objects = False
    after = "train"
    counts = False

    networks: Annotated[
        str | None,
        "Networks and embedders, separated by commas; by default sface, if installed (else dlib), cnn5 and "
        "inception_v3.",
        Aside(),
    ] = None
    contenders: Annotated[
        Path | None,
        "TOML file of contenders, each with options of `train`, instead of --networks.",
        Aside(),
        InputPath(),
    ] = None
    test: Annotated[
        Path | None,
        "Another folder-per-person tree to score on as well, such as an official test set.",
        Aside(),
        InputPath(),
    ] = None
    size: Annotated[
        int | None, "Input size of --networks, in pixels; by default that of `train`.", Limits(32, 512), Aside()
    ] = None
    epochs: Annotated[
        int | None,
        "Maximum number of epochs of --networks; by default that of `train`.",
        Limits(1, 100_000),
        Aside(),
    ] = None
    targets: CompareTargets = None
    targets_from: TargetsTable = None
    target_weights: TargetWeights = None
    labels: Labels = None
    split: SplitShares = "70/20/10"
    split_by: Annotated[SplitBy, "How to split a tree that has no split (see `balance`).", SPLIT] = "group"
    people_from: PeopleTable = None
    batch: Annotated[int, "Batch size for scoring.", Limits(1, 8192), Aside()] = 128

    def __post_init__(self) -> None:
        """Refuse what a file of contenders says already. Raises FacekitError."""
        super().__post_init__()
        refuse_people(self.people_from, self.split_by)
        kind_of(self.labels, self.split_by)
        check_targets(self.targets, self.targets_from, self.target_weights, None)
        if self.targets is not None and len(target_names(self.targets)) < 2:
            raise FacekitError("--targets compares one network for all with one for each; give two targets or more")
        if self.contenders is None:
            return
        for name in ("networks", "size", "epochs"):
            if getattr(self, name) is not None:
                raise FacekitError(f"--{name} does not go with --contenders; write it into the file")

    def next_command(self, report: Report) -> str | None:
        """Return the command that uses the best of the models."""
        best = report.details.get("best")
        return command("predict", best, PHOTOS) if isinstance(best, str) else None
