"""The values that travel between rooms, the shapes of plug-in parts, and the one error."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, Protocol, TypeAlias, TypeVar

import msgspec

from facekit.base import plain

if TYPE_CHECKING:  # the command line's help needs no NumPy, and shows in half the time without
    import numpy as np
    from numpy.typing import NDArray

T = TypeVar("T")

Image: TypeAlias = "NDArray[np.uint8]"
"""RGB pixels, shape (height, width, 3)."""

PARTS = ("train", "test", "validation")
"""The parts of a split, in the order in which options and reports give them."""

EXPRESSIONS = ("happy", "neutral", "sad", "surprise")
"""The values of the `expression` target that facekit draws and its examples train on."""


class FacekitError(Exception):
    """A fault of the input, the options or the machine; the message is one line that says the mend.

    `report` is what was found out all the same.
    """

    def __init__(self, message: str, report: Report | None = None) -> None:
        super().__init__(message)
        self.report = report


class BadImage(Exception):
    """A picture that cannot be used. `reason` is counted in reports; `value` is the number that decided."""

    def __init__(self, reason: str, value: float | str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.value = value


Pixels = Annotated[int, msgspec.Meta(ge=-(2**31), lt=2**31)]
"""A place or a length in a photo; OpenCV and NumPy take 32 bits."""


class Box(NamedTuple):
    """A rectangle in pixels of a photo: left, top, width, height."""

    x: Pixels
    y: Pixels
    w: Pixels
    h: Pixels


Points = tuple[tuple[float, float], ...]
"""Landmarks in pixels, (x, y) each, in the order that their maker gives."""


@dataclass(frozen=True, slots=True)
class Face:
    """A face found in a photo: where, and the detector's own score (higher is surer)."""

    box: Box
    score: float
    points: Points | None = None
    """Landmarks, where the detector finds them too."""


@dataclass(frozen=True, slots=True)
class Record:
    """One picture of a dataset: one line of its `manifest.jsonl`."""

    id: str
    sha256: str
    path: str
    label: str
    name: str
    origin: str
    group: str | None = None
    parent: str | None = None
    made_by: str | None = None
    synthetic: str | None = None
    split: str | None = None
    box: Box | None = None
    score: float | None = None
    quality: Mapping[str, float] | None = None
    targets: Mapping[str, str] | None = None
    moved_from: str | None = None
    """The label under which a stage wrote the picture, where a person has since moved it to another."""

    def to_json(self) -> str:
        """Return one line of JSON; absent values are left out."""
        return plain.dump_line(self)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a photo came from: one line of `sources.jsonl`."""

    origin: str
    url: str | None = None
    final_url: str | None = None
    page_url: str | None = None
    engine: str | None = None
    query: str | None = None
    rank: int | None = None
    fetched_at: str | None = None
    licence: str | None = None
    licence_url: str | None = None
    creator: str | None = None
    attribution: str | None = None

    def to_json(self) -> str:
        """Return one line of JSON; absent values are left out."""
        return plain.dump_line(self)


@dataclass(frozen=True, slots=True)
class Rejection:
    """A picture that a stage left out: one line of `rejected.jsonl`."""

    stage: str
    id: str
    label: str
    path: str
    reason: str
    value: int | float | str | None = None  # with `int`, a whole number is read and written as one
    """The number, or the other picture, that decided."""
    parent: str | None = None
    """The picture it was made from, where the left-out one had been made already (removed by hand)."""
    origin: str | None = None
    """The photo it comes from, and where in it: what a decision about it goes by."""
    box: Box | None = None
    like: str | None = None
    """The other name whose person it seems to show."""

    @classmethod
    def of(cls, stage: str, record: Record, reason: str, value: float | str | None = None) -> Rejection:
        """Leave out a picture, under the label that it was found under."""
        label = record.moved_from or record.label
        return cls(stage, record.id, label, record.path, reason, value, None, record.origin, record.box)

    def to_json(self) -> str:
        """Return one line of JSON; an absent value is left out."""
        return plain.dump_line(self)


Verdict = Literal["keep", "reject", "move"]


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decided about one picture: one line of `decisions.jsonl`."""

    origin: str
    box: Box | None = None
    label: str = ""
    """The label it was found under, wherever it has been moved since; never empty."""
    decision: Verdict | None = None
    """None takes back what was decided before."""
    to: str | None = None
    """The label that it is moved to."""
    at: str | None = None

    def to_json(self) -> str:
        """Return one line of JSON; an absent value is left out."""
        return plain.dump_line(self)

    def __post_init__(self) -> None:
        """Raise ValueError for a decision that nobody can have made."""
        if not self.label:
            raise ValueError("no label")
        if (self.decision == "move") != (self.to is not None):
            raise ValueError("a move has a `to`, and nothing else has")
        if self.to is not None and (self.to.startswith(".") or {"/", "\0"} & set(self.to) or not self.to):
            raise ValueError(f"{self.to!r} is no name of a folder")


@dataclass(slots=True)
class Report:
    """What a stage did: what `--json` prints and the closing table shows."""

    stage: str
    folder: str
    made: int = 0
    """Pictures written in this run."""
    kept: int = 0
    """Pictures that the folder holds now."""
    left: Counter[str] = field(default_factory=Counter)
    """Reason -> pictures left out, over all runs on the folder."""
    seconds: float = 0.0
    details: dict[str, Any] = field(default_factory=dict)
    """What only this stage has to say: notices, accuracies, counts by name."""

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Report:
        """Read what `to_dict` returned."""
        return cls(**{**values, "left": Counter(values["left"])})

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {key: dict(value) if isinstance(value, Counter) else value for key, value in _items(self)}


@dataclass(frozen=True, slots=True)
class Board:
    """What the workers of a long stage are doing at one moment, for a person to look at."""

    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]
    total: tuple[str, ...]
    """The last row: what all of them have done together."""
    line: str
    """The same in one line, for where a table has no place."""


class Track(Protocol):
    """Progress that wraps a loop: `for record in track(records, "crop", total=90)`."""

    def __call__(
        self, items: Iterable[T], title: str, total: int | None = None, board: Callable[[], Board] | None = None
    ) -> Iterator[T]:
        """Yield the items unchanged while showing how far the loop is.

        `board` says what the workers are doing; it is called from another thread, several times a second.
        """
        ...


def quiet(
    items: Iterable[T], title: str, total: int | None = None, board: Callable[[], Board] | None = None
) -> Iterator[T]:
    """Be a `Track` that shows nothing."""
    return iter(items)


class Detector(Protocol):
    """Finds faces. Built once a thread: detectors need not be thread-safe."""

    def detect(self, image: Image) -> list[Face]:
        """Return the faces of an RGB picture, largest first, boxes in its pixels."""
        ...


class Embedder(Protocol):
    """Turns faces into vectors that are near for one person. Built once a thread; building one may be slow."""

    name: str
    version: str
    """Changes whenever the vectors of a face do: vectors that were kept on disk go by it."""
    metric: Literal["euclidean", "cosine"]
    """How two vectors are compared; vectors are as the network gives them."""
    dimensions: int
    licence: str
    """The terms of its weights."""
    accuracy: str
    """What was published of its accuracy, on which pictures and by whom."""

    @property
    def threshold(self) -> float:
        """Greatest distance (Euclidean, or one minus the cosine) at which two faces count as one person."""
        ...

    def align(self, image: Image, box: Box | None = None) -> Image:
        """Return the aligned face, shape (side, side, 3), that `embed` takes, of the face in `box`.

        `box` is as any detector draws it, around brows and chin. Without one the picture shows one face,
        alone or in its surroundings. Raises BadImage where no face can be aligned.
        """
        ...

    def embed(self, faces: Sequence[Image]) -> NDArray[np.float32]:
        """Return the vectors of aligned faces, shape (faces, dimensions)."""
        ...


def _items(value: Any) -> list[tuple[str, Any]]:
    return [(f.name, getattr(value, f.name)) for f in fields(value)]


__all__ = [
    "EXPRESSIONS",
    "PARTS",
    "BadImage",
    "Board",
    "Box",
    "Decision",
    "Detector",
    "Embedder",
    "Face",
    "FacekitError",
    "Image",
    "Points",
    "Record",
    "Rejection",
    "Report",
    "Source",
    "Track",
    "Verdict",
    "quiet",
    "replace",
]
