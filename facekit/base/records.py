"""The records of a dataset: pictures, their sources, rejections, and a person's decisions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Annotated, Literal, NamedTuple

import msgspec

from facekit.base import plain

PARTS = ("train", "test", "validation")
"""The parts of a split, in the order in which options and reports give them."""

EXPRESSIONS = ("happy", "neutral", "sad", "surprise")
"""The values of the `expression` target that facekit draws and its examples train on."""

Pixels = Annotated[int, msgspec.Meta(ge=-(2**31), lt=2**31)]
"""A place or a length in a photo; OpenCV and NumPy take 32 bits."""


class Box(NamedTuple):
    """A rectangle in pixels of a photo: left, top, width, height.

    A photo above 50 megapixels is read at a half, a quarter, … of its size, and these are the pixels of that.
    """

    x: Pixels
    y: Pixels
    w: Pixels
    h: Pixels

    @property
    def words(self) -> str:
        """The box as a table for people shows it: `132 x 140 at 317, 236`."""
        return f"{self.w} x {self.h} at {self.x}, {self.y}"


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

    def in_part(self, part: str) -> Record:
        """Return the record with a part of the split, sooner than `replace` does."""
        other = object.__new__(Record)
        for name in _RECORD:
            object.__setattr__(other, name, getattr(self, name))
        object.__setattr__(other, "split", part)
        return other

    def to_json(self) -> str:
        """Return one line of JSON; absent values are left out."""
        return plain.dump_line(self)


_RECORD = tuple(field.name for field in fields(Record))


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

    @property
    def credit(self) -> str:
        """What stands below the photo wherever it is shown: its creator and its licence; empty without either."""
        return ", ".join(filter(None, (self.creator, self.licence)))

    def to_json(self) -> str:
        """Return one line of JSON; absent values are left out."""
        return plain.dump_line(self)


SamePhoto = Literal["same photo", "burst"]
"""Why two photos share a group: one is the other, however edited; or they were taken seconds apart."""


@dataclass(frozen=True, slots=True)
class Link:
    """Two photos that may not stand on both sides of a split: one line of `groups.jsonl`."""

    first: str
    second: str
    """Their origins, the lower first. An origin never changes, so the line holds for all that is made of the two."""
    reason: SamePhoto = "same photo"
    stage: str | None = None
    """The command that saw it."""
    matcher: str | None = None
    """What it was seen with."""

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
            raise ValueError("a move needs `to`, and only a move has it")
        if self.to is not None and (self.to.startswith(".") or {"/", "\0"} & set(self.to) or not self.to):
            raise ValueError(f"{self.to!r} is not a folder name")
