"""Where pictures are found: what an engine is, and what it answers.

An engine is a small class: a pure harvester (what a page holds in, candidates out) and the driving of
the browser around it. Register another one by an entry point in the group `facekit.engine`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Protocol
from urllib.parse import urldefrag, urlsplit, urlunsplit


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


@dataclass(frozen=True, slots=True)
class Results:
    """What one search gave, best first."""

    state: State
    candidates: list[Candidate] = field(default_factory=list)
    note: str = ""


class Engine(Protocol):
    """Searches for pictures. Built once a bot; `base_url` may point to another server, as a test's."""

    name: ClassVar[str]
    base_url: str

    def __init__(self, base_url: str | None = None) -> None:
        """Take another address than the engine's own."""
        ...

    def search(self, driver: Any, query: str, wanted: int) -> Results:
        """Return at least `wanted` candidates where there are as many. `driver` is Selenium's WebDriver."""
        ...


def canonical(url: str) -> str:
    """Return a URL by which two links to one picture are known as one: host in lower case, no fragment."""
    parts = urlsplit(urldefrag(url).url)
    return urlunsplit((parts.scheme.lower(), parts.netloc.lower(), parts.path or "/", parts.query, ""))


def is_web(url: object) -> bool:
    """Return whether a value is an absolute http or https URL."""
    if not isinstance(url, str):
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


def distinct(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Keep the best-ranked of the candidates that have one canonical URL."""
    best: dict[str, Candidate] = {}
    for candidate in candidates:
        best.setdefault(canonical(candidate.url), candidate)
    return list(best.values())


def is_loopback(url: str) -> bool:
    """Return whether a URL names this very machine by a loopback address."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
