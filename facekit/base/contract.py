"""The values that travel between rooms, the shapes of plug-in parts, and the one error."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, NamedTuple, Protocol, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")

Image = NDArray[np.uint8]
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


class Box(NamedTuple):
    """A rectangle in pixels of a photo: left, top, width, height."""

    x: int
    y: int
    w: int
    h: int


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
        return _line(self)

    @classmethod
    def from_json(cls, line: str) -> Record:
        """Read one line of a manifest. Raises ValueError or KeyError on a line that is no record."""
        return cls(**_known(cls, json.loads(line)))


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
        return _line(self)

    @classmethod
    def from_json(cls, line: str) -> Source:
        """Read one line of `sources.jsonl`."""
        return cls(**_known(cls, json.loads(line)))


@dataclass(frozen=True, slots=True)
class Rejection:
    """A picture that a stage left out: one line of `rejected.jsonl`."""

    stage: str
    id: str
    label: str
    path: str
    reason: str
    value: float | str | None = None
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
        return _line(self)

    @classmethod
    def from_json(cls, line: str) -> Rejection:
        """Read one line of `rejected.jsonl`."""
        return cls(**_known(cls, json.loads(line)))


Verdict = Literal["keep", "reject", "move"]


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decided about one picture: one line of `decisions.jsonl`."""

    origin: str
    box: Box | None
    label: str
    """The label it was found under, wherever it has been moved since."""
    decision: Verdict | None
    """None takes back what was decided before."""
    to: str | None = None
    """The label that it is moved to."""
    at: str | None = None

    def to_json(self) -> str:
        """Return one line of JSON; an absent value is left out."""
        return _line(self)

    @classmethod
    def from_json(cls, line: str) -> Decision:
        """Read one line of `decisions.jsonl`. Raises ValueError or TypeError on a line that is no decision."""
        found = cls(**{"box": None, "decision": None, **_known(cls, json.loads(line))})
        if found.decision not in (None, *get_args(Verdict)):
            raise ValueError(f"no decision called {found.decision!r}")
        if (found.decision == "move") != (found.to is not None):
            raise ValueError("a move has a `to`, and nothing else has")
        if found.to is not None and (found.to.startswith(".") or {"/", "\0"} & set(found.to) or not found.to):
            raise ValueError(f"{found.to!r} is no name of a folder")
        return found


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


def _line(value: Any) -> str:
    values = {key: found for key, found in _items(value) if found is not None}
    text = json.dumps(values, ensure_ascii=False)
    # A file name that is no UTF-8 reaches Python as lone surrogates, which only JSON's own escapes can carry.
    return text if _encodes(text) else json.dumps(values)


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _known(cls: type, values: Any) -> dict[str, Any]:
    """Drop keys of a later version; they are kept by the file that has them, not by this process."""
    if not isinstance(values, dict):
        raise ValueError("no JSON object")
    names = {f.name for f in fields(cls)}
    known = {key: value for key, value in values.items() if key in names}
    if known.get("box") is not None:
        known["box"] = Box(*known["box"])
    return known


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
