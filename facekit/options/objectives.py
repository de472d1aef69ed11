"""The objectives of `train`, and which of its options go with which."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Protocol

from facekit.base.errors import FacekitError
from facekit.base.text import counted

Objective = Literal["softmax", "arcface", "cosface", "triplet", "contrastive"]

BY_CENTRES: tuple[Objective, ...] = ("arcface", "cosface")
"""Those that learn a centre for each person, which a margin keeps the faces of others from."""

BY_BATCHES: tuple[Objective, ...] = ("triplet", "contrastive")
"""Those that compare the faces of a batch, in which each person must have several."""

MARGINS = {"arcface": 0.5, "cosface": 0.35, "triplet": 0.2, "contrastive": 1.0}
SCALE, PEOPLE, PICTURES = 64.0, 16, 4

MOST_AT_ONCE = 512
"""Faces of a batch that are compared with each other: a triplet of each takes 4 bytes, so 540 MB in all."""

_OF = {
    "margin": (*BY_CENTRES, *BY_BATCHES),
    "scale": BY_CENTRES,
    "margin_warmup": BY_CENTRES,
    "people_per_batch": BY_BATCHES,
    "pictures_per_person": BY_BATCHES,
}
"""Option -> the objectives that it is for."""


class Chosen(Protocol):
    """What decides here, of the options of `train`."""

    @property
    def objective(self) -> Objective: ...  # noqa: D102
    @property
    def backbone(self) -> str | None: ...  # noqa: D102
    @property
    def targets(self) -> str | None: ...  # noqa: D102
    @property
    def labels(self) -> str | None: ...  # noqa: D102
    @property
    def split_by(self) -> str: ...  # noqa: D102
    @property
    def people_from(self) -> Path | None: ...  # noqa: D102
    @property
    def label_smoothing(self) -> float: ...  # noqa: D102
    @property
    def light_augment(self) -> bool: ...  # noqa: D102
    @property
    def people_per_batch(self) -> int | None: ...  # noqa: D102
    @property
    def pictures_per_person(self) -> int | None: ...  # noqa: D102


def embeds(options: Chosen) -> bool:
    """Whether what is trained is an embedding, which tells people apart whom it never saw, and names nobody."""
    return options.objective != "softmax"


def refuse_embedding(options: Chosen) -> None:
    """Refuse an embedding where trainings are compared by how they name people. Raises FacekitError."""
    if embeds(options):
        raise FacekitError(
            f"objective is {options.objective}, which trains an embedder, and these trainings are scored by the names "
            "they give; train it with `facekit train`, and give its folder as a backbone"
        )


def check(options: Chosen) -> None:
    """Refuse options that the objective has no use for, or that no batch can follow. Raises FacekitError."""
    for name, of in _OF.items():
        if getattr(options, name) is not None and options.objective not in of:
            flag = "--" + name.replace("_", "-")
            raise FacekitError(
                f"{flag} is for --objective {' or '.join(of)}, and --objective is {options.objective}; remove {flag}"
            )
    if not embeds(options):
        return
    for flag, given, why in (
        ("--label-smoothing", options.label_smoothing > 0, "has no probabilities to smooth"),
        ("--split-by", options.split_by == "image", "is scored on people it never saw, so its tree is split by person"),
        ("--people-from", options.people_from is not None, "takes each folder for one person"),
        ("--targets", options.targets is not None, "tells people apart and nothing else"),
        ("--labels", options.labels == "classes", "is of people"),
        (
            "--light-augment",
            options.light_augment and options.backbone is not None,
            "of a frozen network sees no pixels",
        ),
    ):
        if given:
            raise FacekitError(f"an embedding by --objective {options.objective} {why}; remove {flag}")
    at_once = (options.people_per_batch or PEOPLE) * (options.pictures_per_person or PICTURES)
    if at_once > MOST_AT_ONCE:
        raise FacekitError(
            f"--people-per-batch times --pictures-per-person is {at_once}, and a batch takes "
            f"{counted(MOST_AT_ONCE, 'picture')} at most; give smaller ones"
        )
