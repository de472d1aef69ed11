"""What the engines that drive a browser have in common: patience, looking, pressing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from selenium.common.exceptions import JavascriptException, TimeoutException
from selenium.webdriver.support.ui import WebDriverWait

from facekit.sources.engines import is_loopback

if TYPE_CHECKING:
    from selenium.webdriver.remote.webdriver import WebDriver

T = TypeVar("T")

POLL = 0.05
STALLS = 2
"""Scrolls without anything new after which there is no more."""

REFUSED = (403, 429, 503)
"""HTTP statuses by which a page says that it has had enough of us."""

_STATUS = "const e = performance.getEntriesByType('navigation')[0]; return e ? e.responseStatus || 0 : 0"
_SCROLL = "window.scrollTo(0, document.body ? document.body.scrollHeight : 0)"
_VISIBLE = "return [...document.querySelectorAll(arguments[0])].filter(e => e.checkVisibility())"


class Patience(NamedTuple):
    """Seconds that the first record, and the next ones after a scroll, may take."""

    first: float
    more: float


def patience(base_url: str) -> Patience:
    """Return how long to wait for a server: less for one on this machine."""
    return Patience(3.0, 2.0) if is_loopback(base_url) else Patience(10.0, 3.0)


def wait(driver: WebDriver, condition: Callable[[WebDriver], T], seconds: float) -> T | None:
    """Return the condition's first value that counts as true; None where there was none in time.

    A script may be cut off because the page under it is left: then the next look tells.
    """
    try:
        return WebDriverWait(driver, seconds, POLL, [JavascriptException]).until(condition)
    except TimeoutException:
        return None


def status(driver: WebDriver) -> int:
    """Return the HTTP status of the page; 0 where the browser does not tell."""
    return int(driver.execute_script(_STATUS))


def scroll(driver: WebDriver) -> None:
    """Scroll to the end of the page."""
    driver.execute_script(_SCROLL)


def visible(driver: WebDriver, selector: str) -> list[Any]:
    """Return the elements that show."""
    found: list[Any] = driver.execute_script(_VISIBLE, selector)
    return found


def press(driver: WebDriver, selector: str) -> bool:
    """Press the first element that shows; return whether there was one.

    By script: a banner may lie over the element, and a click must not hit that.
    """
    found = visible(driver, selector)
    if found:
        driver.execute_script("arguments[0].click()", found[0])
    return bool(found)
