"""The state of each name, in `.scrape.jsonl` beside the manifest, so that a killed run can continue.

A line says what a search found, that a picture is about to be kept, that a link failed once more, that a name is
finished, or, the last one, that the run came to its end. That a picture is about to be kept does not say that it is
there: the manifest does. The file is hidden, so that a folder which holds nothing else still counts as empty.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import msgspec

from facekit.base import files, plain
from facekit.base.contract import Source
from facekit.base.foldernames import safe
from facekit.commands.scrape.keyword import EngineSearch, Keyword, Progress
from facekit.sources.engines import Candidate

FILE = ".scrape.jsonl"

MAX_LINE = 64 << 20
"""Bytes of a line: a search finds 6,000 candidates at most, with addresses of 4,096 characters."""


class Link(msgspec.Struct, frozen=True, omit_defaults=True):
    """A candidate as the file has it: without what its line says already, and what nothing reads again."""

    url: str
    rank: int
    engine: str | None = None
    """None for that of the line."""
    page_url: str | None = None
    licence: str | None = None
    licence_url: str | None = None
    creator: str | None = None
    attribution: str | None = None

    def candidate(self, engine: str, query: str) -> Candidate:
        """Return the candidate that an engine found by a query."""
        about = (self.licence, self.licence_url, self.creator, self.attribution)
        return Candidate(self.url, self.rank, engine, query, self.page_url, None, None, *about)


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line. Which of `over` to `ends` it has says what it notes; without any it is all there is of a name."""

    label: str = ""
    name: str | None = None
    over: bool = False
    """The run came to its end."""
    engine: str | None = None
    """An engine was searched: see `state` to `candidates`."""
    keeps: Source | None = None
    """A picture is about to be written."""
    tried: str | None = None
    """A link failed once more."""
    ends: Progress | None = None
    """Nothing more is to be done for the name in this run."""
    state: str = "pending"
    query: str = ""
    asked: int = 0
    given: int = 0
    candidates: list[Link] = []
    dhash: int | None = None
    searches: dict[str, EngineSearch] = {}
    found: int = 0
    last: int = 0
    ranks: dict[str, int | None] = {}
    """Id -> rank of the pictures of a name that is done."""
    pictures: dict[str, tuple[int | None, str | None, int | None]] = {}
    """Id -> rank, URL and dHash of the pictures of any other name."""
    retrying: bool = False
    again: list[Link] = []
    """What a later run may try once more."""

    def __post_init__(self) -> None:
        """Refuse a label that would not be the name of a folder here: the line may be a stranger's."""
        if self.over:
            return
        if self.label != safe(self.label):
            raise ValueError(f"{self.label!r} is not the name of a folder")
        if self.is_name:
            Progress(self.state)

    @property
    def is_name(self) -> bool:
        """Whether the line is all there is of a name."""
        return (self.engine, self.keeps, self.tried, self.ends) == (None, None, None, None)

    def dump(self) -> str:
        """Return the line's JSON; absent values are left out."""
        values = msgspec.to_builtins(self)
        if self.keeps is not None:
            values["keeps"] = {name: value for name, value in values["keeps"].items() if value is not None}
        return plain.dump(values)

    def keyword(self) -> Keyword:
        """Return the name that the line describes."""
        one = Keyword(self.name or self.label, self.label, Progress(self.state), dict(self.searches))
        one.found, one.last, one.retrying = self.found, self.last, self.retrying
        one.kept = {id: Source(id, rank=rank) for id, rank in self.ranks.items()}
        for id, (rank, url, dhash) in self.pictures.items():
            one.keep(Source(id, rank=rank, url=url), dhash)
        for link in self.again:
            engine = link.engine or ""
            search = self.searches.get(engine, EngineSearch(""))
            one.candidates.append(link.candidate(engine, search.query))
        return one


class States:
    """The names of a folder, in the order in which they were first asked for."""

    def __init__(self, root: Path, write: bool = True) -> None:
        self._path, self._write = root / FILE, write
        self.names: dict[str, Keyword] = {}
        self.over = False
        """Whether the last run on the folder came to its end."""
        if write:
            files.drop_torn_line(self._path)
        for line in files.iterate_lines(self._path, Line, limit=MAX_LINE):
            self._apply(line)

    def clear(self) -> None:
        """Forget everything."""
        self.names = {}
        if self._write:
            files.delete(self._path)

    def searched(self, keyword: Keyword, engine: str, fresh: list[Candidate]) -> None:
        """Note what a search found that was not known."""
        about, links = asdict(keyword.searches[engine]), [_link(candidate) for candidate in fresh]
        self._append(Line(label=keyword.label, name=keyword.name, engine=engine, candidates=links, **about))

    def keeping(self, keyword: Keyword, source: Source, dhash: int | None) -> None:
        """Note that a picture is about to be written."""
        keyword.keep(source, dhash)
        self._append(Line(label=keyword.label, keeps=source, dhash=dhash))

    def trying(self, keyword: Keyword, url: str) -> None:
        """Note that a link failed once more."""
        keyword.tried.add(url)
        self._append(Line(label=keyword.label, tried=url))

    def ended(self, keyword: Keyword, state: Progress) -> None:
        """Note that nothing more is to be done for a name in this run."""
        keyword.end(state)
        self._append(Line(label=keyword.label, ends=state))

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
            end = [Line(over=True)] if self.over else []
            files.replace_lines(self._path, (line.dump() for line in [*map(_line, self.names.values()), *end]))

    def _append(self, line: Line) -> None:
        if self._write:
            files.append_line(self._path, line.dump())

    def _apply(self, line: Line) -> None:
        self.over = line.over
        if line.over:
            return
        keyword = self.names.setdefault(line.label, Keyword(line.name or line.label, line.label))
        if line.engine is not None:
            search = EngineSearch(line.state, line.query, line.asked, line.given)
            fresh = [link.candidate(line.engine, line.query) for link in line.candidates]
            keyword.extend(line.engine, search, fresh)
        elif line.keeps is not None:
            keyword.keep(line.keeps, line.dhash)
        elif line.tried is not None:
            keyword.tried.add(line.tried)
        elif line.ends is not None:
            keyword.end(line.ends)
        else:
            self.names[line.label] = line.keyword()


def _line(keyword: Keyword) -> Line:
    done = keyword.state is Progress.DONE
    pictures = {id: (source.rank, source.url, keyword.hashes.get(id)) for id, source in keyword.kept.items()}
    return Line(
        label=keyword.label,
        name=keyword.name,
        state=keyword.state,
        searches=keyword.searches,
        found=keyword.found,
        last=keyword.last,
        ranks={id: source.rank for id, source in keyword.kept.items()} if done else {},
        pictures={} if done else pictures,
        retrying=keyword.retrying,
        again=[] if done else [_link(candidate, candidate.engine) for candidate in keyword.candidates],
    )


def _link(found: Candidate, engine: str | None = None) -> Link:
    about = (found.licence, found.licence_url, found.creator, found.attribution)
    return Link(found.url, found.rank, engine, found.page_url, *about)
