"""What is known of each name: `.scrape.jsonl` beside the manifest, so that a killed run goes on where it was.

A line says what a search found, that a picture is about to be kept, that a link failed once more, that a name is
finished, or, the last one, that the run came to its end. The second vouches for nothing: a picture is there when the
manifest says so. Hidden, so that a folder which holds nothing else still counts as empty.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from facekit.base import files as lines
from facekit.base.contract import Source
from facekit.sources.engines import Candidate, State, canonical

FILE = ".scrape.jsonl"

PENDING, COLLECTED, DONE, SHORT, BLOCKED, FAILED = "pending", "collected", "done", "short", "blocked", "failed"
OPEN = (PENDING, COLLECTED)

_FINE = (State.OK, State.EMPTY)
_DROPPED = ("title", "thumbnail", "width", "engine", "query")


@dataclass
class Found:
    """How a name's search of one engine ended."""

    state: str
    """A `State`, or what the browsers died of."""
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
    state: str = PENDING
    searches: dict[str, Found] = field(default_factory=dict)
    """Engine -> how its search ended, in the order of the searches."""
    candidates: list[Candidate] = field(default_factory=list)
    """What may still be fetched; a finished name has only what a later run may try again."""
    kept: dict[str, Source] = field(default_factory=dict)
    """Id -> where the picture came from; of finished names only URL and rank are sure to be known."""
    found: int = 0
    """Candidates of all searches, the same link of two engines counted once."""
    last: int = 0
    """The last rank that was given out."""
    retrying: bool = False
    """Whether what failed in an earlier run is being tried again, where another day may do away with the failure."""
    tried: set[str] = field(default_factory=set)
    """The links that have been."""
    hashes: dict[str, int] = field(default_factory=dict)
    """Id -> dHash of the pictures, as long as more may come."""

    @property
    def open(self) -> bool:
        """Whether there is something to do for the name in this run."""
        return self.state in OPEN

    def add(
        self, engine: str, found: Found, candidates: Iterable[Candidate], refused: Iterable[str]
    ) -> list[Candidate]:
        """Take a search's result; return the candidates that are new, ranked behind all that were there before.

        `refused` are links that are known beside those of the candidates and the pictures.
        """
        known = {canonical(c.url) for c in self.candidates} | {canonical(s.url) for s in self.kept.values() if s.url}
        known |= {canonical(url) for url in refused}
        first = engine not in self.searches
        fresh = [c for c in candidates if canonical(c.url) not in known]
        # A first search keeps the engine's own ranks, gaps and all; a deeper one only goes on counting.
        ranks = [self.last + c.rank for c in fresh] if first else range(self.last + 1, self.last + 1 + len(fresh))
        fresh = [replace(c, rank=rank) for c, rank in zip(fresh, ranks, strict=True)]
        self.take(engine, found, fresh)
        return fresh

    def twin(self, dhash: int | None, bits: int) -> str | None:
        """Return the id of a picture whose dHash differs from this one by so many bits at most."""
        if dhash is None:
            return None
        return next((id for id, other in self.hashes.items() if (dhash ^ other).bit_count() <= bits), None)

    def forget(self) -> None:
        """Be as a name that was never searched for."""
        self.state, self.searches, self.candidates = PENDING, {}, []
        self.kept, self.hashes, self.found, self.last = {}, {}, 0, 0
        self.retrying, self.tried = False, set()

    def end(self, state: str) -> None:
        """Be finished for this run."""
        self.state, self.retrying, self.tried = state, False, set()

    def take(self, engine: str, found: Found, fresh: list[Candidate]) -> None:
        """Note a search whose candidates have their ranks."""
        self.state = COLLECTED
        self.searches[engine] = found
        self.candidates += fresh
        self.found += len(fresh)
        self.last = max([self.last, *(c.rank for c in fresh)])


class States:
    """The names of a folder, in the order in which they were first asked for."""

    def __init__(self, root: Path, write: bool = True) -> None:
        self._path, self._write = root / FILE, write
        self.names: dict[str, Keyword] = {}
        self.over = False
        """Whether the last run on the folder came to its end."""
        if write:
            lines.drop_torn_line(self._path)
        for values in lines.iterate_lines(self._path, dict[str, Any]):
            self._take(values)

    def clear(self) -> None:
        """Forget everything."""
        self.names = {}
        if self._write:
            self._path.unlink(missing_ok=True)

    def searched(self, keyword: Keyword, engine: str, fresh: list[Candidate]) -> None:
        """Note what a search found that was not known."""
        found = [_short(candidate) for candidate in fresh]
        search = asdict(keyword.searches[engine])
        self._append(label=keyword.label, name=keyword.name, engine=engine, **search, candidates=found)

    def keeping(self, keyword: Keyword, source: Source, dhash: int | None) -> None:
        """Note that a picture is about to be written."""
        keyword.kept[source.origin] = source
        if dhash is not None:
            keyword.hashes[source.origin] = dhash
        self._append(label=keyword.label, keeps=json.loads(source.to_json()), dhash=dhash)

    def trying(self, keyword: Keyword, url: str) -> None:
        """Note that a link failed once more."""
        keyword.tried.add(url)
        self._append(label=keyword.label, tried=url)

    def ended(self, keyword: Keyword, state: str) -> None:
        """Note that nothing more is to be done for a name in this run."""
        keyword.end(state)
        self._append(label=keyword.label, ends=state)

    def begin(self) -> None:
        """Say that a run is under way: what is finished from now on is not taken up again by one that goes on."""
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
            end = [json.dumps({"over": True})] if self.over else []
            lines.replace_lines(self._path, [*map(_line, self.names.values()), *end])

    def _append(self, **values: Any) -> None:
        if self._write:
            lines.append_line(self._path, json.dumps(values, ensure_ascii=False))

    def _take(self, values: dict[str, Any]) -> None:
        self.over = "over" in values
        if self.over:
            return
        label = values["label"]
        keyword = self.names.setdefault(label, Keyword(values.get("name", label), label))
        if "keeps" in values:
            source = Source(**values["keeps"])
            keyword.kept[source.origin] = source
            if values["dhash"] is not None:
                keyword.hashes[source.origin] = values["dhash"]
        elif "ends" in values:
            keyword.end(values["ends"])
        elif "tried" in values:
            keyword.tried.add(values["tried"])
        elif "engine" in values:
            found = Found(**{key: values[key] for key in ("state", "query", "asked", "given")})
            keyword.take(values["engine"], found, _candidates(values["engine"], found, values["candidates"]))
        else:
            self.names[label] = _keyword(values)


def after(keyword: Keyword) -> str:
    """Return the state of a name that has too few pictures and nothing left to try."""
    bad = [found.state for found in keyword.searches.values() if not found.fine and found.state != State.SOFT_BLOCK]
    if keyword.found or not bad:
        return SHORT
    return BLOCKED if all(state in (State.BLOCKED, State.CONSENT) for state in bad) else FAILED


def _candidates(engine: str, found: Found, given: list[dict[str, Any]]) -> list[Candidate]:
    return [Candidate(engine=values.pop("engine", engine), query=found.query, **values) for values in given]


def _short(candidate: Candidate) -> dict[str, Any]:
    """Leave out what is empty, what the line says already, and what nothing reads again."""
    values = {key: value for key, value in asdict(candidate).items() if value is not None}
    return {key: value for key, value in values.items() if key not in _DROPPED}


def _line(keyword: Keyword) -> str:
    values: dict[str, Any] = {
        "label": keyword.label,
        "name": keyword.name,
        "state": keyword.state,
        "searches": {engine: asdict(found) for engine, found in keyword.searches.items()},
        "found": keyword.found,
        "last": keyword.last,
    }
    if keyword.state == DONE:
        values["ranks"] = {id: source.rank for id, source in keyword.kept.items()}
    else:
        values["pictures"] = {id: [s.rank, s.url, keyword.hashes.get(id)] for id, s in keyword.kept.items()}
        values["retrying"] = keyword.retrying
        values["again"] = [{"engine": c.engine, **_short(c)} for c in keyword.candidates]
    return json.dumps(values, ensure_ascii=False)


def _keyword(values: dict[str, Any]) -> Keyword:
    searches = {engine: Found(**found) for engine, found in values["searches"].items()}
    keyword = Keyword(values["name"], values["label"], values["state"], searches)
    keyword.found, keyword.last, keyword.retrying = values["found"], values["last"], values.get("retrying", False)
    keyword.kept = {id: Source(id, rank=rank) for id, rank in values.get("ranks", {}).items()}
    for id, (rank, url, dhash) in values.get("pictures", {}).items():
        keyword.kept[id] = Source(id, rank=rank, url=url)
        if dhash is not None:
            keyword.hashes[id] = dhash
    for again in values.get("again", []):
        keyword.candidates += _candidates(again["engine"], searches[again["engine"]], [again])
    return keyword
