"""Bing Images: each card is `a.iusc`, and its attribute `m` holds JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import urlencode, urlsplit

from facekit.base.text import counted
from facekit.sources.engines import Candidate, Results, Search, State, distinct, repeated
from facekit.sources.engines.driving import (
    LONGEST_RECORD,
    MOST_RECORDS,
    MOST_TEXT,
    REFUSED,
    STALLS,
    address,
    exists,
    patience,
    press,
    run,
    scroll,
    status,
    visible,
    wait,
)
from facekit.sources.engines.filters import age
from facekit.sources.engines.reading import Keys, candidate, parse

if TYPE_CHECKING:
    from selenium.webdriver.remote.webdriver import WebDriver

PAGE = 35
"""Cards that Bing adds at a time."""

AGES = {"day": 1440, "week": 10080, "month": 43200, "year": 525600}
"""Past times -> minutes, as Bing's own menu has them."""

LICENCES = {"open": "licenseType-Any", "commercial": "license-L2_L3"}
"""Any Creative Commons licence; to modify, share and use commercially."""

_KEYS = Keys(url="murl", page_url="purl", thumbnail="turl", title="t")

_CARDS = """
let left = arguments[2];
return [...document.querySelectorAll('a.iusc')].slice(0, arguments[0]).map(card => {
  const text = card.getAttribute('m');
  if (!text || text.length > arguments[1] || text.length > left) return null;
  left -= text.length;
  return text;
});
"""
_COUNT = "return document.querySelectorAll('a.iusc').length"
_EMPTY = ".no_results, .dg_noresults, .mm_noresults, #noresults, .b_no"
_BLOCK = "#b_captcha, .captcha, iframe[src*='captcha'], iframe[src*='challenges.cloudflare.com']"
_BANNER, _REJECT = "#bnp_container, #bnp_overlay_wrapper", "#bnp_btn_reject"


class Bing:
    """Searches Bing Images in a browser."""

    name: ClassVar[str] = "bing"
    needs_browser: ClassVar[bool] = True
    interval: ClassVar[float] = 5.0
    filters: ClassVar[frozenset[str]] = frozenset({"face_only", "min_width", "safe", "since<=year", "license"})
    terms: ClassVar[str] = "https://www.microsoft.com/servicesagreement"
    hosts: ClassVar[tuple[str, ...]] = ("bing.com", "*.bing.com", "*.bing.net")

    def __init__(self, base_url: str | None = None) -> None:
        self.base_url = (base_url or "https://www.bing.com").rstrip("/")
        self._patience = patience(self.base_url)

    def address(self, search: Search) -> str:
        """Return the address of the page of results."""
        adult = "strict" if search.safe else "off"
        url = f"{self.base_url}/images/search?{urlencode({'q': search.query, 'first': 1, 'adlt': adult})}"
        # The plus signs are Bing's own between filters: encoded, it does not know them.
        wanted = "".join(f"+filterui:{one}" for one in _filters(search))
        return f"{url}&qft={wanted}" if wanted else url

    def search(self, driver: WebDriver, search: Search) -> Results:
        """Scroll until there are as many candidates as wanted or no more cards come."""
        driver.get(self.address(search))
        wait(driver, lambda d: _count(d) or _verdict(d) or _banner(d), self._patience.first)
        if press(driver, _REJECT):
            wait(driver, lambda d: not _banner(d), self._patience.more)
            wait(driver, lambda d: _count(d) or _verdict(d), self._patience.first)
        if not _count(driver):
            state = _verdict(driver) or (State.CONSENT if _banner(driver) else State.LAYOUT_CHANGED)
            return Results(state, note=f"{address(driver)} held no card")
        return self._collect(driver, search)

    def _collect(self, driver: WebDriver, search: Search) -> Results:
        state, stalls = State.OK, 0
        while True:
            cards = _cards(driver)
            found = harvest(cards, search.query)
            if repeats(cards):
                state = State.SOFT_BLOCK
                break
            if len(found) >= search.wanted or stalls >= STALLS or len(cards) >= MOST_RECORDS:
                break
            stalls = 0 if _advance(driver, len(cards), self._patience.more) else stalls + 1
        if not found:
            return Results(State.LAYOUT_CHANGED, note=f"none of {counted(len(cards), 'card')} could be read")
        note = f"{counted(len(cards), 'card')}, {len(cards) - len(found)} unreadable or double"
        # Cut, so that cards which happened to come with the last scroll change no later run.
        return Results(state, found[: search.wanted], note, "cards")


def harvest(cards: Sequence[str | None], query: str) -> list[Candidate]:
    """Read the cards' `m` attributes, in page order; a card that cannot be read costs itself alone.

    The same picture linked twice is one candidate, of the better rank.
    """
    read = (_candidate(card, rank, query) for rank, card in enumerate(cards, 1))
    return distinct(candidate for candidate in read if candidate is not None)


def repeats(cards: Sequence[str | None]) -> bool:
    """Return whether a page of cards gives again what the pages before gave: Bing's quiet way to block."""
    pages = (cards[start : start + PAGE] for start in range(0, len(cards), PAGE))
    return repeated([read.url for card in page if (read := _candidate(card, 0, ""))] for page in pages)


def _filters(search: Search) -> list[str]:
    """Return Bing's names of the filters. A date is sought by the shortest past time that reaches back to it."""
    past = age(search.since)
    wanted = {
        "face-face": search.face_only,
        # As wide as asked for at least, and of any height.
        f"imagesize-custom_{search.min_width}_1": search.min_width,
        f"age-lt{AGES.get(past or '')}": past,
        LICENCES.get(search.license, ""): search.license != "any",
    }
    return [name for name, is_wanted in wanted.items() if is_wanted]


def _candidate(card: str | None, rank: int, query: str) -> Candidate | None:
    return candidate(parse(card or ""), _KEYS, rank, Bing.name, query)


def _cards(driver: WebDriver) -> list[str | None]:
    return run(driver, list[str | None], _CARDS, MOST_RECORDS, LONGEST_RECORD, MOST_TEXT)


def _count(driver: WebDriver) -> int:
    return run(driver, int, _COUNT)


def _banner(driver: WebDriver) -> bool:
    return visible(driver, _BANNER)


def _verdict(driver: WebDriver) -> State | None:
    """Return why a page without cards has none; None while nothing shows that."""
    path = urlsplit(address(driver)).path
    if status(driver) in REFUSED or "/captcha" in path or exists(driver, _BLOCK):
        return State.BLOCKED
    if exists(driver, _EMPTY):
        return State.EMPTY
    return None


def _advance(driver: WebDriver, before: int, patience: float) -> bool:
    """Scroll down, press "see more" where it shows, and return whether cards were added."""
    press(driver, _REJECT)  # the banner may come late
    scroll(driver)
    press(driver, "a.btn_seemore")
    return bool(wait(driver, lambda d: _count(d) > before, patience))
