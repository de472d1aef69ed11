"""One search to see how an engine's page is read today: nothing is downloaded."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from facekit.base.contract import FacekitError, Report
from facekit.base.plain import Json, to_plain
from facekit.base.text import visible
from facekit.commands.scrape import names as naming
from facekit.commands.scrape.browsers import DEATHS, brief
from facekit.commands.scrape.evidence import Evidence, KeptPages, look
from facekit.commands.scrape.plan import Plan
from facekit.dataset.info import Terms
from facekit.sources import browser
from facekit.sources.engines import Candidate, Results, Search, State

if TYPE_CHECKING:
    from selenium.webdriver.remote.webdriver import WebDriver

NAME = "Ada Lovelace"
"""Whom to search for where no name is given: someone of whom every engine has pictures."""

WANTED = 50
SHOWN = 5

_ADVICE = {
    State.BLOCKED: "wait some hours, or try another engine",
    State.SOFT_BLOCK: "wait some hours, or try another engine",
    State.CONSENT: "its consent page could not be accepted; see the saved picture of it",
    State.LAYOUT_CHANGED: "its page has changed; see the saved page, and use another engine for now",
}


@dataclass(frozen=True)
class Probe:
    """What one search gave."""

    engine: str
    query: str
    results: Results
    files: list[str]
    """What was kept of a page that could not be read."""
    about: Terms

    @property
    def shares(self) -> dict[str, int]:
        """How many of the candidates have what."""
        found = self.results.candidates
        return {
            "page": sum(one.page_url is not None for one in found),
            "licence": sum(one.licence is not None for one in found),
            "size": sum(one.width is not None for one in found),
        }

    def details(self) -> dict[str, Json]:
        """Return what `--json` prints, and the lines that a person reads."""
        results, first = self.results, [_given(one) for one in self.results.candidates[:SHOWN]]
        values = {
            "engine": self.engine,
            "query": self.query,
            "state": str(results.state),
            "strategy": results.strategy,
            "note": results.note,
            "found": len(results.candidates),
            "with": self.shares,
            "first": first,
            "files": self.files,
            **asdict(self.about),
            "lines": self.lines(),
        }
        return {key: to_plain(value) for key, value in values.items()}

    def lines(self) -> list[str]:
        """Return what a person reads."""
        results = self.results
        shares = ", ".join(f"{count} with {what}" for what, count in self.shares.items())
        lines = [
            f"engine     {self.engine}",
            f"query      {self.query}",
            f"state      {results.state}" + (f" ({results.note})" if results.note else ""),
            f"strategy   {results.strategy or 'none matched'}",
            f"found      {len(results.candidates)} ({shares})",
            f"terms      {self.about.terms}",
        ]
        lines += [f"unfiltered {', '.join(self.about.unfiltered)}"] if self.about.unfiltered else []
        lines += [f"{one.rank:<10} {one.url}" for one in results.candidates[:SHOWN]]
        return list(map(visible, [*lines, *(f"kept       {path}" for path in self.files)]))


def probe(plan: Plan) -> Report:
    """Search once and report the result.

    Raises FacekitError, with the report, where the engine gave no readable answer.
    """
    (engine,) = plan.classes
    name = naming.read_names(plan.options.names)[0] if plan.options.names else NAME
    search, output = plan.search(name, WANTED), plan.options.output
    began = time.monotonic()
    results, evidence = _search(plan, engine, search)
    files = KeptPages(output).keep("probe", engine, evidence) if evidence else []
    made = Probe(engine, search.query, results, list(map(str, files)), plan.terms()[engine])
    report = Report("probe", str(output), seconds=round(time.monotonic() - began, 2), details=made.details())
    if results.state not in (State.OK, State.EMPTY):
        raise FacekitError(f"{engine}: {results.state} ({visible(results.note)}); {_ADVICE[results.state]}", report)
    return report


def _search(plan: Plan, engine: str, search: Search) -> tuple[Results, Evidence | None]:
    with plan.tools() as tools:
        made = tools.engines[engine]()
        if made.needs_browser:
            browser.sweep()
            return _search_in_browser(tools.browser(), engine, lambda driver: made.search(driver, search))
        with tools.session() as session:
            try:
                results = made.search(session, search)
            except OSError as error:  # all that requests raises
                raise FacekitError(f"{engine} does not answer ({brief(error)}); check its address") from None
    bad = results.state not in (State.OK, State.EMPTY) and results.page
    return results, Evidence(text=results.page) if bad else None


def _search_in_browser(
    one: browser.Browser, engine: str, search: Callable[[WebDriver], Results]
) -> tuple[Results, Evidence | None]:
    try:
        results = search(one.start())
        return results, None if results.state in (State.OK, State.EMPTY) else look(one)
    except DEATHS as error:
        raise FacekitError(f"{engine}: the search failed ({brief(error)}); see `facekit doctor`") from None
    finally:
        one.close()


def _given(candidate: Candidate) -> dict[str, Json]:
    """Return what is known of a candidate."""
    return {key: to_plain(value) for key, value in asdict(candidate).items() if value is not None}
