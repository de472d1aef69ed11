"""Bing Images: each card is `a.iusc`, and its attribute `m` holds JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlencode, urlsplit

from selenium.common.exceptions import TimeoutException as Timeout
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from facekit.engines import Candidate, Results, State, canonical, distinct, is_loopback, is_web

if TYPE_CHECKING:
    from selenium.webdriver.remote.webdriver import WebDriver

FAR_SECONDS, NEAR_SECONDS = (10.0, 3.0), (3.0, 1.5)
"""How long the first card, and the next ones after a scroll, may take: of a far server, of one on this machine."""

STALLS = 2
PAGE = 35
"""Cards that Bing adds at a time."""
SOFT_BLOCK_SHARE = 0.8

_CARDS = "return Array.from(document.querySelectorAll('a.iusc'), a => a.getAttribute('m'))"
_COUNT = "return document.querySelectorAll('a.iusc').length"
_SCROLL = "window.scrollTo(0, document.body.scrollHeight)"
_STATUS = "const e = performance.getEntriesByType('navigation')[0]; return e ? e.responseStatus || 0 : 0"
_EMPTY = ".no_results, .dg_noresults, .mm_noresults, #noresults, .b_no"
_BLOCK = "#b_captcha, .captcha, iframe[src*='captcha'], iframe[src*='challenges.cloudflare.com']"
_REFUSED = (403, 429, 503)


class Bing:
    """Searches Bing Images in a browser."""

    name: ClassVar[str] = "bing"

    def __init__(self, base_url: str | None = None) -> None:
        self.base_url = (base_url or "https://www.bing.com").rstrip("/")
        self._first, self._more = NEAR_SECONDS if is_loopback(self.base_url) else FAR_SECONDS

    def address(self, query: str) -> str:
        """Return the address of the page of results."""
        return f"{self.base_url}/images/search?{urlencode({'q': query, 'first': 1, 'adlt': 'strict'})}"

    def search(self, driver: WebDriver, query: str, wanted: int) -> Results:
        """Scroll until there are `wanted` candidates or no more cards come."""
        driver.get(self.address(query))
        with suppress(Timeout):
            WebDriverWait(driver, self._first, 0.05).until(lambda d: _count(d) or _verdict(d))
        if not _count(driver):
            state = _verdict(driver) or State.LAYOUT_CHANGED
            return Results(state, note=f"{driver.current_url} held no card")
        return self._collect(driver, query, wanted)

    def _collect(self, driver: WebDriver, query: str, wanted: int) -> Results:
        state, stalls = State.OK, 0
        while True:
            cards = _cards(driver)
            found = harvest(cards, query)
            if repeats(cards):
                state = State.SOFT_BLOCK
                break
            if len(found) >= wanted or stalls >= STALLS:
                break
            stalls = 0 if _advance(driver, len(cards), self._more) else stalls + 1
        if not found:
            return Results(State.LAYOUT_CHANGED, note=f"none of {len(cards)} cards could be read")
        # Cut, so that cards which happened to come with the last scroll change no later run.
        return Results(state, found[:wanted], f"{len(cards)} cards, {len(cards) - len(found)} unreadable or double")


def harvest(cards: Sequence[str | None], query: str) -> list[Candidate]:
    """Read the cards' `m` attributes, in page order; a card that cannot be read costs itself alone.

    The same picture linked twice is one candidate, of the better rank.
    """
    read = (_candidate(card, rank, query) for rank, card in enumerate(cards, 1))
    return distinct(candidate for candidate in read if candidate is not None)


def repeats(cards: Sequence[str | None]) -> bool:
    """Return whether a page of cards gives again what the pages before gave: Bing's quiet way to block."""
    seen: set[str] = set()
    for start in range(0, len(cards), PAGE):
        page = [candidate.url for card in cards[start : start + PAGE] if (candidate := _candidate(card, 0, ""))]
        again = sum(canonical(url) in seen for url in page)
        # A handful says nothing: the last page of a short result may well repeat one picture.
        if len(page) >= 5 and again >= SOFT_BLOCK_SHARE * len(page):
            return True
        seen.update(map(canonical, page))
    return False


def _candidate(card: str | None, rank: int, query: str) -> Candidate | None:
    try:
        values: Any = json.loads(card or "")
    except ValueError:
        return None
    if not isinstance(values, dict) or not is_web(values.get("murl")):
        return None
    return Candidate(
        url=values["murl"],
        rank=rank,
        engine=Bing.name,
        query=query,
        page_url=_text(values, "purl"),
        thumbnail=_text(values, "turl"),
        title=_text(values, "t"),
    )


def _text(values: dict[str, Any], key: str) -> str | None:
    value = values.get(key)
    return value if isinstance(value, str) and value else None


def _cards(driver: WebDriver) -> list[str | None]:
    found: list[str | None] = driver.execute_script(_CARDS)
    return found


def _count(driver: WebDriver) -> int:
    return int(driver.execute_script(_COUNT))


def _verdict(driver: WebDriver) -> State | None:
    """Say why a page without cards has none; None while nothing tells."""
    status = int(driver.execute_script(_STATUS))
    path = urlsplit(driver.current_url).path
    if status in _REFUSED or "/captcha" in path or driver.find_elements(By.CSS_SELECTOR, _BLOCK):
        return State.BLOCKED
    if driver.find_elements(By.CSS_SELECTOR, _EMPTY):
        return State.EMPTY
    return None


def _advance(driver: WebDriver, before: int, patience: float) -> bool:
    """Scroll down, press "see more" where it shows, and return whether cards were added."""
    driver.execute_script(_SCROLL)
    for button in driver.find_elements(By.CSS_SELECTOR, "a.btn_seemore"):
        if button.is_displayed():
            # By script: a cookie banner may lie over the button, and a click must not hit that.
            driver.execute_script("arguments[0].click()", button)
    try:
        WebDriverWait(driver, patience, 0.05).until(lambda d: _count(d) > before)
    except Timeout:
        return False
    return True
