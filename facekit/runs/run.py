"""A trained model is a folder: what it is, its weights, the split it was trained on, its history.

Nothing is unpickled: `model.json` names the network, facekit's own code builds it, and the weights are plain
arrays.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from facekit.base import plugins
from facekit.base.contract import FacekitError, Record
from facekit.base.files import read_json, write_json
from facekit.base.opening import no_folder
from facekit.base.text import counted, visible
from facekit.dataset.records import own_file, read_split
from facekit.networks import Built, build, weight_shapes
from facekit.options.common import SplitBy
from facekit.options.crop import FaceCrop
from facekit.options.targets import IDENTITY
from facekit.options.train import Color
from facekit.runs.history import Epoch, read_history
from facekit.runs.info import ModelInfo
from facekit.runs.target import Target
from facekit.runs.weights import Shapes, check_shapes, load_weights, read_shapes

if TYPE_CHECKING:  # a linear head needs no Keras
    from facekit.networks.backend import Model

MODEL = "model.json"
WEIGHTS = "model.weights.h5"
HEAD = "head.npz"
PROJECTION = "projection.npz"
GALLERY = "gallery.npz"
SPLIT = "split.jsonl"
HISTORY = "history.csv"
PLOT = "history.png"
CHECKPOINT = "checkpoint"
PACK = "pack.u8"
LOGS = "tensorboard"
EVALUATION = "evaluation"
INSPECTED = "inspection"
FOLD = "fold"

_MOST = 256 << 20
"""Bytes of a `model.json`: it names every label twice."""

_AGAIN = "train again with --overwrite"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Run:
    """A run folder and its `model.json`."""

    folder: Path
    info: ModelInfo
    of_all: ModelInfo | None = field(default=None, kw_only=True)
    """What a run of several targets says of all of them, where this is one of them: see `only`."""

    @property
    def complete(self) -> bool:
        """Whether the training came to its end."""
        return self.info.complete

    @property
    def labels(self) -> list[str]:
        """The labels of the first target, in the order of the model's outputs: of people, or of what else it names."""
        return list(self.info.labels)

    @property
    def targets(self) -> tuple[Target, ...]:
        """What the model answers, in the order of its outputs: identity alone, or several targets."""
        return self.info.answers

    @property
    def sizes(self) -> list[int]:
        """How many outputs each target has; of an embedder how many numbers an embedding has."""
        embeds = self.info.embeds
        return [len(one.labels) for one in self.targets] if embeds is None else [embeds.dimensions]

    @property
    def more(self) -> tuple[Target, ...]:
        """The targets beside the first."""
        return self.targets[1:]

    @property
    def network(self) -> str:
        """The network's name."""
        return self.info.network

    @property
    def embeds(self) -> bool:
        """Whether the run is an embedder, which tells people apart and names nobody."""
        return self.info.embeds is not None

    @property
    def backbone(self) -> str | None:
        """The embedder that the run is a head or a projection on, by name or folder; None for a network of its own."""
        return None if self.info.backbone is None else self.info.backbone.name

    @property
    def color(self) -> Color:
        """What the network sees, `rgb` or `gray`."""
        return self.info.color

    @property
    def size(self) -> int:
        """The side of the model's input, in pixels."""
        return self.info.size

    @property
    def protocol(self) -> SplitBy:
        """How the split was drawn."""
        return self.info.protocol

    @property
    def root(self) -> Path:
        """The folder of pictures that the run was trained on, as it was called then."""
        return Path(self.info.dataset.root)

    @property
    def detects(self) -> bool:
        """Whether the pictures that the model learned from were cropped to faces that a detector found."""
        return self.info.crop is not None and self.info.crop.detect

    @property
    def face_crop(self) -> FaceCrop:
        """How a face is found in a photo and cropped for the model: as its own were, else by the defaults of `crop`."""
        return FaceCrop() if self.info.crop is None else replace(self.info.crop, detect=True)

    @cached_property
    def split(self) -> list[Record]:
        """Every picture of the data set as it was, with its part.

        Raises FacekitError, which names line and field, for a line that facekit would not write.
        """
        return read_split(self.folder / SPLIT)

    @property
    def history(self) -> list[Epoch]:
        """The epochs; none for a linear head. Raises FacekitError for a broken `history.csv`."""
        return read_history(self.folder / HISTORY)

    def only(self, name: str | None) -> Run:
        """Return the run as if it answered one of its targets alone, the first if None.

        Raises FacekitError for one that it does not answer.
        """
        names = [target.name for target in self.targets]
        if name is not None and name not in names:
            raise FacekitError(f"{self.folder} does not answer {name!r}; choose from {', '.join(names)}")
        if not self.more:
            return self
        one = self.targets[0 if name is None else names.index(name)]
        is_first = one == self.targets[0]
        info = replace(
            self.info,
            labels=one.labels,
            targets=(one,),
            temperature=one.temperature,
            names=self.info.names if is_first else {},
            open_set=self.info.open_set if is_first else None,
        )
        return Run(self.folder, info, of_all=self.info)

    @property
    def whole(self) -> Run:
        """The run with all its targets."""
        return self if self.of_all is None else Run(self.folder, self.of_all)

    @property
    def place(self) -> int | None:
        """Of one of several targets, its place among them; None of all."""
        return None if self.of_all is None else [one.name for one in self.of_all.answers].index(self.targets[0].name)

    def part(self, part: str) -> list[Record]:
        """Return the pictures of one part of the split, or of `all`."""
        return [record for record in self.split if part in ("all", record.split)]

    def name(self, label: str) -> str:
        """Return the name that a label stands for, as it was asked for."""
        return self.info.names.get(label, label)

    def build(self) -> Model:
        """Return the network, with random weights. Raises FacekitError for a network that is not registered."""
        return self._built()

    @property
    def _built(self) -> Built:
        return partial(self._build, self.network, self.size, self.sizes, self.color)

    def _build(self, name: str, size: int, outputs: Sequence[int], color: Color) -> Model:
        if not self.embeds:
            return build(name, size, outputs, color)
        from facekit.networks.embedder import build_embedder  # which needs Keras at once

        return build_embedder(name, size, outputs[0], color)

    def weights(self) -> Path:
        """Return the file of the network's weights. Raises FacekitError for a linear head, a link, and none."""
        if self.backbone:
            what = "projection of" if self.embeds else "linear head on"
            raise FacekitError(f"{self.folder} is a {what} {self.backbone}; give that, or another run")
        return held(self.folder / WEIGHTS)

    def model(self) -> Model:
        """Return the trained Keras model: pictures become probabilities of the labels, or of an embedder embeddings.

        Raises FacekitError when its weights are gone, do not fit `model.json` or are not finite, and for a linear
        head, which has none. They are looked at before a network of that size is built.
        """
        if self.place is not None:
            return _alone(self.whole.model(), self.place)
        plugins.load("network", self.network)  # a network that is not registered is the first thing to know
        file = self.weights()
        try:
            shapes = read_shapes(file)
            for count in self.sizes:
                _check_outputs(shapes, count)
            needed = weight_shapes(self.network, self._built)
            if needed is not None:  # else the network is no larger than published, and its head as the labels say
                check_shapes(shapes, needed)
            model = self.build()
            load_weights(model, file, shapes)
        except (ValueError, OSError) as error:
            reason = str(error).partition("\n")[0]
            raise FacekitError(f"{file} does not match its {MODEL} ({reason}); {_AGAIN}") from error
        return model

    def save(self, info: ModelInfo) -> Run:
        """Write `model.json` whole or not at all; return the run that it describes."""
        write_json(self.folder / MODEL, info.to_json())
        return Run(self.folder, info)


def load(folder: Path) -> Run:
    """Read a trained run.

    Raises FacekitError: no such folder, not a run, not yet complete, or one that has learned from somebody who was
    removed since.
    """
    if not folder.is_dir():
        raise FacekitError(f"{no_folder(folder)}; give the folder that `train -o` wrote")
    run = read(folder)
    if run is None:
        raise FacekitError(f"{folder} is not a trained model: it has no {MODEL}; give the folder that `train -o` wrote")
    if not run.complete:
        raise FacekitError(f"{folder} is not fully trained; run the same `train` command again first")
    _refuse_forgotten(run)
    return run


def refuse_targets(run: Run, command: str) -> None:
    """Refuse a run that answers more than identity, for a command that looks at identity alone. Raises FacekitError."""
    if run.info.targets and [one.name for one in run.targets] != [IDENTITY]:
        names = ", ".join(visible(one.name) for one in run.targets)
        raise FacekitError(
            f"{run.folder} answers {names}, and `{command}` looks at identity alone; use `facekit evaluate` or "
            "`facekit predict`, or train a run without --targets"
        )


def _refuse_forgotten(run: Run) -> None:
    """Refuse a network that has learned from pictures which were removed, unless it was kept. Raises FacekitError."""
    gone = run.info.forgotten
    if gone is None:
        return
    those = counted(gone.pictures, "picture that was", "pictures that were")
    learned = f"{run.folder} has learned from {those} removed on {gone.at[:10]}"
    if not gone.kept:
        raise FacekitError(f"{learned}, and is not used; train it again with the same `train` command and --overwrite")
    log.warning("%s; it was kept with --keep-models", learned)


def read(folder: Path) -> Run | None:
    """Read a run folder, complete or not; None without a `model.json`. Raises FacekitError for a broken one."""
    try:
        return Run(folder, read_json(own_file(folder / MODEL), ModelInfo, _MOST, "choose another folder"))
    except (FileNotFoundError, NotADirectoryError):
        return None


def held(file: Path) -> Path:
    """Return the path of a file that a run consists of. Raises FacekitError for none, a link out and a FIFO."""
    if not own_file(file).is_file():
        what = "is not a regular file" if file.exists() else "is gone"
        raise FacekitError(f"{file} {what}; {_AGAIN}")
    return file


def refuse_link(path: Path) -> None:
    """Refuse a link in a run folder, in place of what is written into: it may lead anywhere. Raises FacekitError."""
    if path.is_symlink():
        raise FacekitError(f"{path} is a link; delete it, and run the same command again")


def _alone(model: Model, place: int) -> Model:
    from facekit.networks.heads import alone

    return alone(model, place)


def _check_outputs(shapes: Shapes, outputs: int) -> None:
    """Refuse weights of a network with another number of outputs than its `model.json` says. Raises ValueError."""
    if not any(shape[-1:] == (outputs,) for shape in shapes.values()):
        raise ValueError(f"no layer has {outputs} outputs")
