"""Options of `facekit train`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from facekit.base.errors import FacekitError
from facekit.base.reporting import Report
from facekit.options.base import Aside, Limits, PathOrName, Section
from facekit.options.common import (
    SPLIT,
    UNKNOWN,
    Cluster,
    FalsePositives,
    Kind,
    Labels,
    PeopleTable,
    SplitBy,
    SplitShares,
    Stage,
    kind_of,
    refuse_people,
)
from facekit.options.following import PHOTOS, command
from facekit.options.hosts import HostNumber, Hosts, check_hosts
from facekit.options.objectives import Objective, check, embeds
from facekit.options.targets import IDENTITY, Targets, TargetsTable, TargetWeights, check_targets, target_names

MODEL, TRAINING = Section("Model"), Section("Training")
EMBEDDING = Section("Embeddings of one's own")

Monitor = Literal["val_accuracy", "accuracy"]
Color = Literal["rgb", "gray"]
Schedule = Literal["constant", "cosine", "plateau"]
Precision = Literal["auto", "float32", "mixed_bfloat16"]
ClassWeights = Literal["auto", "none"]


@dataclass(frozen=True, kw_only=True)
class Train(Stage):
    """Train a network, or a linear head on a frozen network, on a folder with one folder of pictures per name."""

    group = "train"
    counts = False

    backbone: Annotated[
        str | None,
        "Train a linear head on the embeddings of `dlib`, `sface` or a trained run's folder, instead of a network.",
        PathOrName(),
        MODEL,
    ] = None
    network: Annotated[str, "Name of the network (see `facekit models`).", MODEL] = "inception_v3"
    color: Annotated[Color, "Whether the input is `rgb` or `gray`.", MODEL] = "rgb"
    weights: Annotated[
        str,
        "Initial weights, except the head's: `none`, `imagenet`, a .weights.h5 file or a run's folder.",
        PathOrName(),
        MODEL,
    ] = "none"
    size: Annotated[int, "Input size of the network, in pixels.", Limits(32, 512), MODEL] = 96
    epochs: Annotated[int, "Maximum number of epochs.", Limits(1, 100_000), TRAINING] = 52
    warmup_epochs: Annotated[
        int,
        "Number of first epochs that train only the head; they count towards --epochs.",
        Limits(0, 100_000),
        TRAINING,
    ] = 0
    unfreeze: Annotated[
        int, "Train only this many last blocks of the network; 0 trains all.", Limits(0, 1000), MODEL
    ] = 0
    batch: Annotated[int, "Batch size.", Limits(1, 8192), TRAINING] = 64
    learning_rate: Annotated[float, "Adam's learning rate.", Limits(1e-8, 1), TRAINING] = 1e-3
    finetune_rate: Annotated[float, "Adam's learning rate after the warm-up.", Limits(1e-8, 1), TRAINING] = 1e-4
    schedule: Annotated[
        Schedule, "Learning rate schedule: `constant`, `cosine`, or halved at a `plateau`.", TRAINING
    ] = "constant"
    stop_at: Annotated[
        float, "Stop when the monitored accuracy reaches this; not for an embedding.", Limits(0.01, 1.01), TRAINING
    ] = 0.97
    patience: Annotated[
        int, "Stop after this many epochs without improvement; 0 turns this off.", Limits(0, 100_000), TRAINING
    ] = 0
    monitor: Annotated[
        Monitor,
        "Accuracy that decides when to stop and which epoch is best; of an embedding the share of comparisons in which "
        "a pair of one person is nearer than one of two (AUC).",
        TRAINING,
    ] = "val_accuracy"
    light_augment: Annotated[
        bool,
        "Randomly flip, rotate, shift, zoom and brighten training pictures a little, differently in each epoch.",
        TRAINING,
    ] = False
    augment_strength: Annotated[
        float, "How far --light-augment changes a picture, as a multiple of its usual range.", Limits(0.1, 3), TRAINING
    ] = 1.0
    dropout: Annotated[
        float | None,
        "Share of values that the network's dropout layers leave out in training; by default the network's own.",
        Limits(0, 0.9),
        TRAINING,
    ] = None
    weight_decay: Annotated[
        float,
        "Decoupled weight decay of Adam (AdamW), as a multiple of the learning rate; 0 turns this off.",
        Limits(0, 10),
        TRAINING,
    ] = 0.0
    label_smoothing: Annotated[
        float, "Share of the target that is spread over all names.", Limits(0, 0.5), TRAINING
    ] = 0.0
    class_weights: Annotated[
        ClassWeights,
        "`auto` gives more weight to names with fewer pictures; `none` weights all pictures equally.",
        TRAINING,
    ] = "auto"
    precision: Annotated[
        Precision,
        "Precision of computation; `auto` is mixed_bfloat16 on an accelerator and float32 on a CPU.",
        TRAINING,
    ] = "auto"
    deterministic: Annotated[bool, "Make a run reproducible to the last digit; slower.", TRAINING] = False
    targets: Targets = None
    targets_from: TargetsTable = None
    target_weights: TargetWeights = None
    labels: Labels = None
    fpir: Annotated[
        float,
        "Share of strangers' faces that may be given a name (false positive identification rate): sets the similarity "
        "below which a model of people answers `unknown`.",
        FalsePositives,
        UNKNOWN,
    ] = 0.01
    split: SplitShares = "70/20/10"
    split_by: Annotated[SplitBy, "How to split a tree that has no split (see `balance`).", SPLIT] = "group"
    people_from: PeopleTable = None
    objective: Annotated[
        Objective,
        "What is learned: with `softmax` to name the people of the tree; with the others an embedding, which tells "
        "apart people it never saw: an embedder like `dlib`, or with --backbone a projection of one.",
        EMBEDDING,
    ] = "softmax"
    margin: Annotated[
        float | None,
        "How far apart people are to be: an angle in radians (`arcface`, 0.5), a cosine (`cosface`, 0.35), a squared "
        "distance (`triplet`, 0.2) or a distance (`contrastive`, 1).",
        Limits(0, 3),
        EMBEDDING,
    ] = None
    margin_warmup: Annotated[
        int | None,
        "Number of first epochs in which the margin of `arcface` and `cosface` grows from 0; by default a tenth of "
        "--epochs.",
        Limits(0, 100_000),
        EMBEDDING,
    ] = None
    scale: Annotated[
        float | None,
        "What cosines are multiplied by in `arcface` and `cosface`; by default 64.",
        Limits(1, 1000),
        EMBEDDING,
    ] = None
    people_per_batch: Annotated[
        int | None,
        "People in each batch of `triplet` and `contrastive`; by default 16, or all where there are fewer.",
        Limits(2, 256),
        EMBEDDING,
    ] = None
    pictures_per_person: Annotated[
        int | None,
        "Pictures of each person in a batch of `triplet` and `contrastive`; by default 4.",
        Limits(2, 256),
        EMBEDDING,
    ] = None
    hosts: Hosts = None
    host_number: HostNumber = None
    resume: Annotated[
        bool,
        "For old scripts: an interrupted training always continues when the command is run again.",
        Aside(),
        TRAINING,
    ] = False
    tensorboard: Annotated[bool, "Write logs for TensorBoard.", Aside(), TRAINING] = False
    cluster: Cluster = None

    def __post_init__(self) -> None:
        """Refuse also what no epoch could do. Raises FacekitError."""
        super().__post_init__()
        refuse_people(self.people_from, self.split_by)
        kind_of(self.labels, self.split_by)
        check(self)
        check_hosts(self.hosts, self.host_number, only_network=self.backbone is None and not embeds(self))
        check_targets(self.targets, self.targets_from, self.target_weights, self.backbone)
        if self.warmup_epochs >= self.epochs:
            raise FacekitError(f"--warmup-epochs is {self.warmup_epochs}; it must be less than --epochs {self.epochs}")
        frozen = "warmup_epochs" if self.warmup_epochs else "unfreeze" if self.unfreeze else None
        if frozen and self.weights == "none":
            flag = "--" + frozen.replace("_", "-")
            raise FacekitError(f"{flag} keeps layers as they are, so they need trained weights; give --weights")

    @property
    def learns(self) -> tuple[str, ...]:
        """What is learned of each picture: identity alone, or the names of `targets`, identity first."""
        return target_names(self.targets)

    def kind(self, protocol: str) -> Kind:
        """Return what the labels of the first target are. Raises FacekitError as `kind_of`."""
        return kind_of(self.labels, protocol) if IDENTITY in self.learns else "classes"

    def next_command(self, report: Report) -> str | None:
        """Return the command that scores the model on what it was not trained on, where there is a part for that."""
        if embeds(self) and not report.details.get("test_people"):
            return command("enroll", PHOTOS, "-o", "gallery", "--embedder", self.output)
        if report.details.get("test_photos") != 0:
            return command("evaluate", self.output)
        held_out = ["--part", "validation"] if report.details.get("val_photos") else ["--data", PHOTOS]
        return command("evaluate", self.output, *held_out)
