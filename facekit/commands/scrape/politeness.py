"""Rate limits of each host: how many downloads at once, how far apart, and when to stop."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

from facekit.commands.scrape.download import Picture, Refused

AT_ONCE = 2
"""Downloads under way at one host."""

GAP, GAP_MOST = 0.25, 60.0
"""Seconds between two starts at a host: the fewest, and the most, for a slow one."""

STRIKES, REST = 5, 900.0
"""After so many 403, 429 and time-outs in a row a host is left alone for so many seconds."""

STRIKING = ("http 403", "http 429", "timed out")


class Outcome(NamedTuple):
    """How a download ended: `picture`, or why there is none."""

    picture: Picture | None
    refused: Refused | None
    seconds: float
    """How long the host took to answer."""
    dhash: int | None = None
    """The picture's difference hash, to look for near repeats."""


@dataclass(slots=True)
class _Host:
    running: int = 0
    gap: float = field(default_factory=lambda: GAP)
    free_at: float = 0.0
    strikes: int = 0
    rests_until: float = 0.0


class Hosts:
    """When the next download may start at a host. `polite` is False for servers on this machine alone."""

    def __init__(self, polite: bool) -> None:
        self.polite = polite
        self._hosts: defaultdict[str, _Host] = defaultdict(_Host)

    def wait(self, host: str, now: float) -> float:
        """Return the seconds until a start is allowed; infinite while enough are under way."""
        state = self._hosts[host]
        if not self.polite:
            return 0.0
        return float("inf") if state.running >= AT_ONCE else max(0.0, state.free_at - now)

    def resting(self, host: str, now: float) -> bool:
        """Return whether the host has refused so often that it is left alone."""
        return self.polite and now < self._hosts[host].rests_until

    def began(self, host: str, now: float) -> None:
        """Note a start."""
        state = self._hosts[host]
        state.running += 1
        state.free_at = now + state.gap

    def ended(self, host: str, now: float, outcome: Outcome) -> None:
        """Note an end: a slow host is asked less often, and more often again only after it has delivered."""
        state = self._hosts[host]
        state.running -= 1
        share = outcome.seconds / AT_ONCE
        gap = min(max(share, (state.gap + share) / 2, GAP), GAP_MOST)
        state.gap = gap if outcome.refused is None else max(gap, state.gap)
        if outcome.refused is not None:
            state.free_at = max(state.free_at, now + outcome.refused.pause)
        turned_away = outcome.refused is not None and outcome.refused.reason in STRIKING
        state.strikes = state.strikes + 1 if turned_away else 0
        if state.strikes >= STRIKES:
            state.rests_until, state.strikes = now + REST, 0
