"""What `model.json` says of a trained model. Files of version 0.1.0 are read too: what they lack has a default."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Literal

from facekit import __version__
from facekit.dataset.records import is_name, shown
from facekit.options.base import Setting, describe, recorded
from facekit.options.common import STRANGER, Kind, SplitBy, is_stranger
from facekit.options.crop import CarriedCrop
from facekit.options.objectives import Objective
from facekit.options.targets import IDENTITY, MOST
from facekit.options.train import Color, Train
from facekit.runs.history import Epoch, check_measures
from facekit.runs.target import Target
from facekit.scores.weights import WeightsCard

_LONGEST_PATH, _LONGEST_NAME = 4096, 255
"""Bytes of a path, and of each name in it, on Linux and macOS."""

_LARGEST = 1e6
"""Of a threshold, a temperature and what follows from them."""

_MOST_COUNTED = 10**12
"""Pictures, epochs, seconds, parameters."""

_MOST_FACES = 10_000_000
"""Faces of a gallery."""

_MOST_DIMENSIONS = 1 << 16
"""Numbers of an embedding; the longest in use have 2,048."""


def _check_count(field: str, count: float) -> None:
    if not 0 <= count <= _MOST_COUNTED:
        raise ValueError(f"{field} is {count:g}")


def _check_path(field: str, path: str) -> None:
    data = os.fsencode(path)
    if "\0" in path or len(data) > _LONGEST_PATH or any(len(name) > _LONGEST_NAME for name in data.split(b"/")):
        raise ValueError(f"{field} is not a valid path")


@dataclass(frozen=True, kw_only=True)
class Backbone:
    """The embedder that a linear head or a projection was trained on."""

    name: str
    """A registered embedder, or the absolute path of a trained run."""
    version: str = ""
    metric: Literal["", "euclidean", "cosine"] = ""
    dimensions: int = 0
    licence: str = ""

    def __post_init__(self) -> None:
        """Refuse a path that depends on the current folder, or that no disk can hold. Raises ValueError."""
        _check_path("backbone", self.name)
        if "/" in self.name and not self.name.startswith("/"):
            raise ValueError(f"backbone is {shown(self.name)}, neither an embedder nor an absolute path")
        if not 0 <= self.dimensions <= _MOST_DIMENSIONS:
            raise ValueError(f"backbone has {self.dimensions} dimensions")


@dataclass(frozen=True, kw_only=True)
class TrainedOn:
    """The data set that a model was trained on."""

    root: str
    digest: str = ""

    def __post_init__(self) -> None:
        """Refuse a path that depends on the current folder, or that no disk can hold. Raises ValueError."""
        _check_path("dataset.root", self.root)
        if not self.root.startswith("/"):
            raise ValueError(f"dataset.root is {shown(self.root)}, not an absolute path")


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Pictures in each part of the split."""

    train: int = 0
    test: int = 0
    validation: int = 0

    def __post_init__(self) -> None:
        """Refuse what nobody has counted. Raises ValueError."""
        for part in fields(self):
            _check_count(part.name, getattr(self, part.name))

    @property
    def total(self) -> int:
        """Pictures in all parts."""
        return self.train + self.test + self.validation


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Accuracy and loss of the epoch that was kept; None where they were not measured."""

    epoch: float = 0
    """Counted from 1. Version 0.1.0 wrote a float for linear heads."""
    accuracy: float | None = None
    loss: float | None = None
    val_accuracy: float | None = None
    val_loss: float | None = None

    def __post_init__(self) -> None:
        """Refuse what no training measures. Raises ValueError."""
        _check_count("scores.epoch", self.epoch)
        check_measures(self)

    @classmethod
    def of(cls, epoch: Epoch) -> Scores:
        """Return the scores of an epoch."""
        return cls(**{f.name: getattr(epoch, f.name) for f in fields(cls)})


@dataclass(frozen=True, kw_only=True)
class OpenSet:
    """How a model of people tells strangers: by how near a face is to the known faces of the person it names."""

    embedder: Backbone
    """What similarities are of. It also decides beside a network of the run's own."""
    faces: int
    """Rows of `gallery.npz`."""
    people: int
    """People who were left out in turn."""
    left_out: int
    """Faces of them."""
    rate: float
    """The false positive identification rate that `threshold` stands for."""
    threshold: float
    """Similarity below which a face is of a stranger."""
    rates: tuple[float, ...] = ()
    """Other such rates, ascending."""
    thresholds: tuple[float, ...] = ()
    """The threshold of each of `rates`."""
    slope: float = 0.0
    offset: float = 0.0
    """`1 / (1 + exp(-(slope * similarity + offset)))` is the probability that a face is of a known person, where
    strangers are as many as known people."""
    centre: float = 0.5
    """What the distance to the centre of a person's faces counts, beside that to the nearest."""

    def __post_init__(self) -> None:
        """Refuse what no training writes, before anything of that size is allocated. Raises ValueError."""
        if not (self.embedder.metric and self.embedder.dimensions):
            raise ValueError("open_set.embedder lacks its metric or its dimensions")
        if not 0 <= self.centre <= 1:
            raise ValueError("open_set.centre is not between 0 and 1")
        numbers = (self.threshold, self.slope, self.offset, *self.thresholds)
        if not all(abs(number) <= _LARGEST for number in numbers):
            raise ValueError("open_set has a number that training cannot produce")
        if not (0 <= self.faces <= _MOST_FACES and self.people >= 0 and self.left_out >= 0):
            raise ValueError(f"open_set has {self.faces} faces, and a gallery has at most {_MOST_FACES}")
        if not (0 < self.rate < 1 and all(0 < rate < 1 for rate in self.rates)):
            raise ValueError("a rate of open_set is not between 0 and 1")
        if len(self.rates) != len(self.thresholds) or list(self.rates) != sorted(set(self.rates)):
            raise ValueError("the rates of open_set are not ascending, each with its threshold")


@dataclass(frozen=True, kw_only=True)
class Embeds:
    """What a run is that was trained for an embedding: an embedder, whose vectors are compared by their cosine."""

    objective: Objective
    dimensions: int
    threshold: float = 0.0
    """Greatest distance, one minus the cosine, at which two faces count as one person; 0 until the training ends."""
    beside: Backbone | None = None
    """The embedder that it began with, and that its scores stand beside; None for a network from scratch."""
    beside_auc: float | None = None
    """How well that one ranks the pairs that chose the best epoch; None where that was not measured."""

    def __post_init__(self) -> None:
        """Refuse what no training writes, before anything of that size is allocated. Raises ValueError."""
        if not 0 < self.dimensions <= _MOST_DIMENSIONS:
            raise ValueError(f"embeds has {self.dimensions} dimensions")
        if not 0 <= self.threshold <= 2:
            raise ValueError(f"embeds.threshold is {self.threshold:g}, and one minus a cosine is between 0 and 2")
        if self.beside_auc is not None and not 0 <= self.beside_auc <= 1:
            raise ValueError(f"embeds.beside_auc is {self.beside_auc:g}")


@dataclass(frozen=True, kw_only=True)
class Forgotten:
    """That a network has learned from pictures which were removed since, with `facekit forget` or `facekit expire`."""

    pictures: int
    """How many, of those that it was trained on."""
    names: int = 0
    """People of whom it has no picture any more; they are none of its labels now."""
    at: str = ""
    """When they were removed last: ISO 8601, UTC."""
    kept: bool = False
    """Whether it was kept for use all the same, by `--keep-models`."""

    def __post_init__(self) -> None:
        """Refuse what nobody has counted. Raises ValueError."""
        _check_count("forgotten.pictures", self.pictures)
        _check_count("forgotten.names", self.names)


@dataclass(frozen=True, kw_only=True)
class ModelInfo:
    """The content of `model.json`. What only a complete training knows has a default until then."""

    facekit: str = __version__
    """The version that wrote the file."""
    complete: bool = False
    """Whether the training came to its end."""
    network: str
    backbone: Backbone | None = None
    """None for a network of its own."""
    embeds: Embeds | None = None
    """None for a model that names what it was trained on."""
    color: Color = "rgb"
    size: int
    """Side of the network's input, in pixels."""
    labels: tuple[str, ...]
    """In the order of the model's outputs."""
    targets: tuple[Target, ...] = ()
    """What it answers, in the order of its outputs, where that is not identity alone. `labels` are the first one's."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Label -> the name as it was asked for."""
    crop: CarriedCrop | None = None
    """How the faces were cropped; None where facekit did not crop them."""
    kind: Kind | None = None
    """Whether labels are people or classes; None where the run was trained before facekit asked."""
    drawn: bool = False
    """Whether the faces were drawn by facekit."""
    knew: WeightsCard | None = None
    """What another run had learned that this one began with, or stands on; None where there was none."""
    cleaned_with: tuple[str, ...] = ()
    """The embedders that decided which faces were left to train on."""
    dataset: TrainedOn
    protocol: SplitBy
    """How the split was drawn."""
    split_given: bool = False
    """Whether it is that of the folders that were read, `train/` and `test/`: facekit did not draw it."""
    matchers: Mapping[str, str] = field(default_factory=dict)
    """What the groups were drawn by, as `dataset.json` says it; 0.1.0 did not."""
    split: Counts = Counts()
    options: Mapping[str, Setting]
    """The options of `train` that decide the result."""
    forgotten: Forgotten | None = None
    """What it has learned from and what was removed since; None where that is nothing."""
    in_no_part: tuple[str, ...] = ()
    """SHA-256 of the pictures of the data set that were left out of the split."""
    left: Mapping[str, int] = field(default_factory=dict)
    """Reason -> pictures that were left out: of training and validation, and of a split that they crossed."""
    used: Counts = Counts()
    """Pictures that were trained on and validated with."""
    preprocessing: str = ""
    parameters: int = 0
    """Trainable parameters."""
    epochs: int = 0
    scores: Scores = Scores()
    temperature: float = 1.0
    """What the logarithms of the probabilities are divided by to make these as sure as they are right."""
    open_set: OpenSet | None = None
    """None for classes, and where no embedder could decide."""
    stopped: str = ""
    """Why the training ended."""
    training_seconds: float = 0
    pictures_per_second: float = 0

    def __post_init__(self) -> None:
        """Refuse what no training writes, before anything of that size is allocated. Raises ValueError."""
        low, high = _SIZE.low or 0, _SIZE.high or 0
        if not low <= self.size <= high:
            raise ValueError(f"size is {self.size}, and a network's input has {low:g} to {high:g} pixels")
        if not 1 / _LARGEST <= self.temperature <= _LARGEST:
            raise ValueError(f"temperature is {self.temperature}")
        self._check_counts()
        self._check_labels()

    def _check_counts(self) -> None:
        for name in ("parameters", "epochs", "training_seconds", "pictures_per_second"):
            _check_count(name, getattr(self, name))
        for reason, count in self.left.items():
            _check_count(f"left.{shown(reason)}", count)

    def _check_labels(self) -> None:
        if len(set(self.labels)) < max(2, len(self.labels)):
            raise ValueError("labels are not two or more different names")
        if self.targets and self.targets[0].labels != self.labels:
            raise ValueError("labels are not those of the first target")
        if len({one.name for one in self.targets}) < len(self.targets) or len(self.targets) > MOST:
            raise ValueError(f"targets are not at most {MOST} different ones")
        names_people = not self.targets or self.targets[0].name == IDENTITY
        if self.open_set is not None and not names_people:
            raise ValueError("open_set is of people, and the first target is not identity")
        for label in self.labels if names_people else ():
            if not is_name(label):
                raise ValueError(f"labels has {shown(label)}, which no folder of a person is called")
        if self.open_set is not None and any(map(is_stranger, self.labels)):
            raise ValueError(f"labels has {STRANGER!r}, which is what a model answers of strangers")

    @property
    def answers(self) -> tuple[Target, ...]:
        """What the model answers, in the order of its outputs: one target or several."""
        return self.targets or (Target(name=IDENTITY, labels=self.labels, temperature=self.temperature),)

    def with_labels(self, labels: Iterable[str]) -> ModelInfo:
        """Return the same with other labels of the first target."""
        kept = tuple(labels)
        targets = (replace(self.targets[0], labels=kept), *self.targets[1:]) if self.targets else ()
        return replace(self, labels=kept, targets=targets)

    @property
    def best_epoch(self) -> int:
        """The epoch that was kept, counted from 1; 0 before the first."""
        return int(self.scores.epoch)

    def to_json(self) -> Mapping[str, object]:
        """Return the fields as `model.json` holds them."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {**values, "crop": recorded(self.crop) if self.crop else None}


_SIZE = next(option.limits for option in describe(Train) if option.name == "size")
