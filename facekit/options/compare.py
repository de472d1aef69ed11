"""Options of `facekit compare`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from facekit.base.contract import FacekitError
from facekit.options.base import Aside, InputPath, Limits
from facekit.options.common import PeopleTable, SplitBy, SplitShares, Stage, refuse_people


@dataclass(frozen=True, kw_only=True)
class Compare(Stage):
    """Train several networks on one split, and show in one table what each is worth."""

    group = "train"
    after = "train"

    networks: Annotated[
        str | None,
        "Networks and embedders, by commas; else dlib, where its extra is installed, cnn5 and inception_v3.",
        Aside(),
    ] = None
    contenders: Annotated[
        Path | None,
        "TOML file of contenders in place of --networks, each with options of `train`.",
        Aside(),
        InputPath(),
    ] = None
    test: Annotated[
        Path | None,
        "Another folder-per-person tree to score all on too, such as an official test set.",
        Aside(),
        InputPath(),
    ] = None
    size: Annotated[
        int | None, "Side of the input of --networks, in pixels; else as `train` has it.", Limits(32, 512), Aside()
    ] = None
    epochs: Annotated[int | None, "Most epochs of --networks; else as `train` has it.", Limits(1, 100_000), Aside()] = (
        None
    )
    split: SplitShares = "70/20/10"
    split_by: Annotated[SplitBy, "How to split a tree that has no split: see `balance`."] = "group"
    people_from: PeopleTable = None
    batch: Annotated[int, "Pictures in a step of scoring.", Limits(1, 8192), Aside()] = 128

    def __post_init__(self) -> None:
        """Refuse what a file of contenders says already. Raises FacekitError."""
        super().__post_init__()
        refuse_people(self.people_from, self.split_by)
        if self.contenders is None:
            return
        for name in ("networks", "size", "epochs"):
            if getattr(self, name) is not None:
                raise FacekitError(f"--{name} and --contenders both say what to compare; write it into the file")
