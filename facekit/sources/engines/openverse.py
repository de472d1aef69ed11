"""Openverse, by its API: openly licensed pictures of many collections, each with the line that credits it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from facekit.base.plain import Json
from facekit.sources.engines import Candidate, Results, Search, State
from facekit.sources.engines.api import Answer, Api, Budget
from facekit.sources.engines.filters import is_licensed
from facekit.sources.engines.paging import Page, collect
from facekit.sources.engines.reading import Keys, candidate, fields, string, whole

if TYPE_CHECKING:
    import requests

PAGE, DEPTH = 20, 240
"""Results a page, and in all, that the API gives without an account."""

LICENCES = {"commercial": "by,by-sa,cc0,pdm"}
"""Those that allow commercial use and changes. All that Openverse holds is open."""

_KEYS = Keys(url="url", page_url="foreign_landing_url", thumbnail="thumbnail", title="title")
_BUDGET = Budget(rate=20, seconds=60.0, daily=200)
_NAMES = {"cc0": "CC0", "pdm": "Public Domain Mark"}


class Openverse:
    """Searches Openverse without an account: 20 requests a minute and 200 a day, of all bots together."""

    name: ClassVar[str] = "openverse"
    needs_browser: ClassVar[bool] = False
    interval: ClassVar[float] = 3.0
    filters: ClassVar[frozenset[str]] = frozenset({"min_width", "safe", "license"})
    terms: ClassVar[str] = "https://docs.openverse.org/terms_of_service.html"

    def __init__(self, base_url: str | None = None) -> None:
        self.base_url = (base_url or "https://api.openverse.org").rstrip("/")
        self._api = Api(f"{self.base_url}/v1/images/", _BUDGET)

    def search(self, driver: requests.Session, search: Search) -> Results:
        """Take pages of 20 until there are as many candidates as wanted, or 240 results were seen."""
        return collect(self._pages(driver, search), search, "api", lambda c: is_licensed(c.licence, search))

    def stop(self) -> None:
        """Let a search that waits end at once, by InterruptedError."""
        self._api.stop()

    def _pages(self, session: requests.Session, search: Search) -> Iterator[Page]:
        for number in range(1, DEPTH // PAGE + 1):
            answer = self._api.ask(session, parameters(search, number))
            if number > 1 and _is_end(answer):
                return
            yield answer.end() or replace(harvest(answer.values, search, PAGE * (number - 1)), text=answer.text)
            if number >= (whole(answer.values, "page_count") or 0):
                return


def parameters(search: Search, page: int) -> dict[str, str | int]:
    """Return what to ask the API for."""
    values: dict[str, str | int] = {"q": search.query, "page_size": PAGE, "page": page}
    if search.license in LICENCES:
        values["license"] = LICENCES[search.license]
    if not search.safe:
        values["mature"] = "true"
    return values


def harvest(values: Mapping[str, Json], search: Search, before: int = 0) -> Page:
    """Read one answer of the API; `before` results were on the pages before it.

    A record that cannot be read costs itself alone, and so does one that is not for everyone.
    """
    results = values.get("results")
    if not isinstance(results, list):
        return Page(state=State.LAYOUT_CHANGED, note="no `results` in the answer")
    ranked = [(rank, one) for rank, one in enumerate(results, before + 1) if not (search.safe and _is_mature(one))]
    read = [found for rank, one in ranked if (found := _candidate(one, rank, search))]
    return Page(read, len(ranked) - len(read), len(results) - len(ranked))


def _is_mature(result: Json) -> bool:
    return bool(fields(result).get("mature"))


def _candidate(result: Json, rank: int, search: Search) -> Candidate | None:
    found, values = candidate(result, _KEYS, rank, Openverse.name, search.query), fields(result)
    return found and replace(
        found,
        licence=_licence(values),
        licence_url=string(values, "license_url"),
        creator=string(values, "creator"),
        attribution=string(values, "attribution"),
    )


def _licence(values: Mapping[str, Json]) -> str | None:
    """Return the licence as people write it: `by-sa` and `4.0` are CC BY-SA 4.0."""
    code = string(values, "license")
    if code is None:
        return None
    name = _NAMES.get(code) or f"CC {code.upper()}"
    return " ".join(filter(None, (name, string(values, "license_version"))))


def _is_end(answer: Answer) -> bool:
    """Return whether a later page was refused because there is none: no such page, or too deep for us."""
    return answer.status in (400, 401, 404)
