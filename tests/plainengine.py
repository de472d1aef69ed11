"""A search engine without a browser, as another package would register it: it asks the plain web for cards."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from typing import Any, ClassVar

from facekit.sources.engines import Results, Search, State
from facekit.sources.engines.bing import harvest

AGENTS: list[str] = []
"""The user agents that asked."""


class PlainEngine:
    """Finds what the web has for `more NAME`."""

    name: ClassVar[str] = "plain"
    word: ClassVar[str] = "more"
    needs_browser: ClassVar[bool] = False
    interval: ClassVar[float] = 2.0
    filters: ClassVar[frozenset[str]] = frozenset({"safe"})
    terms: ClassVar[str] = "https://example.org/terms"

    def __init__(self, base_url: str | None = None) -> None:
        self.base_url = base_url or "https://example.org"

    def search(self, driver: Any, search: Search) -> Results:
        """Ask once."""
        words = f"{self.word} {search.query}"
        answer = driver.get(f"{self.base_url}/images/async", params={"q": words, "first": 1, "count": 35})
        AGENTS.append(answer.request.headers["User-Agent"])
        cards = [html.unescape(card) for card in re.findall(r'\sm="([^"]*)"', answer.text)]
        if "<html" in answer.text:
            return Results(State.LAYOUT_CHANGED, note="no cards", page=answer.text)
        found = [replace(c, engine=self.name, licence="cc0") for c in harvest(cards, search.query)]
        state = State.OK if found else State.EMPTY
        return Results(state, found[: search.wanted], strategy="cards")


class Other(PlainEngine):
    """Finds what the web has for `other NAME`."""

    name: ClassVar[str] = "other"
    word: ClassVar[str] = "other"


class Blocking(PlainEngine):
    """Blocks every search."""

    name: ClassVar[str] = "blocking"

    def search(self, driver: Any, search: Search) -> Results:
        """Say no."""
        return Results(State.BLOCKED, note="no more for you")


class Changed(PlainEngine):
    """Answers what nobody can read."""

    name: ClassVar[str] = "changed"

    def search(self, driver: Any, search: Search) -> Results:
        """Answer."""
        return Results(State.LAYOUT_CHANGED, note="no JSON", page="<tile>")


class Dead(PlainEngine):
    """Is not there."""

    name: ClassVar[str] = "dead"

    def search(self, driver: Any, search: Search) -> Results:
        """Ask a port at which nobody listens."""
        driver.get("http://127.0.0.1:9/")
        raise AssertionError


ENGINES = {cls.name: f"plainengine:{cls.__name__}" for cls in (PlainEngine, Other, Blocking, Changed, Dead)}
