"""Search engines: what an engine is, and what it returns.

An engine is a small class: a pure harvester (what a page holds in, candidates out) and the code that drives
the browser around it. Register another one by an entry point in the group `facekit.engine`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Protocol
from urllib.parse import urlsplit

from facekit.options.common import License
from facekit.sources.addresses import canonical

HANDFUL, REPEATED_SHARE = 5, 0.8
"""A page of so many links, so much of which was there before, is a soft block."""


class State(StrEnum):
    """How a search ended; being blocked is never mistaken for an empty result."""

    OK = "ok"
    EMPTY = "empty"
    CONSENT = "consent"
    BLOCKED = "blocked"
    SOFT_BLOCK = "soft block"
    LAYOUT_CHANGED = "layout changed"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A picture that a search found: where its original is, and what the engine says of it."""

    url: str
    rank: int
    """Its place among the results, from 1; what the engine gave and could not be read leaves a gap."""
    engine: str
    query: str
    page_url: str | None = None
    thumbnail: str | None = None
    title: str | None = None
    licence: str | None = None
    licence_url: str | None = None
    creator: str | None = None
    attribution: str | None = None
    """The line by which the picture is to be credited, where the engine gives one."""
    width: int | None = None
    """Of the original, in pixels, where the engine says."""


@dataclass(frozen=True, slots=True)
class Search:
    """What to search for, and what to ask the engine to leave out."""

    query: str
    wanted: int
    """Candidates to collect, where there are as many."""
    face_only: bool = False
    min_width: int = 0
    safe: bool = True
    since: str | None = None
    """`day`, `week`, `month`, `year`, or an ISO date."""
    license: License = "any"


@dataclass(frozen=True, slots=True)
class Results:
    """What one search gave, best first."""

    state: State
    candidates: list[Candidate] = field(default_factory=list)
    note: str = ""
    strategy: str = ""
    """Which of the engine's ways of reading a page gave the candidates."""
    page: str = ""
    """What could not be read, where no browser shows it."""


class Engine(Protocol):
    """Searches for pictures. Built once per bot; `base_url` may point to another server, as a test's.

    An engine that drives a browser may say in `hosts` which hosts its pages need, as patterns such as `*.bing.com`:
    the browser reaches no others. Without `hosts` it reaches the host of `base_url` and the hosts below that.
    """

    name: ClassVar[str]
    needs_browser: ClassVar[bool]
    """Whether `search` drives a browser; else it asks an API."""
    interval: ClassVar[float]
    """Fewest seconds between two searches of all bots together that are polite to this engine."""
    filters: ClassVar[frozenset[str]]
    """What of `face_only`, `min_width`, `safe`, `since` and `license` the engine can filter: see `unfiltered`."""
    terms: ClassVar[str]
    """Address of the engine's terms of use."""
    base_url: str

    def __init__(self, base_url: str | None = None) -> None:
        """Take another address than the engine's own."""
        ...

    def search(self, driver: Any, search: Search) -> Results:
        """Return `search.wanted` candidates where there are as many; a search that was blocked may have some too.

        `driver` is Selenium's WebDriver, or, where no browser is needed, a `requests.Session` that carries
        facekit's user agent. Raises what that raises when it dies or its server does.
        """
        ...


def distinct(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Keep the best-ranked of the candidates that have one canonical URL."""
    best: dict[str, Candidate] = {}
    for candidate in candidates:
        best.setdefault(canonical(candidate.url), candidate)
    return list(best.values())


def repeated(pages: Iterable[Sequence[str]]) -> bool:
    """Return whether one of a search's pages gives again what those before it gave: a quiet way to block.

    `pages` holds the URLs of each page.
    """
    seen: set[str] = set()
    for page in pages:
        urls = [canonical(url) for url in page]
        # A handful says nothing: the last page of a short result may well repeat one picture.
        if len(urls) >= HANDFUL and sum(url in seen for url in urls) >= REPEATED_SHARE * len(urls):
            return True
        seen.update(urls)
    return False


def hosts_of(engine: type[Engine]) -> tuple[str, ...]:
    """Return patterns of the hosts that an engine's pages need."""
    hosts: tuple[str, ...] | None = getattr(engine, "hosts", None)
    if hosts is not None:
        return hosts
    host = (urlsplit(engine().base_url).hostname or "").removeprefix("www.")
    return host, f"*.{host}"
