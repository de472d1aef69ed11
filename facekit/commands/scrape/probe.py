"""One search to see how an engine's page is read today: nothing is downloaded."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

from facekit.base.contract import FacekitError, Report
from facekit.base.plain import Json
from facekit.commands.scrape import names as naming
from facekit.commands.scrape.choice import Choice
from facekit.commands.scrape.crew import DEATHS, brief
from facekit.commands.scrape.evidence import Drawer, Evidence, look
from facekit.sources import browser
from facekit.sources.engines import Candidate, Results, State

NAME = "Ada Lovelace"
"""Whom to search for where no name is given: someone of whom every engine has pictures."""

WANTED = 50
SHOWN = 5

_MENDS = {
    State.BLOCKED: "wait some hours, or try another engine",
    State.SOFT_BLOCK: "wait some hours, or try another engine",
    State.CONSENT: "its consent page could not be passed; look at the picture of it",
    State.LAYOUT_CHANGED: "its page has changed; look at what was kept of it, and use another engine meanwhile",
}


def probe(choice: Choice) -> Report:
    """Search once and say what came of it.

    Raises FacekitError, with the report, where the engine gave no readable answer.
    """
    (engine,) = choice.classes
    name = naming.read_names(choice.options.names)[0] if choice.options.names else NAME
    search = choice.search(name, WANTED)
    began = time.monotonic()
    results, evidence = _search(choice, engine, search)
    files = Drawer(choice.options.output).keep("probe", engine, evidence) if evidence else []
    terms = choice.terms()[engine]
    details: dict[str, Json] = {
        "engine": engine,
        "query": search.query,
        "state": str(results.state),
        "strategy": results.strategy,
        "note": results.note,
        "found": len(results.candidates),
        "with": _shares(results.candidates),
        "first": [_plain(candidate) for candidate in results.candidates[:SHOWN]],
        "files": list(map(str, files)),
        "terms": terms.terms,
        "unfiltered": list(terms.unfiltered),
    }
    details["lines"] = _lines(details)
    report = Report("probe", str(choice.options.output), seconds=round(time.monotonic() - began, 2), details=details)
    if results.state not in (State.OK, State.EMPTY):
        raise FacekitError(f"{engine}: {results.state} ({results.note}); {_MENDS[results.state]}", report)
    return report


def _search(choice: Choice, engine: str, search: Any) -> tuple[Results, Evidence | None]:
    means = choice.means()
    made = means.engines[engine]()
    if not made.needs_browser:
        with means.session() as session:
            try:
                results = made.search(session, search)
            except OSError as error:  # all that requests raises
                raise FacekitError(f"{engine} does not answer ({brief(error)}); look at the address") from None
        bad = results.state not in (State.OK, State.EMPTY) and results.page
        return results, Evidence(text=results.page) if bad else None
    browser.sweep()
    one = means.browser()
    try:
        results = made.search(one.start(), search)
        return results, None if results.state in (State.OK, State.EMPTY) else look(one)
    except DEATHS as error:
        raise FacekitError(f"{engine}: the search died ({brief(error)}); see `facekit doctor`") from None
    finally:
        one.close()


def _shares(candidates: list[Candidate]) -> dict[str, int]:
    return {
        "page": sum(c.page_url is not None for c in candidates),
        "licence": sum(c.licence is not None for c in candidates),
        "size": sum(c.width is not None for c in candidates),
    }


def _plain(candidate: Candidate) -> dict[str, Any]:
    return {key: value for key, value in asdict(candidate).items() if value is not None}


def _lines(details: dict[str, Any]) -> list[str]:
    shares = ", ".join(f"{count} with {what}" for what, count in details["with"].items())
    lines = [
        f"engine     {details['engine']}",
        f"query      {details['query']}",
        f"state      {details['state']}" + (f" ({details['note']})" if details["note"] else ""),
        f"strategy   {details['strategy'] or 'none matched'}",
        f"found      {details['found']} ({shares})",
        f"terms      {details['terms']}",
    ]
    lines += [f"unfiltered {', '.join(details['unfiltered'])}"] if details["unfiltered"] else []
    lines += [f"{c['rank']:<10} {c['url']}" for c in details["first"]]
    return lines + [f"kept       {path}" for path in details["files"]]
