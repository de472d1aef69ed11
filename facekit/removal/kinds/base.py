"""What each kind of thing says of itself, and the values that pass between kinds and the removal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from facekit.base.contract import Track, quiet
from facekit.removal.targets import Targets


@dataclass(frozen=True)
class Gone:
    """A picture that goes: a line of the receipt."""

    path: str
    """In the place that held it."""
    sha256: str = ""
    origin: str = ""
    """The photo that it comes from, by the SHA-256 of its bytes as they were found."""
    found_by: str = ""
    """The search engine, or `folder`."""
    found_at: str = ""
    """The host that it came from. The address itself would be kept by the receipt for ever."""
    fetched_at: str = ""


@dataclass
class Part:
    """What goes from one place: planned before anything is changed, and kept in the journal."""

    kind: str
    place: str
    counts: dict[str, int] = field(default_factory=dict)
    """What -> how many: pictures, lines, faces, files."""
    pictures: list[Gone] = field(default_factory=list)
    says: str = ""
    """What becomes of the place, where that is more than a loss."""

    @property
    def total(self) -> int:
        """How much goes in all."""
        return sum(self.counts.values())


@dataclass
class Doing:
    """What the kinds need to know of the removal that is under way."""

    targets: Targets
    keep_models: bool = False
    jobs: int = 0
    track: Track = quiet
    at: str = ""
    """When it was begun: ISO 8601, UTC."""
    digests: Mapping[str, str] = field(default_factory=dict)
    """Digest of a data set -> its digest without what goes: what was made of it is up to date still."""
    trained_on: set[str] = field(default_factory=set)
    """Digests of the data sets that affected models were trained on: exports of these name them."""
    told: Counter[str] = field(default_factory=Counter)
    """What a person has to know or to do afterwards."""
    models: dict[str, str] = field(default_factory=dict)
    """Folder of a run -> what became of it."""
    learned: set[str] = field(default_factory=set)
    """Folders of networks that learned from somebody who goes."""
    stay: Collection[str] = frozenset()
    """SHA-256 of the pictures that are known and stay."""


class Kind:
    """A kind of thing that facekit writes."""

    name: ClassVar[str]
    """What a person calls one: `data set`."""
    written_by: ClassVar[tuple[str, ...]]
    """The modules of facekit that write files of this kind."""
    order: ClassVar[int] = 5
    """Kinds of a lower number come first: what others are made of goes before them."""
    anybodys: ClassVar[bool] = False
    """Whether nothing says whose it is, so that all of it goes: that it does finds nobody."""

    def places(self, folder: Path, entries: Collection[str]) -> Iterator[Path]:
        """Yield the things of this kind that a folder with these entries is, or that lie in it."""
        raise NotImplementedError

    def elsewhere(self) -> Iterator[Path]:
        """Yield the things of this kind that lie in no folder of the user's: in the cache."""
        return iter(())

    def hides(self, folder: Path, entry: str) -> bool:
        """Whether a folder in a thing of this kind needs no look: it is the thing's own."""
        return False

    def names(self, place: Path) -> Iterator[str]:
        """Yield the names of people that this place has, with repeats. Raises FacekitError for one that is broken."""
        return iter(())

    def spread(self, place: Path, targets: Targets) -> None:
        """Add to what goes whatever this place knows of it. Raises FacekitError for a place that is broken."""

    def stays(self, place: Path, targets: Targets) -> Iterator[str]:
        """Yield the SHA-256 of pictures that this place knows and that stay. Raises FacekitError as `spread` does."""
        return iter(())

    def plan(self, place: Path, doing: Doing) -> Part | None:
        """Return what goes from a place; None where nobody who goes is in it. Nothing is changed."""
        raise NotImplementedError

    def remove(self, place: Path, doing: Doing) -> None:
        """Remove what goes from a place. Done again after a kill it ends with the same."""
        raise NotImplementedError

    def locked(self, place: Path) -> AbstractContextManager[None]:
        """Hold a place, so that no other process writes it meanwhile. Raises FacekitError where one does."""
        return nullcontext()


def marked(kind: Kind, place: Path | str, **counts: int) -> Part | None:
    """Return a part with the counts that are not 0; None without any."""
    held = {name.replace("_", " "): count for name, count in counts.items() if count}
    return Part(kind.name, str(place), held) if held else None
