"""What an exported file says of the model inside: labels, preprocessing, thresholds and a short card.

A program that does not use facekit finds in it everything that it takes to answer; facekit checks it like any other
file of a stranger.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Literal

from facekit import __version__
from facekit.options.base import recorded
from facekit.options.common import Kind, SplitBy
from facekit.options.crop import CarriedCrop
from facekit.options.export import Format
from facekit.options.train import Color
from facekit.runs.info import Backbone, Counts, ModelInfo, OpenSet, TrainedOn
from facekit.runs.target import Target
from facekit.scores.weights import WeightsCard

VERSION = 1
"""Of what a file says; another one is refused."""

FACES: Literal["faces"] = "faces"
VECTORS: Literal["vectors"] = "vectors"
PROBABILITIES = "probabilities"
"""The inputs and outputs of an exported model."""

OWN = "own"
"""What the embedder is called that an exported network itself is: its second output is the embedding."""

_MOST_SIDE = 4096


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """What becomes of a face before the model sees it. Scaling, and gray for a network that sees gray, are inside."""

    input: Literal["faces", "vectors"] = "faces"
    """`faces`: uint8 pixels, RGB from 0 to 255, shape (n, side, side, 3). `vectors`: float32, (n, dimensions)."""
    side: int = 0
    """Pixels; 0 where the input is not a picture."""
    color: Color = "rgb"
    """What the network sees. The input is RGB in any case."""
    aligned_by: str = ""
    """The embedder whose alignment the face needs; empty: the face is cut as `aligned_as`, else `crop` says."""
    aligned_as: CarriedCrop | None = None
    """How a face is cut for an exported head on a network, where this is not how its own pictures were."""

    def __post_init__(self) -> None:
        """Refuse what no export writes. Raises ValueError."""
        if not (0 < self.side <= _MOST_SIDE if self.input == FACES else self.side == 0):
            raise ValueError(f"preprocessing.side is {self.side}")


@dataclass(frozen=True, kw_only=True)
class Score:
    """A score of the model, with its 95% interval where that was computed."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    on: str = ""
    """What it was measured on."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """How the exported model was held against the one it was made from."""

    pictures: int
    of: str
    """Which pictures these were."""
    difference: float
    """Largest difference of a probability."""
    accuracy: float | None = None
    """Share of held-out pictures that the exported model names rightly; None where it was not measured."""
    accuracy_before: float | None = None
    """The same of the model that it was made from, on the same pictures."""


@dataclass(frozen=True, kw_only=True)
class Card:
    """Where the model comes from, and how good it is."""

    data: str = ""
    """Name of the folder that it was trained on."""
    digest: str = ""
    """Of that data set."""
    protocol: SplitBy = "group"
    """How the split was drawn."""
    split: Counts = Counts()
    """Pictures of the data set in each part."""
    licences: Mapping[str, int] = field(default_factory=dict)
    """Licence -> photos that it was trained on, `not known` among them; empty where its folder says nothing of it."""
    creators: tuple[str, ...] = ()
    """Who made these photos, as far as that is known."""
    drawn: bool = False
    """Whether the faces were drawn by facekit: such a model proves nothing about real ones."""
    parameters: int = 0
    scores: tuple[Score, ...] = ()
    weights: WeightsCard | None = None
    """The network weights that it began with, or stands on, and their licence."""
    trained_with: str = ""
    """Version of facekit."""
    check: Check | None = None


@dataclass(frozen=True, kw_only=True)
class ExportInfo:
    """What an exported file says."""

    version: int = VERSION
    facekit: str = __version__
    format: Format = "onnx"
    network: str
    labels: tuple[str, ...]
    """In the order of the probabilities."""
    targets: tuple[Target, ...] = ()
    """What the model answers, where that is not identity alone: the probabilities of each target stand one after
    another, those of `labels` first."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Label -> the name as it was asked for."""
    kind: Kind = "people"
    preprocessing: Preprocessing
    crop: CarriedCrop | None = None
    """How the face is found in a photo and cropped; None where facekit did not crop the model's own pictures."""
    detector: str = ""
    """The fingerprint of what finds faces: a change of it is a change of the model."""
    temperature: float = 1.0
    """Calibration: what the logarithms of the probabilities are divided by."""
    backbone: Backbone | None = None
    """The embedder of a linear head; None for a network of its own."""
    made_from: str = ""
    """SHA-256 of all that decides what is in the file, the run's weights among it."""
    embeds: bool = False
    """Whether the model has a second output, `vectors`: the embedding that the probabilities follow from."""
    open_set: OpenSet | None = None
    """When a face is of nobody that the model knows."""
    known_faces: int = 0
    """Known faces in the file, which `unknown` is decided by. They are biometric templates."""
    card: Card = Card()

    def __post_init__(self) -> None:
        """Refuse another version, and what no export writes. Raises ValueError."""
        if self.version != VERSION:
            raise ValueError(f"it has version {self.version}, and this facekit reads {VERSION}")
        if self.open_set is not None and self.known_faces not in (0, self.open_set.faces):
            raise ValueError(f"known_faces is {self.known_faces}, and open_set has {self.open_set.faces}")
        if self.preprocessing.input == VECTORS and self.backbone is None:
            raise ValueError("backbone is missing, and the input is an embedding")
        self.model()

    @property
    def outputs(self) -> int:
        """How many probabilities come out: one for each label of each target."""
        return sum(len(one.labels) for one in self.targets) or len(self.labels)

    def model(self) -> ModelInfo:
        """Return what `model.json` would say of the model, as far as it matters for answers. Raises ValueError."""
        own = self.backbone is not None and self.backbone.name == OWN
        return ModelInfo(
            complete=True,
            network=self.network,
            backbone=None if own else self.backbone,
            color=self.preprocessing.color,
            size=self.preprocessing.side or _SIDE,
            labels=self.labels,
            targets=self.targets,
            names=self.names,
            crop=self.crop,
            kind=self.kind,
            drawn=self.card.drawn,
            knew=self.card.weights,
            dataset=TrainedOn(root="/", digest=self.card.digest),
            protocol=self.card.protocol,
            options={},
            temperature=self.temperature,
            open_set=self.open_set if self.known_faces else None,
        )

    def to_json(self) -> Mapping[str, object]:
        """Return the fields as the file holds them."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        seen = self.preprocessing
        as_cut = {f.name: getattr(seen, f.name) for f in fields(seen)} | {"aligned_as": _crop(seen.aligned_as)}
        return {**values, "crop": _crop(self.crop), "preprocessing": as_cut}

    def checked(self, check: Check) -> ExportInfo:
        """Return the same with how it was held against the model that it was made from."""
        return replace(self, card=replace(self.card, check=check))


_SIDE = 16
"""Stands for the side of an input that is not a picture."""


def _crop(crop: CarriedCrop | None) -> Mapping[str, object] | None:
    return None if crop is None else recorded(crop)
