"""What the page gets as JSON: one typed value for each answer of the server, encoded once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec
from msgspec import field

from facekit.base import plain
from facekit.base.contract import Box, Source

State = Literal["keep", "reject", "unsure", "move"]
"""What becomes of a picture."""

Standing = Literal["keep", "reject", "unsure"]
"""What `clean` made of it."""


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An answer as JSON. A field at its default is left out: there may be ten thousand faces."""


class Counts(Answer, frozen=True, kw_only=True):
    """How many faces of a name are in each state."""

    label: str
    name: str
    note: str | None
    keep: int
    reject: int
    unsure: int
    unsure_kept: int
    """How many of those stay as long as nobody decides."""
    move: int


class Overview(Answer, frozen=True, kw_only=True):
    """The names with their counts, and what holds for all of them."""

    folder: str
    live: bool
    again: str
    """The command that carries out what was decided."""
    keep_at: float
    reject_at: float
    second_round: bool
    """Whether there were decisions before this review began."""
    depth: int
    """How many steps can be undone."""
    names: Sequence[Counts]


class Face(Answer, frozen=True, kw_only=True):
    """A face as the grid shows it."""

    id: str
    state: State
    mine: bool
    """Whether a person decided about it."""
    was: Standing
    version: str | None = field(default=None, name="v")
    """Changes when the file does; None where there is no picture."""
    probability: float | None = field(default=None, name="p")
    """That the face is the folder's person, where `clean` gave one."""
    why: str | None = None
    """Why `clean` left it out."""
    like: str | None = None
    """The other name whose person it seems to show."""
    to: str | None = None
    """The label that it is moved to."""


class Twin(Face, frozen=True, kw_only=True):
    """A face that another one repeats, or that repeats it."""

    label: str


class Detail(Face, frozen=True, kw_only=True):
    """What is known of one face."""

    label: str
    value: float | str | None
    """The number, or the other picture, that decided."""
    quality: dict[str, float]
    box: Box | None
    photo: str | None
    """The version of the photo it was cut from; None where that is gone."""
    source: Source | None
    twins: Sequence[Twin]


class Change(Answer, frozen=True, kw_only=True):
    """What has become of one face by a step."""

    id: str
    label: str
    state: State
    mine: bool
    to: str | None


class StepResult(Answer, frozen=True, kw_only=True):
    """What a step, or undoing one, has changed."""

    depth: int
    changes: Sequence[Change]
    counts: Sequence[Counts]
    trouble: str | None
    """What kept the files from following."""


class PhotoBox(Answer, frozen=True, kw_only=True):
    """A photo's size in pixels and, as shares of it, where the face is."""

    width: int
    height: int
    box: tuple[float, float, float, float] | None


class Refused(Answer, frozen=True, kw_only=True):
    """Why there is no other answer."""

    detail: str


def encode(answer: Answer | Sequence[Answer]) -> bytes:
    """Return an answer as JSON; NaN becomes null."""
    try:
        return msgspec.json.encode(answer)
    except UnicodeEncodeError:  # a name that is not UTF-8: only JSON's own escapes can carry it
        return plain.dump(msgspec.to_builtins(answer)).encode()
