"""DuckDuckGo Images: the page gives a token, and for it `i.js` gives the results as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple
from urllib.parse import parse_qs, urlencode, urlsplit

from facekit.sources.engines import Candidate, Results, Search, State, is_web
from facekit.sources.engines.driving import REFUSED, patience, status, visible, wait
from facekit.sources.engines.filters import age
from facekit.sources.engines.paging import SHOWN, Page, collect, string, whole

if TYPE_CHECKING:
    from selenium.webdriver.remote.webdriver import WebDriver

LICENCES = {"open": "Any", "commercial": "ModifyCommercially"}
"""Any Creative Commons licence; to modify, share and use commercially."""

PAGES = 20

_TOKEN = re.compile(r"""vqd=(?:"([^"]+)"|'([^']+)'|([\d-]{5,}))""")
_CHALLENGE = ".anomaly-modal__modal, .anomaly-modal__mask, #challenge-form, form[action*='anomaly.js']"

# In the page itself, so that user agent, cookies and Referer are those that the token was given to.
_FETCH = """
const done = arguments[1];
fetch(arguments[0], {signal: AbortSignal.timeout(8000), headers: {Accept: 'application/json'}})
  .then(async answer => done([answer.status, await answer.text()]), error => done([0, String(error)]))
"""


class Fetched(NamedTuple):
    """An answer as the page's script got it; status 0 where there was none."""

    status: int
    text: str


class DuckDuckGo:
    """Searches DuckDuckGo Images in a browser."""

    name: ClassVar[str] = "duckduckgo"
    needs_browser: ClassVar[bool] = True
    interval: ClassVar[float] = 8.0
    filters: ClassVar[frozenset[str]] = frozenset({"min_width", "safe", "since<=year", "license"})
    terms: ClassVar[str] = "https://duckduckgo.com/terms"

    def __init__(self, base_url: str | None = None) -> None:
        self.base_url = (base_url or "https://duckduckgo.com").rstrip("/")
        self._patience = patience(self.base_url)

    def address(self, search: Search) -> str:
        """Return the address of the page that gives the token."""
        return f"{self.base_url}/?{urlencode({'q': search.query, 'iax': 'images', 'ia': 'images'})}"

    def search(self, driver: WebDriver, search: Search) -> Results:
        """Follow the pages until there are as many candidates as wanted or no next one."""
        driver.get(self.address(search))
        wait(driver, lambda d: _token(d) or _is_blocked(d), self._patience.first)
        token = _token(driver)
        if token is None:
            state = State.BLOCKED if _is_blocked(driver) else State.LAYOUT_CHANGED
            return Results(state, note=f"{driver.current_url} gave no token", page=driver.page_source[:SHOWN])
        return collect(self._pages(driver, search, token), search, "i.js")

    def _pages(self, driver: WebDriver, search: Search, token: str) -> Iterator[Page]:
        start, before = "0", 0
        for _ in range(PAGES):
            asked = urlencode({**parameters(search), "vqd": token, **({"s": start} if before else {})})
            fetched = Fetched(*driver.execute_async_script(_FETCH, f"{self.base_url}/i.js?{asked}"))
            if not fetched.status:
                raise ConnectionError(f"i.js did not answer: {fetched.text}")
            page, after = harvest(fetched, search.query, before)
            yield page
            if after is None:
                return
            start, before = after, before + len(page.candidates) + page.unread


def parameters(search: Search) -> dict[str, str]:
    """Return what to ask `i.js` for. A date is sought by the shortest past time that reaches back to it."""
    wanted = {
        "time": (age(search.since) or "").capitalize(),
        "size": "",  # its names are vague, and each result tells its width
        "color": "",
        "type": "",
        "layout": "",
        "license": LICENCES.get(search.license, ""),
    }
    filters = ",".join(f"{name}:{value}" if value else "" for name, value in wanted.items())
    return {"o": "json", "q": search.query, "l": "us-en", "p": "1" if search.safe else "-1", "f": filters}


def harvest(fetched: Fetched, query: str, before: int = 0) -> tuple[Page, str | None]:
    """Read one answer of `i.js`; return its page, and where the next one starts.

    `before` results were on the pages before it. A result that cannot be read costs itself alone.
    """
    shown = fetched.text[:SHOWN]
    if fetched.status != 200:
        state = State.BLOCKED if fetched.status in (202, *REFUSED) else State.LAYOUT_CHANGED
        return Page(state=state, note=f"i.js answered HTTP {fetched.status}", text=shown), None
    try:
        values: Any = json.loads(fetched.text)
    except ValueError:
        values = None
    results = values.get("results") if isinstance(values, dict) else None
    if not isinstance(results, list):
        return Page(state=State.LAYOUT_CHANGED, note="no `results` in the answer of i.js", text=shown), None
    read = [found for rank, one in enumerate(results, before + 1) if (found := _candidate(one, rank, query))]
    return Page(read, len(results) - len(read), text=shown), _next(values) if results else None


def _next(values: dict[str, Any]) -> str | None:
    """Return where the next page starts: its address holds that, and no token."""
    address = string(values, "next")
    return parse_qs(urlsplit(address).query).get("s", [None])[0] if address else None


def _candidate(values: Any, rank: int, query: str) -> Candidate | None:
    if not isinstance(values, dict) or not is_web(values.get("image")):
        return None
    return Candidate(
        url=values["image"],
        rank=rank,
        engine=DuckDuckGo.name,
        query=query,
        page_url=string(values, "url"),
        thumbnail=string(values, "thumbnail"),
        title=string(values, "title"),
        width=whole(values, "width"),
    )


def _is_blocked(driver: WebDriver) -> bool:
    return status(driver) in (202, *REFUSED) or bool(visible(driver, _CHALLENGE))


def _token(driver: WebDriver) -> str | None:
    found = _TOKEN.search(driver.page_source)
    return found.group(found.lastindex or 0) if found else None
