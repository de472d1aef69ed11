"""What a host says of its pictures as a whole: its robots.txt, and its `/.well-known/tdmrep.json`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
from protego import Protego
from urllib3.util import parse_url

from facekit.sources.optouts import (
    ROBOTS,
    SIGNAL_RULE,
    TDM_FILE,
    TOKEN,
    USAGE_RULE,
    OptOut,
    signalled,
    training,
)

ROBOTS_PATH, TDM_PATH = "/robots.txt", "/.well-known/tdmrep.json"

MOST_BYTES = 500 * 1024
"""What is read of either file, as RFC 9309 has it."""

MOST_RULES = 1_000
"""Rules of a tdmrep.json that are looked at for each picture."""

_AGENT = re.compile(r"\s*user[ -]?agent\s*[: ]\s*([^#]*)", re.IGNORECASE)
_RULE = re.compile(r"\s*(content-usage|content-signal)\s*:\s*(?:(/\S*)\s+)?([^#]*)", re.IGNORECASE)

_NOTHING = "Crawl-delay: 0"
"""A rule that says nothing, and ends the list of the agents that a group is for."""


@dataclass(frozen=True)
class SiteRules:
    """What one host allows: by scheme, name and port."""

    origin: str = ""
    access: Protego = field(default_factory=Protego)
    usage: Protego = field(default_factory=Protego)
    """Its rules of `Content-Usage`, read as if they were rules about what may be fetched."""
    signals: Protego = field(default_factory=Protego)
    """Its rules of `Content-Signal`, likewise."""
    reserved: tuple[tuple[Protego, bool], ...] = ()
    """The patterns of its tdmrep.json, each with whether rights are reserved."""

    def forbids(self, url: str) -> OptOut | None:
        """Return why a picture may not be fetched, or not be used once it has been."""
        for signal, rules in ((ROBOTS, self.access), (USAGE_RULE, self.usage), (SIGNAL_RULE, self.signals)):
            if not _allows(rules, url):
                return OptOut(signal, self.origin + ROBOTS_PATH)
        return None

    def reserves(self, url: str) -> OptOut | None:
        """Return what tdmrep.json says, where it reserves the rights; a header of the answer may overrule it."""
        for pattern, reserved in self.reserved:
            if not _allows(pattern, url):
                return OptOut(TDM_FILE, self.origin + TDM_PATH) if reserved else None
        return None


def origin_of(url: str) -> str:
    """Return what a host's rules hold for, and where its files are: `https://example.org:8443`.

    Read as by the code that connects. Raises ValueError for an address that cannot be read.
    """
    parts = parse_url(url)
    return f"{parts.scheme}://{parts.netloc}"


def site_rules(origin: str, robots: bytes, tdm: bytes) -> SiteRules:
    """Read a host's two files; of one that it does not have, the bytes are empty."""
    lines = list(_own(robots[:MOST_BYTES].decode("utf-8-sig", "replace")))
    return SiteRules(
        origin,
        Protego.parse("\n".join(lines)),
        Protego.parse(_as_access(lines, "content-usage", training)),
        Protego.parse(_as_access(lines, "content-signal", signalled)),
        tuple(_patterns(tdm)),
    )


def _allows(rules: Protego, url: str) -> bool:
    return rules.can_fetch(f"http://host{parse_url(url).request_uri}", TOKEN)


def _own(robots: str) -> Iterator[str]:
    """Yield the lines of a robots.txt, all agents but facekit and `*` as one.

    A rule is kept once for each agent of its group, and a file from a stranger may name thousands of both.
    """
    before = ""
    for line in robots.splitlines():
        found = _AGENT.match(line)
        if found:
            agent = found[1].strip().lower().partition("/")[0]
            line = f"User-agent: {agent if agent in ('*', TOKEN) else 'another'}"
        if line.partition("#")[0].strip() and line != before:
            yield line
            before = line


def _as_access(lines: list[str], kind: str, meaning: Callable[[str], bool | None]) -> str:
    """Return a robots.txt whose rules about use stand as rules about access, so that one library matches both.

    `Content-Usage: /a train-ai=n` becomes `Disallow: /a`. The rules of a group stay with its agents, and the longest
    path decides, as the draft asks. Of two rules for one path, that which forbids holds.
    """
    read: list[str] = []
    said: dict[str, bool] = {}
    for line in lines:
        if _AGENT.match(line):
            read += [*_rules(said), line]
            said = {}
        elif found := _RULE.match(line):
            read.append(_NOTHING)
            allowed = meaning(found[3])
            if found[1].lower() == kind and allowed is not None:
                path = found[2] or "/"
                said[path] = allowed and said.get(path, True)
        elif not line.lstrip().lower().startswith(("sitemap", "host")):
            read.append(_NOTHING)
    return "\n".join([*read, *_rules(said)])


def _rules(said: dict[str, bool]) -> list[str]:
    return [f"{'Allow' if allowed else 'Disallow'}: {path}" for path, allowed in said.items()]


def _patterns(tdm: bytes) -> Iterator[tuple[Protego, bool]]:
    """Yield the rules of a tdmrep.json, in its order: the first that matches a path holds."""
    try:
        rules: Any = msgspec.json.decode(tdm[:MOST_BYTES])
    except (msgspec.DecodeError, RecursionError):
        return
    for rule in rules[:MOST_RULES] if isinstance(rules, list) else []:
        location = rule.get("location") if isinstance(rule, dict) else None
        reserved = str(rule.get("tdm-reservation")).strip() if location else ""
        if isinstance(location, str) and reserved in ("0", "1"):
            path = "/" + location.split("\n")[0].removeprefix("/")
            yield Protego.parse(f"User-agent: *\nDisallow: {path}"), reserved == "1"
