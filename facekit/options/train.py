"""Options of `facekit train`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from facekit.base.contract import FacekitError
from facekit.options.base import Aside, Limits, PathOrName, Resumes
from facekit.options.common import PeopleTable, SplitBy, SplitShares, Stage, refuse_people

Monitor = Literal["val_accuracy", "accuracy"]
Color = Literal["rgb", "gray"]
Schedule = Literal["constant", "cosine", "plateau"]
Precision = Literal["auto", "float32", "mixed_bfloat16"]
ClassWeights = Literal["auto", "none"]


@dataclass(frozen=True, kw_only=True)
class Train(Stage):
    """Train a network on a folder-per-person tree, or a linear head on a frozen one."""

    group = "train"

    backbone: Annotated[
        str | None,
        "Learn names from the vectors of `dlib`, `sface` or a trained run's folder, in place of a network.",
        PathOrName(),
    ] = None
    network: Annotated[str, "The network: see `facekit models`."] = "inception_v3"
    color: Annotated[Color, "Whether the network sees `rgb` or `gray`."] = "rgb"
    weights: Annotated[
        str,
        "Weights to begin with, the head apart: `none`, `imagenet`, a .weights.h5 file or a run's folder.",
        PathOrName(),
    ] = "none"
    size: Annotated[int, "Side of the network's input, in pixels.", Limits(32, 512)] = 96
    epochs: Annotated[int, "Most epochs.", Limits(1, 100_000)] = 52
    warmup_epochs: Annotated[int, "Of these, first ones in which the head alone learns.", Limits(0, 100_000)] = 0
    unfreeze: Annotated[int, "Learn in this many last blocks of the network alone; 0 is all.", Limits(0, 1000)] = 0
    batch: Annotated[int, "Pictures in a step.", Limits(1, 8192)] = 64
    learning_rate: Annotated[float, "Adam's step size.", Limits(1e-8, 1)] = 1e-3
    finetune_rate: Annotated[float, "Adam's step size after the warm-up.", Limits(1e-8, 1)] = 1e-4
    schedule: Annotated[
        Schedule, "How the step size falls: not, along a cosine, or by half where epochs get no better."
    ] = "constant"
    stop_at: Annotated[float, "Stop when the monitored accuracy reaches this.", Limits(0.01, 1.01)] = 0.97
    patience: Annotated[int, "Stop after so many epochs without a better one; 0 is never.", Limits(0, 100_000)] = 0
    monitor: Annotated[Monitor, "The accuracy that decides when to stop and which epoch was best."] = "val_accuracy"
    light_augment: Annotated[
        bool, "Flip, turn, shift, zoom and brighten each training picture a little, anew in every epoch."
    ] = False
    label_smoothing: Annotated[float, "Share of certainty that is spread over all names.", Limits(0, 0.5)] = 0.0
    class_weights: Annotated[
        ClassWeights, "`auto` counts a picture for more where its name has fewer than others; `none` does not."
    ] = "auto"
    precision: Annotated[
        Precision, "Numbers to compute with; `auto` is mixed_bfloat16 on an accelerator, float32 on cores."
    ] = "auto"
    deterministic: Annotated[bool, "Compute so that the same run gives the very same numbers; slower."] = False
    split: SplitShares = "70/20/10"
    split_by: Annotated[SplitBy, "How to split a tree that has no split: see `balance`."] = "group"
    people_from: PeopleTable = None
    resume: Annotated[bool, "Go on from the last checkpoint of an interrupted run.", Aside(), Resumes()] = False
    tensorboard: Annotated[bool, "Write logs for TensorBoard.", Aside()] = False

    def __post_init__(self) -> None:
        """Refuse also what no epoch could do. Raises FacekitError."""
        super().__post_init__()
        refuse_people(self.people_from, self.split_by)
        if self.warmup_epochs >= self.epochs:
            raise FacekitError(f"--warmup-epochs is {self.warmup_epochs}; it must be less than --epochs {self.epochs}")
        frozen = "warmup_epochs" if self.warmup_epochs else "unfreeze" if self.unfreeze else None
        if frozen and self.weights == "none":
            flag = "--" + frozen.replace("_", "-")
            raise FacekitError(f"{flag} keeps layers as they are, which need to have learned something; give --weights")
