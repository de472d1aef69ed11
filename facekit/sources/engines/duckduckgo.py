"""DuckDuckGo Images: the page gives a token, and for it `i.js` gives the results as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar, NamedTuple
from urllib.parse import parse_qs, urlencode, urlsplit

import msgspec

from facekit.base.plain import Json
from facekit.sources.engines import Results, Search, State
from facekit.sources.engines.driving import REFUSED, address, patience, run, status, visible, wait
from facekit.sources.engines.filters import age
from facekit.sources.engines.paging import SHOWN, Page, collect
from facekit.sources.engines.reading import LONGEST, Keys, candidate, fields, parse, string

if TYPE_CHECKING:
    from selenium.webdriver.remote.webdriver import WebDriver

LICENCES = {"open": "Any", "commercial": "ModifyCommercially"}
"""Any Creative Commons licence; to modify, share and use commercially."""

PAGES = 20

_KEYS = Keys(url="image", page_url="url", thumbnail="thumbnail", title="title")

_HTML = "const html = document.documentElement ? document.documentElement.outerHTML : '';"
_TOKEN = (
    _HTML
    + r"""
const found = html.match(/vqd=(?:"([^"]{1,200})"|'([^']{1,200})'|([\d-]{5,200}))/);
return found ? found[1] || found[2] || found[3] : null;
"""
)
_SHOWN = _HTML + "return html.slice(0, arguments[0]);"
_CHALLENGE = ".anomaly-modal__modal, .anomaly-modal__mask, #challenge-form, form[action*='anomaly.js']"

# In the page itself, so that user agent, cookies and Referer are those that the token was given to.
_FETCH = """
const [url, most, done] = arguments, leave = new AbortController();
setTimeout(() => leave.abort(), 8000);
async function read() {
  const answer = await fetch(url, {signal: leave.signal, headers: {Accept: 'application/json'}});
  const parts = answer.body ? answer.body.pipeThrough(new TextDecoderStream()).getReader() : null;
  let text = '';
  for (let part; parts && text.length <= most && !(part = await parts.read()).done;) text += part.value;
  leave.abort();
  return [answer.status, text.slice(0, most)];
}
read().then(done, error => done([0, String(error).slice(0, 200)]));
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
    hosts: ClassVar[tuple[str, ...]] = ("duckduckgo.com", "*.duckduckgo.com")

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
            return Results(state, note=f"{address(driver)} gave no token", page=run(driver, str, _SHOWN, SHOWN))
        return collect(self._pages(driver, search, token), search, "i.js")

    def _pages(self, driver: WebDriver, search: Search, token: str) -> Iterator[Page]:
        start, before = "0", 0
        for _ in range(PAGES):
            asked = urlencode({**parameters(search), "vqd": token, **({"s": start} if before else {})})
            fetched = _fetch(driver, f"{self.base_url}/i.js?{asked}")
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
        "size": "",  # its names are vague, and each result has its width
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
    values = fields(parse(fetched.text))
    results = values.get("results")
    if not isinstance(results, list):
        return Page(state=State.LAYOUT_CHANGED, note="no `results` in the answer of i.js", text=shown), None
    ranked = enumerate(results, before + 1)
    read = [found for rank, one in ranked if (found := candidate(one, _KEYS, rank, DuckDuckGo.name, query))]
    return Page(read, len(results) - len(read), text=shown), _next(values) if results else None


def _next(values: Mapping[str, Json]) -> str | None:
    """Return where the next page starts: its address holds that, and no token."""
    url = string(values, "next")
    return parse_qs(urlsplit(url).query).get("s", [None])[0] if url else None


def _fetch(driver: WebDriver, url: str) -> Fetched:
    """Fetch a URL by a script of the page. Raises ConnectionError for no answer, and for none that can be read."""
    answer = driver.execute_async_script(_FETCH, url, LONGEST)
    try:
        return msgspec.convert(answer, Fetched)
    except msgspec.ValidationError as error:
        raise ConnectionError(f"the page made the script return something else ({error})") from None


def _is_blocked(driver: WebDriver) -> bool:
    return status(driver) in (202, *REFUSED) or visible(driver, _CHALLENGE)


def _token(driver: WebDriver) -> str | None:
    return run(driver, str | None, _TOKEN)  # type: ignore[arg-type]
