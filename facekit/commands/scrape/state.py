"""What is known of each name: `.scrape.jsonl` beside the manifest, so that a killed run goes on where it was.

A line says what a search found, that a picture is about to be kept, that a link failed once more, that a name is
finished, or, the last one, that the run came to its end. That a picture is about to be kept does not say that it is
there: the manifest does. The file is hidden, so that a folder which holds nothing else still counts as empty.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

from facekit.base import files as lines
from facekit.base.contract import Source
from facekit.commands.scrape import names as naming
from facekit.sources.addresses import canonical
from facekit.sources.engines import Candidate, State

FILE = ".scrape.jsonl"

Progress = Literal["pending", "collected", "done", "short", "blocked", "failed"]
"""How far a name is: not searched for, being downloaded, or finished in one of four ways."""

_FINE = (State.OK, State.EMPTY)


@dataclass(frozen=True)
class EngineSearch:
    """How a name's search of one engine ended."""

    state: str
    """A `State`, or the error that the browsers died with."""
    query: str = ""
    asked: int = 0
    """Candidates that were asked for."""
    given: int = 0

    @property
    def fine(self) -> bool:
        """Whether another search would find no more than this one did."""
        return self.state in _FINE


@dataclass
class Keyword:
    """One name: its folder, how far it is, and which pictures it has."""

    name: str
    label: str
    state: Progress = "pending"
    searches: dict[str, EngineSearch] = field(default_factory=dict)
    """Engine -> how its search ended, in the order of the searches."""
    candidates: list[Candidate] = field(default_factory=list)
    """What may still be fetched; a finished name has only what a later run may try again."""
    kept: dict[str, Source] = field(default_factory=dict)
    """Id -> where the picture came from; of finished names only URL and rank are sure to be known."""
    found: int = 0
    """Candidates of all searches, the same link of two engines counted once."""
    last: int = 0
    """The last rank that was assigned."""
    retrying: bool = False
    """Whether downloads that failed in an earlier run are tried again, where the failure may pass."""
    tried: set[str] = field(default_factory=set)
    """The links that have been tried again."""
    hashes: dict[str, int] = field(default_factory=dict)
    """Id -> dHash of the pictures, as long as more may come."""

    @property
    def open(self) -> bool:
        """Whether there is something to do for the name in this run."""
        return self.state in ("pending", "collected")

    def add(
        self, engine: str, search: EngineSearch, candidates: Iterable[Candidate], refused: Iterable[str]
    ) -> list[Candidate]:
        """Add a search's result; return the candidates that are new, ranked behind all that were there before.

        `refused` are links that are known beside those of the candidates and the pictures.
        """
        known = {canonical(c.url) for c in self.candidates} | {canonical(s.url) for s in self.kept.values() if s.url}
        known |= {canonical(url) for url in refused}
        first = engine not in self.searches
        fresh = [c for c in candidates if canonical(c.url) not in known]
        # A first search keeps the engine's own ranks, gaps and all; a deeper one only goes on counting.
        ranks = [self.last + c.rank for c in fresh] if first else range(self.last + 1, self.last + 1 + len(fresh))
        fresh = [replace(c, rank=rank) for c, rank in zip(fresh, ranks, strict=True)]
        self.extend(engine, search, fresh)
        return fresh

    def extend(self, engine: str, search: EngineSearch, fresh: list[Candidate]) -> None:
        """Note a search whose candidates have their ranks."""
        self.state = "collected"
        self.searches[engine] = search
        self.candidates += fresh
        self.found += len(fresh)
        self.last = max([self.last, *(c.rank for c in fresh)])

    def twin(self, dhash: int | None, bits: int) -> str | None:
        """Return the id of a picture whose dHash differs from this one by so many bits at most."""
        if dhash is None:
            return None
        return next((id for id, other in self.hashes.items() if (dhash ^ other).bit_count() <= bits), None)

    def forget(self) -> None:
        """Be as a name that was never searched for."""
        self.state, self.searches, self.candidates = "pending", {}, []
        self.kept, self.hashes, self.found, self.last = {}, {}, 0, 0
        self.retrying, self.tried = False, set()

    def end(self, state: Progress) -> None:
        """Be finished for this run."""
        self.state, self.retrying, self.tried = state, False, set()


class Link(msgspec.Struct, frozen=True, omit_defaults=True):
    """A candidate as the file has it: without what its line says already, and what nothing reads again."""

    url: str
    rank: int
    engine: str | None = None
    page_url: str | None = None
    licence: str | None = None
    licence_url: str | None = None
    creator: str | None = None
    attribution: str | None = None

    def candidate(self, engine: str, query: str) -> Candidate:
        """Return the candidate; `engine` is that of the line, for a link that names none."""
        values = {name: getattr(self, name) for name in self.__struct_fields__}
        return Candidate(**{**values, "engine": self.engine or engine, "query": query})


class Searched(msgspec.Struct, frozen=True):
    """A line: what a search found that was not known."""

    label: str
    name: str
    engine: str
    state: str
    query: str
    asked: int
    given: int
    candidates: list[Link]


class Keeps(msgspec.Struct, frozen=True):
    """A line: a picture is about to be written."""

    label: str
    keeps: Source
    dhash: int | None


class Tried(msgspec.Struct, frozen=True):
    """A line: a link failed once more."""

    label: str
    tried: str


class Ends(msgspec.Struct, frozen=True):
    """A line: nothing more is to be done for a name in this run."""

    label: str
    ends: Progress


class Name(msgspec.Struct, frozen=True, omit_defaults=True):
    """A line of a run that came to its end: all there is to know of a name."""

    label: str
    name: str
    state: Progress
    searches: dict[str, EngineSearch]
    found: int
    last: int
    ranks: dict[str, int | None] = {}
    """Id -> rank of the pictures of a name that is done."""
    pictures: dict[str, tuple[int | None, str | None, int | None]] = {}
    """Id -> rank, URL and dHash of the pictures of any other name."""
    retrying: bool = False
    again: list[Link] = []


class Over(msgspec.Struct, frozen=True):
    """The last line of a run that came to its end."""

    over: bool


Line: TypeAlias = Searched | Keeps | Tried | Ends | Name | Over

_KINDS: dict[str, type[Line]] = {"over": Over, "keeps": Keeps, "ends": Ends, "tried": Tried, "engine": Searched}
"""Key -> the kind of line that has it; any other line is a `Name`."""


class States:
    """The names of a folder, in the order in which they were first asked for."""

    def __init__(self, root: Path, write: bool = True) -> None:
        self._path, self._write = root / FILE, write
        self.names: dict[str, Keyword] = {}
        self.over = False
        """Whether the last run on the folder came to its end."""
        if write:
            lines.drop_torn_line(self._path)
        for line in lines.read_lines(self._path, parse):
            self._apply(line)

    def clear(self) -> None:
        """Forget everything."""
        self.names = {}
        if self._write:
            self._path.unlink(missing_ok=True)

    def searched(self, keyword: Keyword, engine: str, fresh: list[Candidate]) -> None:
        """Note what a search found that was not known."""
        search, links = keyword.searches[engine], [_link(candidate) for candidate in fresh]
        numbers = (search.state, search.query, search.asked, search.given)
        self._append(Searched(keyword.label, keyword.name, engine, *numbers, links))

    def keeping(self, keyword: Keyword, source: Source, dhash: int | None) -> None:
        """Note that a picture is about to be written."""
        self._add(keyword, source.origin, source, dhash)
        self._append(Keeps(keyword.label, source, dhash))

    def trying(self, keyword: Keyword, url: str) -> None:
        """Note that a link failed once more."""
        keyword.tried.add(url)
        self._append(Tried(keyword.label, url))

    def ended(self, keyword: Keyword, state: Progress) -> None:
        """Note that nothing more is to be done for a name in this run."""
        keyword.end(state)
        self._append(Ends(keyword.label, state))

    def begin(self) -> None:
        """Note that a run is under way: what finishes from now on is not taken up again by one that goes on."""
        if self.over:
            self.over = False
            self._replace()

    def tidy(self, order: Iterable[Keyword]) -> None:
        """Write each name as one line, and that the run is over."""
        self.names = {keyword.label: keyword for keyword in order}
        self.over = True
        self._replace()

    def _replace(self) -> None:
        if self._write:
            end = [dump(Over(True))] if self.over else []
            lines.replace_lines(self._path, [*(dump(_line(one)) for one in self.names.values()), *end])

    def _append(self, line: Line) -> None:
        if self._write:
            lines.append_line(self._path, dump(line))

    def _apply(self, line: Line) -> None:
        self.over = isinstance(line, Over)
        if isinstance(line, Over):
            return
        name = line.name if isinstance(line, Searched | Name) else line.label
        keyword = self.names.setdefault(line.label, Keyword(name, line.label))
        match line:
            case Keeps():
                self._add(keyword, line.keeps.origin, line.keeps, line.dhash)
            case Ends():
                keyword.end(line.ends)
            case Tried():
                keyword.tried.add(line.tried)
            case Searched():
                search = EngineSearch(line.state, line.query, line.asked, line.given)
                fresh = [link.candidate(line.engine, line.query) for link in line.candidates]
                keyword.extend(line.engine, search, fresh)
            case Name():
                self.names[line.label] = _keyword(line)

    def _add(self, keyword: Keyword, id: str, source: Source, dhash: int | None) -> None:
        keyword.kept[id] = source
        if dhash is not None:
            keyword.hashes[id] = dhash


def after(keyword: Keyword) -> Progress:
    """Return the state of a name that has too few pictures and nothing left to try."""
    bad = [search.state for search in keyword.searches.values() if not search.fine and search.state != State.SOFT_BLOCK]
    if keyword.found or not bad:
        return "short"
    return "blocked" if all(state in (State.BLOCKED, State.CONSENT) for state in bad) else "failed"


def parse(text: str) -> Line:
    """Read one line. Raises ValueError for one that no scrape wrote."""
    values = json.loads(text)
    kind = next((kind for key, kind in _KINDS.items() if key in values), Name)
    line: Line = msgspec.convert(values, kind)
    # The label becomes the name of a folder, and the line may be a stranger's.
    if not isinstance(line, Over) and line.label != naming.safe(line.label):
        raise ValueError(f"{line.label!r} is no name of a folder")
    return line


def dump(line: Line) -> str:
    """Return a line's JSON; absent values are left out."""
    return json.dumps(_without_none(msgspec.to_builtins(line)))
