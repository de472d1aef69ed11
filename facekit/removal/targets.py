"""What is to be removed: asked for in some way, and all that is found to belong to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import PurePosixPath
from typing import Literal
from urllib.parse import urlsplit

from facekit.base.contract import Decision, Record, Rejection, Source
from facekit.base.names import loose
from facekit.dataset.lineage import person
from facekit.sources.addresses import is_web

Found = Literal["photo", "picture"]
"""Whether the whole photo goes that a picture comes from, or this picture alone, with what was made of it."""


@dataclass
class Targets:
    """What is to go. It only grows, and is kept in the journal."""

    names: set[str] = field(default_factory=set)
    """People, by `loose` spelling: all that stands under such a name or label goes."""
    photos: set[str] = field(default_factory=set)
    """Origins: all that was made of such a photo goes."""
    pictures: set[str] = field(default_factory=set)
    """Ids of single pictures: they go, and all that was made of them."""
    files: set[str] = field(default_factory=set)
    """SHA-256 of the bytes of all of these, as far as they are known."""
    urls: set[str] = field(default_factory=set)
    """Addresses of the photos."""
    looks: set[int] = field(default_factory=set)
    """Perceptual hashes of the pictures."""
    hosts: tuple[str, ...] = ()
    """All photos that were found at these hosts, or on pages of theirs, go."""
    pages: tuple[str, ...] = ()
    """All photos that were found at these addresses, or on these pages, go."""
    ids: tuple[str, ...] = ()
    """Beginnings of ids that were asked for."""
    before: str | None = None
    """All photos that were fetched before this moment go: ISO 8601, UTC."""
    _folds: dict[str, str] = field(default_factory=dict, repr=False, compare=False)

    @property
    def size(self) -> int:
        """How much is known; what has not grown has found all."""
        return sum(map(len, (self.names, self.photos, self.pictures, self.files, self.urls)))

    def has_name(self, *names: str | None) -> bool:
        """Whether one of the names is somebody's who goes, however it is spelled."""
        return bool(self.names) and any(name is not None and self._fold(name) in self.names for name in names)

    def has_place(self, path: str) -> bool:
        """Whether a file lies in a folder of somebody who goes, or is called by the id of a picture that does.

        Only the folder right above it is a label: a home folder further up may be called like anybody.
        """
        parts = PurePosixPath(path).parts
        return self.has_name(*parts[-2:-1]) or (bool(parts) and self.has_id(PurePosixPath(parts[-1]).stem))

    def has_id(self, id: str | None) -> bool:
        """Whether an id, or its first 16 digits, is one of a picture that goes."""
        if not id:
            return False
        if len(id) == 16:
            return id in self.short
        return id in self.photos or id in self.pictures or id in self.files

    @property
    def short(self) -> set[str]:
        """The first 16 digits of all that goes: what files are called by."""
        known = self.__dict__.get("_short")
        if known is None or known[0] != self.size:
            known = (self.size, {one[:16] for one in (*self.photos, *self.pictures, *self.files)})
            self.__dict__["_short"] = known
        return known[1]

    def of(self, record: Record) -> Found | None:
        """Return why a picture goes; None for one that stays."""
        if record.origin in self.photos or record.id in self.photos or record.sha256 in self.photos:
            return "photo"
        if self.has_name(record.label, record.name, record.moved_from, person(record)) or self._asked(record.origin):
            return "photo"
        if record.id in self.pictures or record.parent in self.pictures or record.sha256 in self.files:
            return "picture"
        return "picture" if self._asked(record.id) else None

    def of_source(self, source: Source) -> bool:
        """Whether a photo goes for where it was found, or when."""
        places = [one for one in (source.url, source.final_url, source.page_url) if one]
        if source.origin in self.photos or any(one in self.pages for one in places):
            return True
        if self.hosts and any(_is_of(one, self.hosts) for one in places if is_web(one)):
            return True
        return bool(self.before and source.fetched_at and source.fetched_at < self.before)

    def of_rejection(self, left: Rejection) -> bool:
        """Whether the line about a picture that was left out goes."""
        if self.has_name(left.label) or {left.id, left.origin, left.parent} & (self.photos | self.pictures):
            return True
        return left.path in self.urls or left.path in self.pages or self.has_place(left.path)

    def of_decision(self, said: Decision) -> bool:
        """Whether the line about a decision goes."""
        return said.origin in self.photos or self.has_name(said.label, said.to)

    def add(self, record: Record) -> None:
        """Add a picture that goes, as `of` says."""
        found = self.of(record)
        if found is None:
            return
        self.pictures.add(record.id)
        self.files.add(record.sha256)
        if found == "photo":
            self.photos.add(record.origin)
        # A label is often not quite the name: a clash of two gives it a suffix.
        if self.has_name(record.name):
            self.names.add(self._fold(record.label))

    def add_source(self, source: Source) -> None:
        """Add the addresses of a photo that goes."""
        if self.of_source(source):
            self.photos.add(source.origin)
            self.urls.update(one for one in (source.url, source.final_url) if is_web(one) and one)

    def add_linked(self, links: Iterable[tuple[str, str]]) -> None:
        """Add the photos that are the same as one that goes; each link is of two photos, by origin."""
        self.photos.update(*(pair for pair in links if pair[0] in self.photos or pair[1] in self.photos))

    def _asked(self, id: str) -> bool:
        return any(id.startswith(one) for one in self.ids)

    def _fold(self, name: str) -> str:
        known = self._folds.get(name)
        if known is None:
            known = self._folds[name] = loose(name)
        return known

    def to_plain(self) -> dict[str, object]:
        """Return it as the journal holds it."""
        values = asdict(self)
        del values["_folds"]
        return {name: sorted(one) if isinstance(one, set) else one for name, one in values.items()}

    @classmethod
    def from_plain(cls, values: Mapping[str, object]) -> Targets:
        """Return what `to_plain` returned."""
        kept = {f: values[f] for f in cls.__dataclass_fields__ if f in values}
        sets = ("names", "photos", "pictures", "files", "urls", "looks")
        return cls(**{name: set(one) if name in sets else _tuple(one) for name, one in kept.items()})  # type: ignore[arg-type,call-overload]


def host(url: str) -> str:
    """Return the host of an address in lower case; empty for none."""
    try:
        return (urlsplit(url).hostname or "").rstrip(".").lower()
    except ValueError:
        return ""


def _is_of(url: str, hosts: tuple[str, ...]) -> bool:
    """Whether an address is of one of the hosts, or of one below it: `img.example.com` is of `example.com`."""
    own = host(url)
    return any(own == one or own.endswith(f".{one}") for one in hosts)


def _tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value
