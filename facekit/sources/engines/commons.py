"""Wikimedia Commons, by its API: free pictures with licence and creator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any, ClassVar

from facekit.sources.engines import Candidate, Results, Search, State, is_web
from facekit.sources.engines.api import Api, Budget
from facekit.sources.engines.filters import is_licensed
from facekit.sources.engines.paging import Page, collect, string, whole

if TYPE_CHECKING:
    import requests

PAGE, PAGES = 50, 20
"""Results a page, and pages that are worth asking for."""

RENDERED = 1280
"""Width to which Commons scales what is wider: its originals are often of tens of megabytes."""

MAXLAG = 5
"""Seconds that the databases may lag behind before the API turns a request of a bot away."""

PICTURES = ("image/jpeg", "image/png", "image/webp")

BUSY = ("maxlag", "ratelimited", "cirrussearch-too-busy-error")
DENIED = ("blocked", "autoblocked", "globalblocking-blockedtext", "permissiondenied", "readapidenied")
"""Codes of errors that ask to wait, and that say we are not welcome."""

_BUDGET = Budget(at_once=3)


class Commons:
    """Searches Wikimedia Commons. All it holds may be used commercially and changed, so `license` costs little."""

    name: ClassVar[str] = "commons"
    needs_browser: ClassVar[bool] = False
    interval: ClassVar[float] = 1.0
    filters: ClassVar[frozenset[str]] = frozenset({"min_width", "license"})
    terms: ClassVar[str] = "https://foundation.wikimedia.org/wiki/Policy:Terms_of_Use"

    def __init__(self, base_url: str | None = None) -> None:
        self.base_url = (base_url or "https://commons.wikimedia.org").rstrip("/")
        self._api = Api(f"{self.base_url}/w/api.php", _BUDGET)

    def search(self, driver: requests.Session, search: Search) -> Results:
        """Take pages of 50 until there are as many candidates as wanted."""
        return collect(self._pages(driver, search), search, "api", lambda c: is_licensed(c.licence, search))

    def stop(self) -> None:
        """Let a search that waits end at once, by InterruptedError."""
        self._api.stop()

    def _pages(self, session: requests.Session, search: Search) -> Iterator[Page]:
        params = parameters(search)
        for _ in range(PAGES):
            answer = self._api.ask(session, params, _lag)
            yield answer.end() or replace(harvest(answer.values, search.query), text=answer.text)
            more = answer.values.get("continue")
            if not isinstance(more, dict):
                return
            params = {**params, **more}


def parameters(search: Search) -> dict[str, str | int]:
    """Return what to ask the API for."""
    wanted = ["filetype:bitmap", f"filew:>{search.min_width - 1}" if search.min_width > 1 else "", search.query]
    return {
        "action": "query",
        "format": "json",
        "generator": "search",
        "gsrnamespace": 6,
        "gsrsearch": " ".join(word for word in wanted if word),
        "gsrlimit": PAGE,
        "gsroffset": 0,
        "prop": "imageinfo",
        "iiprop": "url|size|mime|sha1|extmetadata",
        "iiurlwidth": max(RENDERED, search.min_width),
        "maxlag": MAXLAG,
    }


def harvest(values: Mapping[str, Any], query: str) -> Page:
    """Read one answer of the API. A record that cannot be read, or is no photograph, costs itself alone."""
    if "error" in values:
        state = State.BLOCKED if _code(values) in DENIED else State.LAYOUT_CHANGED
        return Page(state=state, note=f"the API says {values['error']}"[:300])
    if "query" not in values and "batchcomplete" in values:
        return Page()  # with nothing found the API leaves `query` out, and says that it is done
    pages = values["query"].get("pages") if isinstance(values.get("query"), dict) else None
    if not isinstance(pages, dict):
        return Page(state=State.LAYOUT_CHANGED, note="no `pages` in the answer")
    about = [(page, _info(page)) for page in pages.values()]
    # A drawing or a scan in another format was read well enough, and is not what was sought.
    sought = [(page, info) for page, info in about if info.get("mime", PICTURES[0]) in PICTURES]
    read = [found for page, info in sought if (found := _candidate(page, info, query))]
    read.sort(key=lambda candidate: candidate.rank)
    return Page(read, len(sought) - len(read), len(about) - len(sought))


def text(html: object) -> str | None:
    """Return what a piece of HTML says, on one line; None where it says nothing or is no text."""
    if not isinstance(html, str):
        return None
    reader = _Text()
    reader.feed(html)
    reader.close()
    return " ".join("".join(reader.parts).split()) or None


def _info(page: Any) -> dict[str, Any]:
    infos = page.get("imageinfo") if isinstance(page, dict) else None
    return infos[0] if isinstance(infos, list) and infos and isinstance(infos[0], dict) else {}


def _candidate(page: Any, info: Mapping[str, Any], query: str) -> Candidate | None:
    rank, width = whole(page, "index") if info else None, whole(info, "width")
    # The API's own rendering, where it is smaller: never an address that was built here.
    scaled = is_web(info.get("thumburl")) and (whole(info, "thumbwidth") or RENDERED) < (width or 0)
    url = string(info, "thumburl" if scaled else "url")
    if rank is None or url is None or not is_web(url):
        return None
    about = info.get("extmetadata")
    said = about if isinstance(about, dict) else {}
    return Candidate(
        url=url,
        rank=rank,
        engine=Commons.name,
        query=query,
        page_url=string(info, "descriptionurl"),
        title=(string(page, "title") or "").removeprefix("File:") or None,
        licence=_said(said, "LicenseShortName"),
        licence_url=_said(said, "LicenseUrl"),
        creator=_said(said, "Artist"),
        attribution=_said(said, "Attribution"),
        width=width,
    )


def _said(about: Mapping[str, Any], key: str) -> str | None:
    value = about.get(key)
    return text(value.get("value")) if isinstance(value, dict) else None


def _lag(values: Any) -> float | None:
    """Return the seconds to wait where the databases lag: an error that comes as HTTP 200."""
    return float(MAXLAG) if _code(values) in BUSY else None


def _code(values: Any) -> str | None:
    error = values.get("error") if isinstance(values, dict) else None
    return string(error, "code") if isinstance(error, dict) else None


class _Text(HTMLParser):
    """Gathers what a browser would show."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in ("style", "script")
        if tag in ("br", "p", "div", "li", "tr", "td"):
            self.parts.append(" ")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("style", "script") and self._hidden > 0

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(data)
