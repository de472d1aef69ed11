"""`dataset.json`: what a folder is, how it was made and from what, and what later stages inherit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

from facekit.base.files import json_bytes, read_json, replace_file
from facekit.dataset.records import own_file
from facekit.options.base import Setting, recorded
from facekit.options.common import SplitBy
from facekit.options.crop import CarriedCrop

INFO = "dataset.json"

_PLAIN = "move it elsewhere to read the folder as plain pictures"


@dataclass(frozen=True)
class NameSummary:
    """What was found under one name."""

    name: str
    faces: int
    """Faces that were judged: neither bad ones, nor those that a person decided about."""
    kept: int
    wrong: int
    no_face: int
    unsure: int
    right: float | None
    """The share that seems right; None where it is not known whose folder it is."""
    people: tuple[int, ...]
    """Photos of each person that has two or more, the folder's own first; five at most."""
    histogram: tuple[int, ...]
    """Faces by their probability of being the folder's person, in tenths."""


@dataclass(frozen=True)
class Doubts:
    """What `clean` doubts about the names of a folder."""

    nobody: tuple[str, ...] = ()
    """The labels whose folders clearly show no one person."""
    one_person: tuple[tuple[str, str, float], ...] = ()
    """Pairs of labels that seem to be one person, with how near they are."""
    found: Mapping[str, int] = field(default_factory=dict)
    """What was found of the faces -> how many: `right person`, `wrong person`, …; why some were not judged."""
    names: tuple[NameSummary, ...] = ()
    """What was found under each name."""


@dataclass(frozen=True)
class Terms:
    """Under what a search engine was used."""

    terms: str = ""
    """The address of its terms."""
    unfiltered: tuple[str, ...] = ()
    """The filters that were asked for and that it does not have."""


@dataclass(frozen=True, kw_only=True)
class DatasetInfo:
    """What `dataset.json` says of a folder. A plain folder, which has none, is described by the defaults."""

    stage: str | None = None
    """The command that made the folder."""
    options: Mapping[str, Setting] = field(default_factory=dict)
    input: str | None = None
    """The digest of the folder it was made from."""
    made_from: str | None = None
    """Where that folder is, relative to this one. A hint: it may be gone, or another by now."""
    facekit: str | None = None
    """The version that made it."""
    complete: bool = True
    protocol: SplitBy | None = None
    """How the split was drawn; None where it was not."""
    split_given: bool = False
    """Whether it is that of the folders that were read, `train/` and `test/`: facekit did not draw it."""
    crop: CarriedCrop | None = None
    """How the faces were cut out of their photos; None where `crop` did not cut them."""
    drawn: bool = False
    """Whether the faces are drawn by facekit, so that every score from them says so."""
    matchers: Mapping[str, str] = field(default_factory=dict)
    """Stage -> what it compared pixels with to draw groups, here and in the folders before. 0.1.0 did not say."""
    engines: Mapping[str, Terms] = field(default_factory=dict)
    """`scrape`: the search engines, in the order of their use."""
    embedder: str | None = None
    """`clean`: what people were recognised by."""
    cleaned_with: tuple[str, ...] = ()
    """What people were recognised by in the folders that this one was made from."""
    reference: str | None = None
    """`clean`: the digest of the reference pictures."""
    applied: int = 0
    """`clean`: how many lines of the review's decisions are in force."""
    people: Doubts | None = None
    labelled: tuple[str, ...] = ()
    """The targets that `label` wrote here; the stage that made the folder keeps them when it runs again."""
    stale: Mapping[str, str] | tuple[str, ...] = ()
    """Pictures that are being deleted: path -> SHA-256 of the bytes that facekit wrote. 0.1.0 named the paths only."""

    @property
    def recognised_by(self) -> tuple[str, ...]:
        """The embedders that decided which faces are here, in this stage and in those before it."""
        own = [name for name in re.split(r"[,+ ]+", self.embedder or "") if name not in ("", "none")]
        return tuple(dict.fromkeys([*self.cleaned_with, *own]))

    def number(self, option: str) -> float | None:
        """Return an option that is a number; None where the folder was made without such an option."""
        value = self.options.get(option)
        return float(value) if isinstance(value, int | float) else None

    def how_cut(self) -> DatasetInfo:
        """Return what it says of how its faces were cut, and nothing else: what is sent to workers is small."""
        return DatasetInfo(crop=self.crop)

    def inherit(self, other: DatasetInfo) -> DatasetInfo:
        """Return this with what later stages inherit of another folder, or of the run before, where it says nothing."""
        return replace(
            self,
            protocol=self.protocol or other.protocol,
            crop=self.crop or other.crop,
            drawn=self.drawn or other.drawn,
            split_given=self.split_given or other.split_given,
            matchers={**other.matchers, **self.matchers},
        )

    def to_bytes(self) -> bytes:
        """Return the file's bytes; what is at its default is left out."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        values["crop"] = recorded(self.crop) if self.crop else None
        return json_bytes({name: value for name, value in values.items() if value or name == "complete"})


def read_info(root: Path) -> DatasetInfo | None:
    """Return what `dataset.json` says; None where there is none. Raises FacekitError for a broken one."""
    path = root / INFO
    try:
        return read_json(own_file(path), DatasetInfo, hint=_PLAIN)
    except (FileNotFoundError, NotADirectoryError):
        return None


def annotate(root: Path, *, complete: bool | None = None, drawn: bool | None = None) -> None:
    """Change what a folder's `dataset.json` says of whether it is complete, and of whether its faces are drawn."""
    info = read_info(root) or DatasetInfo()
    complete = info.complete if complete is None else complete
    drawn = info.drawn if drawn is None else drawn
    replace_file(root / INFO, replace(info, complete=complete, drawn=drawn).to_bytes())
