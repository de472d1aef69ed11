"""What a reader of a public data set returns: its pictures, what is known of each, and under which terms."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from facekit.base.errors import FacekitError
from facekit.base.opening import no_folder
from facekit.dataset.targets import IDENTITY as IDENTITY

UNNAMED = "no label"
"""Label under which a picture is counted that has no label."""

UNREADABLE, MISSING, UNLISTED = "damaged line", "listed, but missing", "not listed"
"""Why a picture of a data set is left out before it is looked at; the value names the line or the list."""


@dataclass(frozen=True)
class Picture:
    """A picture of a data set."""

    name: str
    """What it is called in the data set: its path below the folder, or its place in a file, `train.rec!17`."""
    labels: Mapping[str, str]
    """What is known of it: target -> value. `identity` is who it shows."""
    part: str | None = None
    """The part of the official split that it is in; None where there is none."""
    file: Path | None = None
    """Its file; None where it is inside another one."""
    content: Callable[[], bytes] | None = None
    """What returns its bytes, where it has no file of its own. May raise BadImage."""
    id: str | None = None
    """What it is known by, where that is not the hash of its bytes: these depend on the library that encodes them."""


@dataclass(frozen=True)
class Unusable:
    """A picture that a data set names, and that cannot be taken."""

    name: str
    reason: str
    value: str | None = None


@dataclass(frozen=True)
class Terms:
    """Who published a data set, where, and under which terms: what each picture's source says."""

    title: str
    page: str
    licence: str
    attribution: str


@dataclass(frozen=True)
class Published:
    """A data set as it was read."""

    terms: Terms
    folders: str
    """The target whose values the folders of the tree are called by, unless another is asked for."""
    pictures: Iterable[Picture | Unusable]
    split: str | None = None
    """The official split, in words; None where there is none."""
    notes: list[str] = field(default_factory=list)
    """What a person has to know of how it was read."""


def wrong_folder(root: Path, title: str, wanted: str) -> FacekitError:
    """Return the error for a folder in which a data set was not found; `wanted` says what should be in it."""
    if not root.is_dir():
        return FacekitError(f"{no_folder(root)}; unpack {title} and give the folder, with {wanted}")
    return FacekitError(f"{root} is not {title} as it is published; give the folder with {wanted}")
