"""One name: its progress, what its searches found, and its pictures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum

from facekit.base.contract import Source
from facekit.sources.addresses import canonical
from facekit.sources.engines import Candidate, State

_FINE = (State.OK, State.EMPTY)


class Progress(StrEnum):
    """How far a name is: not searched for, being downloaded, or finished in one of four ways."""

    PENDING = "pending"
    COLLECTED = "collected"
    DONE = "done"
    SHORT = "short"
    BLOCKED = "blocked"
    FAILED = "failed"


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
    state: Progress = Progress.PENDING
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
        return self.state in (Progress.PENDING, Progress.COLLECTED)

    def add(
        self, engine: str, search: EngineSearch, candidates: Iterable[Candidate], refused: Iterable[str]
    ) -> list[Candidate]:
        """Add a search's result; return the candidates that are new, ranked behind all that were there before.

        `refused` are links that are known in addition to those of the candidates and the pictures.
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
        self.state = Progress.COLLECTED
        self.searches[engine] = search
        self.candidates += fresh
        self.found += len(fresh)
        self.last = max([self.last, *(c.rank for c in fresh)])

    def keep(self, source: Source, dhash: int | None) -> None:
        """Note a picture."""
        self.kept[source.origin] = source
        if dhash is not None:
            self.hashes[source.origin] = dhash

    def twin(self, dhash: int | None, bits: int) -> str | None:
        """Return the id of a picture whose dHash differs from this one by so many bits at most."""
        if dhash is None:
            return None
        return next((id for id, other in self.hashes.items() if (dhash ^ other).bit_count() <= bits), None)

    def forget(self) -> None:
        """Be as a name that was never searched for."""
        self.state, self.searches, self.candidates = Progress.PENDING, {}, []
        self.kept, self.hashes, self.found, self.last = {}, {}, 0, 0
        self.retrying, self.tried = False, set()

    def end(self, state: Progress) -> None:
        """Be finished for this run."""
        self.state, self.retrying, self.tried = state, False, set()


def after(keyword: Keyword) -> Progress:
    """Return the state of a name that has too few pictures and nothing left to try."""
    bad = [search.state for search in keyword.searches.values() if not search.fine and search.state != State.SOFT_BLOCK]
    if keyword.found or not bad:
        return Progress.SHORT
    return Progress.BLOCKED if all(state in (State.BLOCKED, State.CONSENT) for state in bad) else Progress.FAILED
