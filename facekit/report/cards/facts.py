"""What a card says, as values that know no disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from facekit.options.base import Setting
from facekit.scores.weights import WeightsCard

Kind = Literal["data set", "model", "embedder", "gallery"]

Counted = Mapping[str, int]
"""What -> how many, in the order in which a card lists it."""

Ends = tuple[float | None, float | None] | None
"""The ends of an interval, as files of scores hold it."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One command that made a folder on the way."""

    name: str
    folder: str
    """Name of the folder, without the path to it."""
    facekit: str = ""
    """The version that made it."""
    options: Mapping[str, Setting] = field(default_factory=dict)
    kept: int = 0
    left: Counted = field(default_factory=dict)
    """Reason -> pictures that it left out."""


@dataclass(frozen=True, kw_only=True)
class Person:
    """The pictures of one label."""

    name: str
    pictures: int
    photos: int = 0
    """Different photos that these show; 0 where it is not counted."""
    parts: Counted = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where photos come from: counts of photos, not of the pictures that were made of them."""

    photos: int = 0
    engines: Counted = field(default_factory=dict)
    hosts: Counted = field(default_factory=dict)
    licences: Counted = field(default_factory=dict)
    """Licence -> photos; `not known` among them."""
    licence_urls: Sequence[str] = ()
    creators: int = 0
    """Different creators that are named."""
    credited: int = 0
    """Photos whose creator is named."""
    fetched: tuple[str, str] | None = None
    """The first and the last day on which a photo was fetched."""
    years: Counted = field(default_factory=dict)
    """Year in which a photo was taken, by its EXIF -> photos; empty where no photo says so."""
    opted_out: Counted = field(default_factory=dict)
    """Signal -> photos that were left out because their owners want it so."""
    ignored_opt_outs: bool = False


@dataclass(frozen=True, kw_only=True)
class Likeness:
    """How it is kept from happening that one photo is in two parts of a split."""

    groups: int = 0
    """Groups of two or more photos that stay together."""
    links: Counted = field(default_factory=dict)
    """Why two photos share a group -> pairs that were proved."""
    joined: int = 0
    """Pictures that were left out because a later look found them in an earlier part."""
    crossing: int = 0
    """Groups that are in two parts all the same."""
    matchers: Mapping[str, str] = field(default_factory=dict)
    """Command -> what it compared pixels with."""


@dataclass(frozen=True, kw_only=True)
class Data:
    """A data set, or what a model was trained on."""

    pictures: int
    people: Sequence[Person]
    """The one with the most pictures first."""
    stages: Sequence[Stage] = ()
    """The first command first."""
    origin: Origin = Origin()
    likeness: Likeness = Likeness()
    parts: Counted = field(default_factory=dict)
    kinds: Counted = field(default_factory=dict)
    sides: Counted = field(default_factory=dict)
    targets: Mapping[str, Counted] = field(default_factory=dict)
    """Other labels, such as gender -> value -> pictures."""
    protocol: str = ""
    split_given: bool = False
    judged: Counted = field(default_factory=dict)
    """What `clean` found of the faces that it judged."""
    cleaned_with: Sequence[str] = ()
    decided: int = 0
    """Pictures about which a person has decided in the review."""
    whole: bool = True
    """Whether the command that made the folder came to its end."""
    gone: str = ""
    """What of the folders on the way is not there any more, as a sentence; empty where all are."""


@dataclass(frozen=True, kw_only=True)
class Score:
    """A score with its 95% interval, where that is known."""

    name: str
    key: str = ""
    """What programs know it by: `accuracy`; empty for one that has no such name."""
    value: float
    low: float | None = None
    high: float | None = None
    of: str = ""
    """What it was measured on, in short: `43 pictures`."""
    beside: float | None = None
    """The same of what it is compared with, such as an embedder's backbone."""


@dataclass(frozen=True, kw_only=True)
class Scores:
    """How good a model is."""

    rows: Sequence[Score] = ()
    on: str = ""
    beside: str = ""
    """What `Score.beside` are the scores of."""
    verdict: str = ""
    """How it compares with that, as a sentence."""
    gained: bool = True
    """Whether it is better than that, beyond chance."""
    notes: Sequence[str] = ()
    """What the names of the scores mean, as sentences."""
    by: str = ""
    """What `groups` are by, such as gender."""
    groups: Sequence[Score] = ()
    gap: str = ""
    open_set: Sequence[Score] = ()
    strangers: str = ""
    people: Sequence[Score] = ()
    """F1 of each label, the worst first."""
    banners: Sequence[str] = ()
    before_cleaning: str = ""


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A network that took part."""

    use: str
    """What it did: `finds faces`."""
    weights: WeightsCard


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Everything that a card says."""

    kind: Kind
    title: str
    summary: str
    """One sentence: what it is."""
    digest: str = ""
    data: Data | None = None
    scores: Scores | None = None
    tools: Sequence[Tool] = ()
    model: Sequence[tuple[str, str]] = ()
    """What a model or a gallery is, in rows: name and value."""
    left_out: int | None = None
    """People who were left out in turn to find the threshold for strangers; None without a threshold."""
    drawn: bool = False
    records: str = ""
    """The file of lines that names every picture: its name in the folder."""
    records_sha256: str = ""
    suffixes: Sequence[str] = ()
    """How the names of its pictures end."""
