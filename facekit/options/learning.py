"""Options of the commands that train, score and answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from facekit.base.contract import FacekitError
from facekit.options.base import Aside, Limits, Options, Positional, Reads, Short
from facekit.options.folders import PeopleTable, SplitBy, SplitShares, Stage, refuse_people

Monitor = Literal["val_accuracy", "accuracy"]
Part = Literal["test", "validation", "train", "all"]
Color = Literal["rgb", "gray"]
Schedule = Literal["constant", "cosine", "plateau"]
Precision = Literal["auto", "float32", "mixed_bfloat16"]
ClassWeights = Literal["auto", "none"]
Method = Literal["gradcam", "hirescam", "occlusion"]


def far_rates(text: str) -> tuple[float, ...]:
    """Read `0.1,0.01` as shares of false matches, largest first. Raises FacekitError."""
    try:
        found = sorted({float(part) for part in text.split(",")}, reverse=True)
    except ValueError:
        found = []
    if not found or not all(0 < share < 1 for share in found):
        raise FacekitError(f"--far is {text!r}; give shares between 0 and 1 like 0.1,0.01,0.001")
    return tuple(found)


@dataclass(frozen=True, kw_only=True)
class Train(Stage):
    """Train a network on a folder-per-person tree, or a linear head on a frozen one."""

    backbone: Annotated[
        str | None, "Learn names from the vectors of `dlib`, `sface` or a trained run's folder, in place of a network."
    ] = None
    network: Annotated[str, "The network: see `facekit models`."] = "inception_v3"
    color: Annotated[Color, "Whether the network sees `rgb` or `gray`."] = "rgb"
    weights: Annotated[
        str, "Weights to begin with, the head apart: `none`, `imagenet`, a .weights.h5 file or a run's folder."
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
    resume: Annotated[bool, "Go on from the last checkpoint of an interrupted run.", Aside()] = False
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


@dataclass(frozen=True, kw_only=True)
class Evaluate(Options):
    """Score a trained model on pictures it has not learned from."""

    run: Annotated[
        Path,
        "Folder of a trained model; `-` reads it from stdin. With --pairs also an embedder's name.",
        Aside(),
        Positional(),
    ]
    data: Annotated[
        Path | None, "Another folder-per-person tree, or a CSV of `image,label`; else the one it was trained on."
    ] = None
    output: Annotated[
        Path | None, "Folder for the report; else one in the run, called by what is scored.", Short("-o"), Aside()
    ] = None
    part: Annotated[Part | None, "Part of the split; else test, or every picture of --data."] = None
    batch: Annotated[int, "Pictures in a step.", Limits(1, 8192), Aside()] = 128
    rounds: Annotated[int, "Resamples behind each 95% interval; 0 leaves intervals out.", Limits(0, 100_000)] = 1000
    by: Annotated[
        str | None, "Score by group of people too: a target of the pictures, or a column of --table or of a CSV --data."
    ] = None
    table: Annotated[Path | None, "For --by: a CSV of `image` (or `label`) and other columns."] = None
    folds: Annotated[
        int | None,
        "Train anew on as many cuts of the run's own pictures, and score each on what it has not seen.",
        Limits(2, 20),
    ] = None
    pairs: Annotated[
        Path | None, "Score pairs of photos instead: a CSV of `first,second,same`, or one of LFW's lists."
    ] = None
    threshold_from: Annotated[Path | None, "Other pairs, on which the threshold for --pairs is chosen."] = None
    far: Annotated[str, "Shares of false matches at which --pairs are scored.", Reads(far_rates)] = "0.1,0.01,0.001"
    detector: Annotated[
        str | None, "What finds the face, large and near the middle, of whole photos in --pairs; else what suits."
    ] = None
    detect: Annotated[bool, "Look for faces in --pairs; without it the pictures are faces already."] = True

    def __post_init__(self) -> None:
        """Refuse what does not go together. Raises FacekitError."""
        super().__post_init__()
        if self.table is not None and self.by is None:
            raise FacekitError("--table says something of the pictures, and nothing asks for it; give --by COLUMN")
        if self.folds is not None and self.part is not None:
            raise FacekitError("--folds scores every picture once; leave --part out")
        if self.pairs is None and (self.threshold_from is not None or self.detector is not None):
            flag = "--threshold-from" if self.threshold_from is not None else "--detector"
            raise FacekitError(f"{flag} is for pairs of photos; give --pairs")
        if self.pairs is not None and (self.part is not None or self.folds is not None):
            raise FacekitError(f"--pairs scores a list; leave {'--part' if self.part is not None else '--folds'} out")


@dataclass(frozen=True, kw_only=True)
class Compare(Stage):
    """Train several networks on one split, and show in one table what each is worth."""

    networks: Annotated[
        str | None,
        "Networks and embedders, by commas; else dlib, where its extra is installed, cnn5 and inception_v3.",
        Aside(),
    ] = None
    contenders: Annotated[
        Path | None, "TOML file of contenders in place of --networks, each with options of `train`.", Aside()
    ] = None
    test: Annotated[
        Path | None, "Another folder-per-person tree to score all on too, such as an official test set.", Aside()
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


@dataclass(frozen=True, kw_only=True)
class Predict(Options):
    """Name the faces in photos: one JSON line a face."""

    run: Annotated[Path, "Folder of a trained model.", Aside(), Positional()]
    pictures: Annotated[list[Path], "Photos, or folders of photos.", Positional()]
    min_confidence: Annotated[float, "Below this a face is `unknown`.", Limits(0, 1)] = 0.5
    detect: Annotated[bool, "Look for faces; without it the pictures are faces already."] = True
    grid: Annotated[Path | None, "PNG to draw: each face with its predicted name, right or wrong.", Aside()] = None


@dataclass(frozen=True, kw_only=True)
class Audit(Options):
    """Find what a tree, facekit's or not, shows in two of its parts, or what two trees both show."""

    folder: Annotated[
        Path,
        "Tree of pictures, with a split, `train/` and `test/`, or labels alone; or a trained run; `-` reads stdin.",
        Aside(),
        Positional(),
    ]
    other: Annotated[Path | None, "Second tree: pairs across the two are looked for.", Aside(), Positional()] = None
    output: Annotated[
        Path | None, "Folder for the report, every pair and what to leave out; else none.", Short("-o"), Aside()
    ] = None
    without: Annotated[
        Path | None, "Folder for a copy of the tree without what it trains on and shows elsewhere too.", Aside()
    ] = None
    strict: Annotated[bool, "Leave with exit code 2 where anything is found.", Aside()] = False

    def __post_init__(self) -> None:
        """Refuse a report among the pictures of a copy. Raises FacekitError."""
        super().__post_init__()
        if self.output is not None and self.output == self.without:
            raise FacekitError(f"--output and --without are both {self.output}; give each a folder of its own")


@dataclass(frozen=True, kw_only=True)
class Inspect(Options):
    """Look into a trained network: its first filters, its maps of pictures, and what an answer rests on."""

    run: Annotated[Path, "Folder of a trained model; `-` reads it from stdin.", Aside(), Positional()]
    pictures: Annotated[
        list[Path], "Pictures of faces as `crop` cuts them; else some that the run has not learned from.", Positional()
    ] = field(default_factory=list)
    output: Annotated[Path | None, "Folder to write; else `inspection` in the run.", Short("-o"), Aside()] = None
    layer: Annotated[
        list[str], "Layers whose maps to show, again or by commas; else the last ones of a size, block by block."
    ] = field(default_factory=list)
    list_layers: Annotated[bool, "Print the network's layers and their shapes, and look at no picture."] = False
    label: Annotated[str | None, "Name whose answer is explained; else the first answer to each picture."] = None
    method: Annotated[
        Method,
        "`gradcam` and `hirescam`, place by place, follow gradients; `occlusion` hides places, for any model.",
    ] = "gradcam"
    cam_layer: Annotated[str | None, "Layer whose map gradients are followed to; else the last of 4x4 or more."] = None
    count: Annotated[int, "Pictures of the run's own to show.", Limits(1, 24)] = 6

    def __post_init__(self) -> None:
        """Refuse what does not go together. Raises FacekitError."""
        super().__post_init__()
        if self.cam_layer is not None and self.method == "occlusion":
            raise FacekitError("--method occlusion follows no gradient to a layer; leave --cam-layer out")


@dataclass(frozen=True, kw_only=True)
class Models(Options):
    """List networks, embedders and detectors with their weights, licences and published accuracy."""
