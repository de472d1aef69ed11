"""Collect paged results until there are enough, with the reason why they end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from facekit.base.text import counted
from facekit.sources.engines import Candidate, Results, Search, State, distinct, repeated
from facekit.sources.engines.filters import fits

SHOWN = 20_000
"""Characters of an answer that could not be read which are kept."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of results, or why there is none."""

    candidates: Sequence[Candidate] = ()
    unread: int = 0
    """Records that could not be read."""
    unsought: int = 0
    """Records that were read, and are no pictures for anyone who searches for people."""
    state: State | None = None
    note: str = ""
    text: str = ""


def collect(
    pages: Iterable[Page], search: Search, strategy: str, keep: Callable[[Candidate], bool] = lambda candidate: True
) -> Results:
    """Take pages until there are as many candidates to `keep` as wanted; what was found before a block stays."""
    found: list[Candidate] = []
    read = unread = unsought = 0
    seen: list[list[str]] = []
    for page in pages:
        if page.state is not None:
            return Results(page.state, found[: search.wanted], page.note, strategy, page.text)
        read, unread, unsought = read + len(page.candidates), unread + page.unread, unsought + page.unsought
        seen.append([candidate.url for candidate in page.candidates])
        if repeated(seen):
            return Results(State.SOFT_BLOCK, found[: search.wanted], f"page {len(seen)} repeats others", strategy)
        if not read and unread > unsought:
            note = f"none of {counted(unread, 'record')} could be read"
            return Results(State.LAYOUT_CHANGED, [], note, strategy, page.text)
        asked_for = (c for c in page.candidates if fits(c, search) and keep(c))
        found = distinct([*found, *asked_for])
        if len(found) >= search.wanted:
            break
    read += unsought
    note = f"{counted(read + unread, 'record')}, {unread} unreadable, {read - len(found)} double or not as asked for"
    return Results(State.OK if found else State.EMPTY, found[: search.wanted], note, strategy)
