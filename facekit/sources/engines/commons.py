"""Wikimedia Commons, by its API: free pictures with licence and creator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING, ClassVar

from facekit.base.plain import Json
from facekit.sources.addresses import is_web
from facekit.sources.engines import Candidate, Results, Search, State
from facekit.sources.engines.api import Api, Budget
from facekit.sources.engines.filters import is_licensed
from facekit.sources.engines.paging import Page, collect
from facekit.sources.engines.reading import fields, string, whole

if TYPE_CHECKING:
    import requests

PAGE, PAGES = 50, 20
"""Results a page, and pages that are worth asking for."""

RENDERED = 1280
"""Width to which Commons scales what is wider: its originals are often of tens of megabytes."""

MAXLAG = 5
"""Seconds that the databases may lag behind before the API turns a request of a bot away."""

LONGEST_RECORD = 20_000
"""Characters of a description that is worth reading."""

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
            more = fields(answer.values.get("continue"))
            if not more:
                return
            params |= {key: value for key, value in more.items() if isinstance(value, str | int)}


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


def harvest(values: Mapping[str, Json], query: str) -> Page:
    """Read one answer of the API. A record that cannot be read, or is no photograph, costs itself alone."""
    if "error" in values:
        state = State.BLOCKED if string(fields(values["error"]), "code") in DENIED else State.LAYOUT_CHANGED
        return Page(state=state, note=f"the API says {values['error']}"[:300])
    if "query" not in values and "batchcomplete" in values:
        return Page()  # with nothing found the API leaves `query` out, and says that it is done
    pages = fields(values.get("query")).get("pages")
    if not isinstance(pages, dict):
        return Page(state=State.LAYOUT_CHANGED, note="no `pages` in the answer")
    about = [(fields(page), _info(page)) for page in pages.values()]
    # A drawing or a scan in another format was read well enough, and is not what was sought.
    sought = [(page, info) for page, info in about if info.get("mime", PICTURES[0]) in PICTURES]
    read = [found for page, info in sought if (found := _candidate(page, info, query))]
    read.sort(key=lambda candidate: candidate.rank)
    return Page(read, len(sought) - len(read), len(about) - len(sought))


def text(html: str | None) -> str | None:
    """Return the text of a piece of HTML, on one line; None where it has none."""
    if not isinstance(html, str) or len(html) > LONGEST_RECORD:
        return None
    reader = _Text()
    reader.feed(html)
    reader.close()
    return " ".join("".join(reader.parts).split()) or None


def _info(page: Json) -> Mapping[str, Json]:
    infos = fields(page).get("imageinfo")
    return fields(infos[0]) if isinstance(infos, list) and infos else {}


def _candidate(page: Mapping[str, Json], info: Mapping[str, Json], query: str) -> Candidate | None:
    rank, width = whole(page, "index") if info else None, whole(info, "width")
    # The API's own rendering, where it is smaller: never an address that was built here.
    scaled = is_web(string(info, "thumburl")) and (whole(info, "thumbwidth") or RENDERED) < (width or 0)
    url = string(info, "thumburl" if scaled else "url")
    if rank is None or url is None or not is_web(url):
        return None
    about = fields(info.get("extmetadata"))
    return Candidate(
        url=url,
        rank=rank,
        engine=Commons.name,
        query=query,
        page_url=string(info, "descriptionurl"),
        title=(string(page, "title") or "").removeprefix("File:") or None,
        licence=_text_of(about, "LicenseShortName"),
        licence_url=_text_of(about, "LicenseUrl"),
        creator=_text_of(about, "Artist"),
        attribution=_text_of(about, "Attribution"),
        width=width,
    )


def _text_of(about: Mapping[str, Json], key: str) -> str | None:
    return text(string(fields(about.get(key)), "value"))


def _lag(values: Json) -> float | None:
    """Return the seconds to wait where the databases lag: an error that comes as HTTP 200."""
    return float(MAXLAG) if _code(values) in BUSY else None


def _code(values: Json) -> str | None:
    return string(fields(fields(values).get("error")), "code")


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
